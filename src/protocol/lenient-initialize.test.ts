import { describe, expect, it } from 'vitest';
import type { Message } from '../jsonrpc/message.ts';
import { isScanFailure, scanMessage } from '../jsonrpc/scan.ts';
import { completedInitialize } from './lenient-initialize.ts';

function read(text: string): Message {
  const message = scanMessage(Buffer.from(text));
  if (isScanFailure(message)) throw new Error(message.detail);
  return message;
}

const completed = (text: string) => completedInitialize(read(text), '2025-03-26').bytes.toString();

describe('an incomplete initialize', () => {
  it('gets what is missing', () => {
    expect(completed('{"jsonrpc":"2.0","method":"initialize","params":{},"id":1}')).toBe(
      '{"jsonrpc":"2.0","method":"initialize","params":{"protocolVersion":"2025-03-26","capabilities":{},' +
        '"clientInfo":{"name":"unknown","version":"0"}},"id":1}',
    );
  });

  it('gets what is missing also where it has as many members as a message may have', () => {
    const many = `"a":[${'0,'.repeat(199_993)}0]`;
    const text = `{"jsonrpc":"2.0","method":"initialize","params":{${many}},"id":1}`;
    const params = (JSON.parse(completed(text)) as { params: object }).params;
    expect(Object.keys(params)).toEqual(['a', 'protocolVersion', 'capabilities', 'clientInfo']);
  });

  it('gets parameters where it has none', () => {
    expect(JSON.parse(completed('{"jsonrpc":"2.0","id":"a","method":"initialize"}'))).toEqual({
      jsonrpc: '2.0',
      id: 'a',
      method: 'initialize',
      params: {
        protocolVersion: '2025-03-26',
        capabilities: {},
        clientInfo: { name: 'unknown', version: '0' },
      },
    });
  });

  it('keeps what it has, byte for byte, even where that is wrong', () => {
    const text = '{"jsonrpc":"2.0", "id":1,"method":"initialize","params":{"protocolVersion":7 ,"clientInfo":"me"}}';
    expect(completed(text)).toBe(text.replace('"me"', '"me","capabilities":{}'));
  });

  it('that is complete is the same message', () => {
    const message = read(
      '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"","capabilities":{},"clientInfo":{}}}',
    );
    expect(completedInitialize(message, '2025-03-26')).toBe(message);
  });
});
