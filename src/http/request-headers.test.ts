import { describe, expect, it } from 'vitest';
import { RequestHeaders } from './request-headers.ts';

describe('request headers', () => {
  it('are read whatever their case', () => {
    const headers = new RequestHeaders(['HOST', 'a', 'oRiGiN', 'http://b', 'mcp-session-id', 's']);
    expect([headers.host, headers.origin, headers.sessionId]).toEqual(['a', 'http://b', 's']);
    expect(headers.duplicated).toBeUndefined();
  });

  it('remember a header that may appear once and appeared twice', () => {
    expect(new RequestHeaders(['Host', 'a', 'host', 'a']).duplicated).toBe('host');
    expect(new RequestHeaders(['Mcp-Session-Id', 'a', 'MCP-Session-ID', 'b']).duplicated).toBe('MCP-Session-ID');
  });

  it('remember it though a list follows that may come in several lines', () => {
    const lines = ['Accept', 'a/b', 'accept', 'c/d'];
    expect(new RequestHeaders(['Host', 'a', 'host', 'b', ...lines]).duplicated).toBe('host');
    expect(new RequestHeaders([...lines, 'Host', 'a', 'host', 'b']).duplicated).toBe('host');
  });

  it('keep every Authorization, for only authentication may judge two of them', () => {
    const headers = new RequestHeaders(['Authorization', 'Bearer a', 'authorization', 'Bearer b']);
    expect(headers.authorization).toEqual(['Bearer a', 'Bearer b']);
  });

  it('join several Accept lines into one list', () => {
    const headers = new RequestHeaders(['Accept', 'application/json', 'accept', 'text/event-stream']);
    expect(headers.accept).toBe('application/json, text/event-stream');
    expect(headers.duplicated).toBeUndefined();
  });

  it('collect Mcp-Param headers with the spelling they came in', () => {
    expect(new RequestHeaders(['Mcp-Param-Region', 'eu', 'mcp-param-Empty', '']).params).toEqual([
      'Mcp-Param-Region',
      'eu',
      'mcp-param-Empty',
      '',
    ]);
  });
});
