import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Ground, TOKENS } from './ground.ts';
import { type Attack, prove } from './prove.ts';
import { bytesOf, callMessage, type Headers, modernCall, type Request } from './requests.ts';

let ground: Ground;
beforeAll(async () => {
  ground = await Ground.open();
});
afterAll(() => ground.close());

const call = (headers: Headers): Request => modernCall('/mcp/open', TOKENS.user, { headers });

const CONTENT_TYPES = [
  undefined,
  '',
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'application/jsonx',
  'application/json-rpc',
  'application/vnd.mcp+json',
  'text/json',
  'application/json; charset=utf-16',
  'application/json; charset=iso-8859-1',
  'application/json, text/plain',
  'application/json; boundary=x',
  '*/*',
];
const ENCODINGS = ['gzip', 'br', 'deflate', 'zstd', 'gzip, gzip', 'x-unknown', ''];
const ACCEPTS = [
  undefined,
  '',
  'application/json',
  'text/event-stream',
  'text/html',
  'application/xml, text/event-stream',
  'application/jsonx, text/event-stream',
  'application/json, text/event-streams',
  'application/json, text/event-stream;q=0',
  'application/json;q=0.000, text/event-stream',
  'application/json; q=0, */*',
  '*/*;q=0',
];

describe('a Content-Type', () => {
  prove(
    () => ground,
    CONTENT_TYPES.map(
      (type): Attack => ({
        name: type === undefined ? 'that is missing' : JSON.stringify(type),
        send: call({ 'content-type': type }),
        status: 415,
        code: 41501,
        audit: { policy: 'parse', reason: 'body.content-type' },
        closes: true,
        twin: call({ 'content-type': 'Application/JSON; charset="UTF-8"' }),
      }),
    ),
  );
});

describe('a Content-Encoding', () => {
  prove(
    () => ground,
    ENCODINGS.map(
      (encoding): Attack => ({
        name: JSON.stringify(encoding),
        send: call({ 'content-encoding': encoding }),
        status: 415,
        code: 41501,
        audit: { policy: 'parse', reason: 'body.content-encoding' },
        closes: true,
        twin: call({ 'content-encoding': 'identity' }),
      }),
    ),
  );
});

describe('an Accept', () => {
  prove(
    () => ground,
    ACCEPTS.map(
      (accept): Attack => ({
        name: accept === undefined ? 'that is missing' : JSON.stringify(accept),
        send: call({ accept }),
        status: 406,
        code: 40601,
        audit: { policy: 'parse', reason: 'body.accept' },
        closes: true,
        twin: call({ accept: 'text/event-stream;q=0.5, application/json' }),
      }),
    ),
  );

  it.each(['*/*', 'application/*, text/*', 'text/html, */*;q=0.1'])('%s stands for both', async (accept) => {
    expect((await ground.send(call({ accept }))).status).toBe(200);
  });
});

describe('an Expect', () => {
  const body = Buffer.from(JSON.stringify(callMessage()));

  prove(
    () => ground,
    ['foo', '200-ok', '100-continue, foo'].map(
      (expectation): Attack => ({
        name: expectation,
        send: call({ expect: expectation }),
        status: 417,
        code: 41701,
        audit: { policy: 'parse', reason: 'body.expect' },
        closes: true,
        twin: call({ expect: '100-continue' }),
      }),
    ),
  );

  const waiting = (token: string): Buffer => {
    const headers = { expect: '100-continue', 'content-length': String(body.length) };
    return bytesOf({ ...modernCall('/mcp/open', token, { headers }), body: undefined });
  };

  it('is answered with the refusal, and the body never asked for, when the caller is not let in', async () => {
    const connection = await ground.connect();
    connection.write(waiting(TOKENS.expired));
    const answer = await connection.answer();
    expect(answer.status).toBe(401);
    expect(connection.received().toString()).not.toContain('100 Continue');
    connection.destroy();
  });

  it.each([
    ['its type', { 'content-type': 'text/plain' }, 415],
    ['its coding', { 'content-encoding': 'gzip' }, 415],
    ['its length', { 'content-length': '1000000000' }, 413],
    ['its path', undefined, 404],
  ])('is answered with the refusal, and the body never asked for, because of %s', async (_, headers, status) => {
    const sound = { expect: '100-continue', 'content-length': String(body.length) };
    const target = headers === undefined ? '/nowhere' : '/mcp/open';
    const connection = await ground.connect();
    const request = modernCall(target, TOKENS.user, { headers: { ...sound, ...headers } });
    connection.write(bytesOf({ ...request, body: undefined }));
    expect((await connection.answer()).status).toBe(status);
    connection.destroy();
    expect(connection.received().toString()).not.toContain('100 Continue');
  });

  it('is answered with 100 once the caller is let in', async () => {
    const connection = await ground.connect();
    connection.write(waiting(TOKENS.user));
    const answer = connection.answer();
    connection.write(body);
    expect((await answer).status).toBe(200);
    expect(connection.received().toString()).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 /);
    connection.destroy();
  });
});
