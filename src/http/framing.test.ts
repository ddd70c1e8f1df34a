import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { PROBLEMS } from '../problem/catalogue.ts';
import { framingFault } from './framing.ts';
import { RequestHeaders } from './request-headers.ts';

const judged = (raw: readonly string[], httpVersion = '1.1') =>
  framingFault({ httpVersion } as IncomingMessage, new RequestHeaders(raw));

const HOST = ['Host', 'localhost'];

describe('the framing of a request', () => {
  it.each([
    ['a length', ['Content-Length', '3']],
    ['chunks', ['Transfer-Encoding', 'chunked']],
    ['chunks in capital letters', ['Transfer-Encoding', 'Chunked']],
    ['no body', []],
  ])('is clear with %s', (_, headers) => {
    expect(judged([...HOST, ...headers])).toBeUndefined();
  });

  it.each([
    ['a length and chunks', ['Content-Length', '3', 'Transfer-Encoding', 'chunked']],
    ['an empty member before chunked', ['Transfer-Encoding', ',chunked']],
    ['another coding before chunked', ['Transfer-Encoding', 'gzip, chunked']],
    ['a quoted coding', ['Transfer-Encoding', '"chunked"']],
    ['a blank in its coding', ['Transfer-Encoding', 'chun ked']],
    ['no coding', ['Transfer-Encoding', '']],
  ])('is ambiguous with %s', (_, headers) => {
    expect(judged([...HOST, ...headers])).toBe(PROBLEMS.MALFORMED_REQUEST);
  });

  it.each(['gzip', 'xchunked', 'identity'])('is in a coding nobody here understands: %s', (coding) => {
    expect(judged([...HOST, 'Transfer-Encoding', coding])).toBe(PROBLEMS.UNKNOWN_TRANSFER_CODING);
  });

  it('needs a Host on HTTP/1.1, and HTTP/1.0 may leave it out', () => {
    expect(judged([])).toBe(PROBLEMS.MALFORMED_REQUEST);
    expect(judged([], '1.0')).toBeUndefined();
  });

  it('has no chunks on HTTP/1.0', () => {
    expect(judged([...HOST, 'Transfer-Encoding', 'chunked'], '1.0')).toBe(PROBLEMS.MALFORMED_REQUEST);
  });

  it.each(['0.9', '1.2', '2.0'])('is not that of HTTP/%s', (version) => {
    expect(judged(HOST, version)).toBe(PROBLEMS.MALFORMED_REQUEST);
  });
});
