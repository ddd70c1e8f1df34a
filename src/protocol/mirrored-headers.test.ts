import { describe, expect, it } from 'vitest';
import { isScanFailure, scanMessage } from '../jsonrpc/scan.ts';
import { writeNotification, writeRequest } from '../jsonrpc/write.ts';
import { addMirroredHeaders } from './mirrored-headers.ts';

function mirrored(bytes: Buffer): Record<string, string> {
  const message = scanMessage(bytes);
  if (isScanFailure(message)) throw new Error(message.detail);
  const headers: string[] = [];
  addMirroredHeaders(headers, message, '2026-07-28');
  const byName: Record<string, string> = {};
  for (let at = 0; at < headers.length; at += 2) byName[headers[at]!] = headers[at + 1]!;
  return byName;
}

describe('addMirroredHeaders', () => {
  it.each([
    ['tools/call', '{"name":"echo"}', 'echo'],
    ['prompts/get', '{"name":"greet"}', 'greet'],
    ['resources/read', '{"uri":"file:///a b"}', 'file:///a b'],
    ['tasks/get', '{"taskId":"t-1"}', 't-1'],
    ['tasks/update', '{"taskId":"t-1"}', 't-1'],
    ['tasks/cancel', '{"taskId":"t-1"}', 't-1'],
  ])('names the target of %s', (method, params, name) => {
    expect(mirrored(writeRequest(1, method, params))).toEqual({
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': method,
      'mcp-name': name,
    });
  });

  it('encodes a name that HTTP would not carry', () => {
    expect(mirrored(writeRequest(1, 'tools/call', '{"name":" pad"}'))['mcp-name']).toBe('=?base64?IHBhZA==?=');
  });

  it('keeps an empty name', () => {
    expect(mirrored(writeRequest(1, 'tools/call', '{"name":""}'))['mcp-name']).toBe('');
  });

  it('names nothing where the method names nothing, or the name is not a string', () => {
    expect(mirrored(writeRequest(1, 'tools/list', '{"name":"echo"}'))).not.toHaveProperty('mcp-name');
    expect(mirrored(writeRequest(1, 'tools/call', '{"name":7}'))).not.toHaveProperty('mcp-name');
    expect(mirrored(writeNotification('notifications/cancelled'))).toEqual({
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'notifications/cancelled',
    });
  });
});
