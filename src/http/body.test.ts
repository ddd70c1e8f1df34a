import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { PROBLEMS } from '../problem/catalogue.ts';
import { readBody } from './body.ts';
import { RequestHeaders } from './request-headers.ts';

const LIMITS = { bytes: 10, timeoutMs: 60_000 };

/** A body that is still on its way: the test sends it piece by piece. */
function arriving(headers: readonly string[] = [], limits = LIMITS) {
  const request = new IncomingMessage(new Socket());
  return { request, body: readBody(request, new RequestHeaders(headers), limits) };
}

describe('a body', () => {
  it('comes whole, in however many pieces it was sent', async () => {
    const { request, body } = arriving();
    for (const piece of ['ab', 'cde', 'f']) request.push(piece);
    request.push(null);
    expect(String(await body)).toBe('abcdef');
  });

  it('may be empty, and may be exactly as long as the limit', async () => {
    const empty = arriving();
    empty.request.push(null);
    expect(await empty.body).toEqual(Buffer.alloc(0));
    const full = arriving(['Content-Length', '10']);
    full.request.push('0123456789');
    full.request.push(null);
    expect(String(await full.body)).toBe('0123456789');
  });

  it('announced as too large is refused before a byte of it is read', async () => {
    const { request, body } = arriving(['Content-Length', '11']);
    expect(await body).toBe(PROBLEMS.BODY_TOO_LARGE);
    expect(request.readableFlowing).toBeNull();
  });

  it('that turns out too large is refused, and nobody goes on reading it', async () => {
    const { request, body } = arriving();
    request.push('01234');
    request.push('567890');
    expect(await body).toBe(PROBLEMS.BODY_TOO_LARGE);
    expect(request.isPaused()).toBe(true);
    expect(request.listenerCount('data')).toBe(0);
  });

  it('that does not arrive in time is refused', async () => {
    const { request, body } = arriving([], { bytes: 10, timeoutMs: 1 });
    request.push('half');
    expect(await body).toBe(PROBLEMS.REQUEST_TIMEOUT);
  });

  it('whose client goes away half way is no body', async () => {
    const { request, body } = arriving();
    request.push('half');
    request.destroy();
    expect(await body).toBe(PROBLEMS.MALFORMED_REQUEST);
  });
});
