import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { isAmbiguous } from './framing.ts';
import { RequestHeaders } from './request-headers.ts';

const judged = (raw: readonly string[], httpVersion = '1.1'): boolean =>
  isAmbiguous({ httpVersion } as IncomingMessage, new RequestHeaders(raw));

const HOST = ['Host', 'localhost'];

describe('the framing of a request', () => {
  it.each([
    ['a length', ['Content-Length', '3']],
    ['chunks', ['Transfer-Encoding', 'chunked']],
    ['chunks in capital letters', ['Transfer-Encoding', 'Chunked']],
    ['no body', []],
  ])('is clear with %s', (_, headers) => {
    expect(judged([...HOST, ...headers])).toBe(false);
  });

  it.each([
    ['a length and chunks', ['Content-Length', '3', 'Transfer-Encoding', 'chunked']],
    ['an empty member before chunked', ['Transfer-Encoding', ',chunked']],
    ['another coding', ['Transfer-Encoding', 'gzip, chunked']],
    ['an upgrade', ['Upgrade', 'websocket']],
  ])('is ambiguous with %s', (_, headers) => {
    expect(judged([...HOST, ...headers])).toBe(true);
  });

  it('needs a Host on HTTP/1.1, and HTTP/1.0 may leave it out', () => {
    expect(judged([])).toBe(true);
    expect(judged([], '1.0')).toBe(false);
  });

  it('has no chunks on HTTP/1.0', () => {
    expect(judged([...HOST, 'Transfer-Encoding', 'chunked'], '1.0')).toBe(true);
  });

  it.each(['0.9', '1.2', '2.0'])('is not that of HTTP/%s', (version) => {
    expect(judged(HOST, version)).toBe(true);
  });
});
