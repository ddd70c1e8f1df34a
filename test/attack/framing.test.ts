import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RawConnection } from '../support/raw.ts';
import { until } from '../support/wait.ts';
import { Ground, TOKENS } from './ground.ts';
import { type Attack, prove } from './prove.ts';
import {
  bytesOf,
  callMessage,
  get,
  type Headers,
  legacy,
  legacyCall,
  modernCall,
  type Request,
  read,
  type Variation,
  vary,
} from './requests.ts';

let ground: Ground;
beforeAll(async () => {
  ground = await Ground.open();
});
afterAll(() => ground.close());

const BODY = JSON.stringify(callMessage());
const call = (variation: Variation = {}): Request => modernCall('/mcp/open', TOKENS.user, variation);
const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;
const CHUNKED = `${chunk(BODY)}0\r\n\r\n`;
const chunked = (body: string, headers: Headers = {}): Request =>
  call({ headers: { 'transfer-encoding': 'chunked', ...headers }, body });

/** What Node's parser refuses: answered on the bare socket, recorded by the listener. */
const unreadable = {
  status: 400,
  error: 'malformed_request',
  audit: { policy: 'listener', reason: 'http.unreadable' },
};

function all(rows: readonly [name: string, send: Request | string][], twin: Request): Attack[] {
  return rows.map(([name, send]) => ({ name, send, ...unreadable, closes: true, twin }));
}

/** What the parser lets through and the gateway does not: refused before any step. */
function ambiguous(name: string, send: Request | string, twin: Request): Attack {
  const audit = { policy: 'routes', reason: 'request.malformed' };
  return { name, send, status: 400, error: 'malformed_request', audit, closes: true, twin };
}

/** A head as text, for what no request builder would write. */
const head = (lines: string, body = BODY): string =>
  bytesOf(call({ body: undefined, headers: { 'content-length': String(body.length) } }))
    .toString('latin1')
    .replace(/\r\n$/, `${lines}\r\n`) + body;

const SMUGGLED = bytesOf(call({ headers: { 'x-request-id': 'smuggled' } })).toString('latin1');

describe('two answers to where a body ends', () => {
  prove(
    () => ground,
    all(
      [
        ['Content-Length with Transfer-Encoding', chunked(`0\r\n\r\n${SMUGGLED}`, { 'content-length': '6' })],
        [
          'Transfer-Encoding with Content-Length',
          call({ headers: { 'content-length': '6', 'transfer-encoding': 'chunked' }, body: CHUNKED }),
        ],
        [
          'Transfer-Encoding on HTTP/1.0 with Content-Length',
          { ...chunked(CHUNKED, { 'content-length': '6' }), version: 'HTTP/1.0' },
        ],
        [
          'Content-Length twice, different',
          call({ headers: { 'content-length': [String(BODY.length), '5'] }, body: BODY }),
        ],
        [
          'Content-Length twice, the same',
          call({ headers: { 'content-length': [String(BODY.length), String(BODY.length)] }, body: BODY }),
        ],
        ...['+5', '-1', '0x5', '5 5', '5,5', '1_0', '', '18446744073709551616', '5.0'].map(
          (length): [string, Request] => [
            `Content-Length "${length}"`,
            call({ headers: { 'content-length': length }, body: BODY }),
          ],
        ),
      ],
      call(),
    ),
  );
});

describe('a Transfer-Encoding', () => {
  const coded = (coding: string): Request => chunked(CHUNKED, { 'transfer-encoding': coding });
  const unparsed = ['chunked\x0b', 'chunked, identity', 'chunked, chunked', 'chunked,'];
  prove(
    () => ground,
    all(
      [
        ...unparsed.map((coding): [string, Request] => [JSON.stringify(coding), coded(coding)]),
        [
          'with a blank before the colon',
          call({ headers: { 'transfer-encoding ': 'chunked', 'content-length': undefined }, body: CHUNKED }),
        ],
        ['twice', chunked(CHUNKED, { 'transfer-encoding': ['chunked', 'chunked'] })],
        ['on a folded line', head('Transfer-Encoding:\r\n chunked\r\n')],
      ],
      chunked(CHUNKED),
    ),
  );

  // Node's parser lets these through, and takes `,chunked` for chunks.
  const parsed = [',chunked', 'chun ked', '', 'chunked;q=1', 'identity, chunked', 'gzip, chunked'];
  prove(
    () => ground,
    [
      ...parsed.map((coding) => ambiguous(JSON.stringify(coding), coded(coding), chunked(CHUNKED))),
      ambiguous('on HTTP/1.0', { ...chunked(CHUNKED), version: 'HTTP/1.0' }, chunked(CHUNKED)),
    ],
  );

  prove(
    () => ground,
    ['xchunked', 'gzip', 'identity'].map(
      (coding): Attack => ({
        name: `${coding}, which is no coding it knows`,
        send: coded(coding),
        status: 501,
        error: 'unknown_transfer_coding',
        audit: { policy: 'routes', reason: 'request.transfer-coding', route: '/mcp/open' },
        closes: true,
        twin: chunked(CHUNKED),
      }),
    ),
  );

  it.each(['CHUNKED', '  chunked'])('is the same coding as %j', async (coding) => {
    expect((await ground.send(coded(coding))).status).toBe(200);
  });
});

describe('a chunk', () => {
  const first = (line: string): Request => chunked(`${line}\r\n${BODY}\r\n0\r\n\r\n`);
  const size = BODY.length.toString(16);
  const broken: readonly [string, Request][] = [
    ['size with 0x', first(`0x${size}`)],
    ['size with a sign', first(`+${size}`)],
    ['size after a blank', first(` ${size}`)],
    ['size before a blank', first(`${size} `)],
    ['size that is no number', first('x')],
    ['without a size', first('')],
    ['extension that is empty', first(`${size};`)],
    ['size beyond any number', first('FFFFFFFFFFFFFFFFF')],
    ['size that ends in a bare line feed', chunked(`${size}\n${BODY}\r\n0\r\n\r\n`)],
    ['size that ends in a bare carriage return', chunked(`${size}\rX${BODY}\r\n0\r\n\r\n`)],
  ];
  prove(
    () => ground,
    broken.map(
      ([name, send]): Attack => ({
        name,
        send,
        status: 400,
        error: 'malformed_request',
        // The reader of the body knows whose it was.
        audit: { policy: 'parse', reason: 'body.malformed-request', principal_name: 'user', route: '/mcp/open' },
        closes: true,
        twin: chunked(CHUNKED),
      }),
    ),
  );

  // The watch is before Node's parser, which takes most of these and says nothing of extensions.
  const more: readonly [string, Request][] = [
    ['body with a Content-Length in its trailer', chunked(`${chunk(BODY)}0\r\nContent-Length: 5\r\n\r\n`)],
    ['longer than its size', chunked(`${(BODY.length - 1).toString(16)}\r\n${BODY}\r\n0\r\n\r\n`)],
    ['extension', first(`${size};name=value`)],
    ['extension without a value', first(`${size};x`)],
    ['extension in quotes', first(`${size};x="\\""`)],
    ['extension on the last chunk', chunked(`${chunk(BODY)}0;x\r\n\r\n`)],
    [
      'extension on a later chunk',
      chunked(`${chunk(BODY.slice(0, 9))}${chunk(BODY.slice(9)).replace('\r', ';x\r')}0\r\n\r\n`),
    ],
    ['extension of 10 KiB', first(`${size};${'e'.repeat(10_240)}`)],
    ['body with a trailer', chunked(`${chunk(BODY)}0\r\nX-Checksum: 1\r\n\r\n`)],
    [
      'body with another caller in its trailer',
      chunked(`${chunk(BODY)}0\r\nAuthorization: Bearer x\r\nHost: evil\r\n\r\n`),
    ],
  ];
  prove(
    () => ground,
    more.map(
      ([name, send]): Attack => ({
        name,
        send,
        status: 400,
        code: 40002,
        audit: { policy: 'parse', reason: 'body.malformed-request', principal_name: 'user', route: '/mcp/open' },
        closes: true,
        twin: chunked(CHUNKED),
      }),
    ),
  );

  it('may hold what looks like an extension', async () => {
    const text = JSON.stringify(callMessage('echo', { text: '5;name=value' }));
    const at = text.indexOf('5;name');
    const sound = chunked(`${chunk(text.slice(0, at))}${chunk(text.slice(at))}0\r\n\r\n`);
    expect((await ground.send(sound)).status).toBe(200);
  });

  it('extension without end is refused as soon as it begins', async () => {
    const connection = await ground.connect();
    const mark = await ground.mark();
    connection.write(bytesOf(chunked('')));
    connection.write('1;e');
    expect((await connection.answer()).status).toBe(400);
    connection.write('e'.repeat(64 * 1024));
    await connection.closed;
    expect(ground.hits()).toEqual([]);
    expect((await ground.control(mark)).filter((row) => row.verdict === 'deny')).toHaveLength(1);
  });

  it('trailer without end is refused as soon as it begins, and never becomes a header', async () => {
    const connection = await ground.connect();
    const mark = await ground.mark();
    connection.write(bytesOf(chunked(`${chunk(BODY)}0\r\nX`)));
    expect((await connection.answer()).status).toBe(400);
    connection.write(`-A: ${'a'.repeat(1_048_576)}`);
    await connection.closed;
    expect((await ground.control(mark)).filter((row) => row.verdict === 'deny')).toHaveLength(1);
    const trailers = `${chunk(BODY)}0\r\nAuthorization: Bearer ${TOKENS.user}\r\n\r\n`;
    expect((await ground.send(chunked(trailers, { authorization: undefined }))).status).toBe(401);
  });
});

describe('a head', () => {
  prove(
    () => ground,
    all(
      [
        ['with a bare carriage return in a value', head('X-A: a\rb\r\n')],
        ['with a bare line feed at the end of a line', head('X-A: a\nX-B: b\r\n')],
        ['with NUL in a value', head('X-A: a\0b\r\n')],
        ['with NUL in a name', head('X\0A: a\r\n')],
        ['with a folded line', head('X-A: a\r\n b\r\n')],
        ['that begins with a folded line', call().method + head('').slice(4).replace('\r\n', '\r\n folded\r\n')],
        ['with a blank before the colon', head('X-A : a\r\n')],
        ['with a header without a name', head(': a\r\n')],
        ['whose lines end in bare line feeds', head('').replaceAll('\r\n', '\n')],
        ['with a line without a colon', head('X-A\r\n')],
        ['with a name outside ASCII', head('X-\xe9: a\r\n')],
        ['with a control character in a value', head('X-A: a\x01b\r\n')],
        ['that ends in a carriage return and something else', head('X-A: a\r\n\rX')],
        ['of HTTP/1.10', { ...call(), version: 'HTTP/1.10' }],
        ['of HTTP/1.2', { ...call(), version: 'HTTP/1.2' }],
        ['of another protocol', 'SSH-2.0-OpenSSH_9.6\r\n\r\n'],
        ['of a TLS client', '\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03\r\n\r\n'],
        ['with a blank in its target', { ...call(), target: '/mcp/open x' }],
        ['of HTTP/2 with prior knowledge', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
      ],
      call(),
    ),
  );

  prove(
    () => ground,
    [
      ambiguous('of HTTP/0.9', 'GET /health\r\n\r\n', call()),
      ambiguous('that says HTTP/2.0', { ...call(), version: 'HTTP/2.0' }, call()),
    ],
  );
});

describe('a repeated header', () => {
  const repeated: readonly [what: string, headers: Headers][] = [
    [
      'Host, beside a repeated Accept',
      { host: ['localhost', 'evil.example'], accept: ['application/json', 'text/event-stream'] },
    ],
    ['Content-Type', { 'content-type': ['application/json', 'text/plain'] }],
    ['Content-Type with the same value', { 'content-type': ['application/json', 'application/json'] }],
    ['Mcp-Session-Id', { 'mcp-session-id': ['a', 'b'] }],
    ['MCP-Protocol-Version', { 'mcp-protocol-version': ['2026-07-28', '2025-11-25'] }],
    ['Mcp-Method', { 'mcp-method': ['tools/call', 'tools/list'] }],
    ['Mcp-Name', { 'mcp-name': ['echo', 'fail'] }],
    ['X-Request-Id', { 'x-request-id': ['a', 'b'] }],
    ['Expect', { expect: ['100-continue', '100-continue'] }],
  ];
  prove(
    () => ground,
    repeated.map(([name, headers]) => ({
      name,
      send: call({ headers }),
      status: 400,
      error: 'malformed_request',
      audit: { policy: 'host-origin', reason: 'headers.duplicated' },
      closes: true,
      twin: call(),
    })),
  );

  it('that is a list by its nature is one list', async () => {
    const headers = { accept: ['application/json', 'text/event-stream'] };
    expect((await ground.send(call({ headers }))).status).toBe(200);
  });
});

describe('an older or another protocol', () => {
  prove(
    () => ground,
    [
      {
        name: 'an upgrade to WebSocket',
        send: get('/mcp/open', TOKENS.user, { headers: { connection: 'Upgrade', upgrade: 'websocket' } }),
        status: 400,
        error: 'malformed_request',
        audit: { policy: 'routes', reason: 'request.upgrade', route: '/mcp/open' },
        closes: true,
        twin: call(),
      },
      {
        name: 'an upgrade to HTTP/2 in clear text',
        send: call({
          headers: {
            connection: 'Upgrade, HTTP2-Settings',
            upgrade: 'h2c',
            'http2-settings': 'AAMAAABkAARAAAAAAAIAAAAA',
          },
        }),
        status: 400,
        error: 'malformed_request',
        audit: { policy: 'routes', reason: 'request.upgrade' },
        closes: true,
        twin: call(),
      },
      {
        name: 'a Content-Length beyond any body',
        send: call({ headers: { 'content-length': '9223372036854775808' }, body: BODY }),
        status: 413,
        code: 41301,
        audit: { policy: 'parse', reason: 'body.body-too-large' },
        closes: true,
        twin: call(),
      },
      {
        name: 'a body where none belongs',
        send: get('/mcp/servers', TOKENS.user, { body: BODY }),
        status: 400,
        code: 40002,
        audit: { policy: 'parse', reason: 'body.unexpected' },
        closes: true,
        twin: get('/mcp/servers', TOKENS.user),
        twinHits: 0,
      },
      {
        name: 'a chunked body where none belongs',
        send: get('/health', undefined, { headers: { 'transfer-encoding': 'chunked' }, body: CHUNKED }),
        status: 400,
        code: 40002,
        audit: { policy: 'parse', reason: 'body.unexpected' },
        closes: true,
        twin: get('/health', undefined, { headers: { 'content-length': '0' } }),
        twinHits: 0,
      },
    ],
  );

  it.each(['/healthz', '/readyz', '/health'])('HEAD %s has the head of GET and no body', async (path) => {
    const asked = await fetch(`${ground.gateway.url}${path}`, { method: 'HEAD' });
    const got = await fetch(`${ground.gateway.url}${path}`);
    expect([asked.status, asked.headers.get('content-type')]).toEqual([200, got.headers.get('content-type')]);
    expect(asked.headers.get('content-length')).toBe(got.headers.get('content-length'));
    expect(await asked.text()).toBe('');
  });

  it('HTTP/1.0 is served, once per connection', async () => {
    const connection = await ground.connect();
    connection.write(bytesOf({ ...call(), version: 'HTTP/1.0' }));
    expect((await connection.answer()).status).toBe(200);
    await connection.closed;
  });

  it.each(['POST', 'GET'])('no header and no parameter makes another verb of %s', async (method) => {
    const session = await ground.openSession();
    const headers = {
      'x-http-method-override': 'DELETE',
      'x-http-method': 'DELETE',
      'x-method-override': 'DELETE',
      'mcp-session-id': session,
    };
    const target = '/mcp/open?_method=DELETE';
    const sound = legacy(target, TOKENS.user, session, legacyCall(), { headers });
    if (method === 'POST') expect((await ground.send(sound)).status).toBe(200);
    else expect((await ground.send(get(target, TOKENS.user, { headers }))).status, 'no Accept').toBe(406);
    expect((await ground.send(sound)).status, 'the session is still open').toBe(200);
    const end = vary(get('/mcp/open', TOKENS.user, { headers: { 'mcp-session-id': session } }), { method: 'DELETE' });
    expect((await ground.send(end)).status).toBe(204);
    expect((await ground.send(sound)).status, 'and DELETE itself ends it').toBe(404);
  });
});

describe('requests in a row on one connection', () => {
  it('are each judged by their own credential, and answered in order', async () => {
    const tokens = Array.from({ length: 100 }, (_, i) => [TOKENS.user, TOKENS.expired, undefined][i % 3]);
    const requests = tokens.map((token, i) =>
      modernCall('/mcp/open', token, { headers: { 'x-request-id': `row-${i}` } }),
    );
    await ground.mark();
    const connection = await ground.connect();
    connection.write(Buffer.concat(requests.map(bytesOf)));
    for (const [i, token] of tokens.entries()) {
      const answer = await connection.answer();
      expect(answer.headers.get('x-request-id')).toEqual([`row-${i}`]);
      expect(answer.status).toBe(token === TOKENS.user ? 200 : 401);
    }
    connection.destroy();
    const calls = tokens.filter((token) => token === TOKENS.user).length;
    expect(ground.hits().filter((method) => method === 'tools/call')).toHaveLength(calls);
  });

  it('end with the one that says Connection: close', async () => {
    const connection = await ground.connect();
    ground.forgetHits();
    connection.write(Buffer.concat([bytesOf(call({ headers: { connection: 'close' } })), Buffer.from(SMUGGLED)]));
    expect((await connection.answer()).status).toBe(200);
    await connection.closed;
    expect(ground.hits()).toEqual(['tools/call']);
  });

  it('get their own answers first when one of them is no request', async () => {
    const connection = await ground.connect();
    const mark = await ground.mark();
    connection.write(Buffer.concat([bytesOf(call()), Buffer.from('garbage\r\n\r\n')]));
    const first = await connection.answer();
    expect(read(first).json).toMatchObject({ id: 1, result: {} });
    const second = await connection.answer();
    expect(read(second)).toMatchObject({ status: 400, error: 'malformed_request' });
    await connection.closed;
    const denied = (await ground.control(mark)).filter((row) => row.verdict === 'deny');
    expect(denied).toMatchObject([{ policy: 'listener', reason: 'http.unreadable', status: 400 }]);
  });

  it('get their own answers first when the last one asks for a tunnel', async () => {
    const connection = await ground.connect();
    const mark = await ground.mark();
    connection.write(Buffer.concat([bytesOf(call()), Buffer.from('CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n')]));
    expect(read(await connection.answer()).json).toMatchObject({ id: 1, result: {} });
    expect(read(await connection.answer())).toMatchObject({ status: 405, error: 'method_not_allowed' });
    await connection.closed;
    const denied = (await ground.control(mark)).filter((row) => row.verdict === 'deny');
    expect(denied).toMatchObject([{ policy: 'listener', reason: 'http.unreadable', rule: 'CONNECT', status: 405 }]);
  });

  it('are recorded where one of them is no request, though the client leaves before its answers', async () => {
    const mark = await ground.mark();
    const connection = await ground.connect();
    const slow = call({
      headers: { 'mcp-name': 'slow_progress' },
      body: JSON.stringify(callMessage('slow_progress', { steps: 100, interval_ms: 20 })),
    });
    connection.write(Buffer.concat([bytesOf(slow), Buffer.from('garbage\r\n\r\n')]));
    await until(() => ground.hits().includes('tools/call'), 'the call has reached the server');
    connection.destroy();
    await until(
      () =>
        ground
          .rows()
          .slice(mark)
          .some((row) => row.reason === 'http.unreadable'),
      'it is recorded',
    );
  });

  it('have one answer and one record each, though a body breaks after its answer', async () => {
    const mark = await ground.mark();
    const connection = await ground.connect();
    connection.write(bytesOf(call({ method: 'PUT', headers: { 'transfer-encoding': 'chunked' }, body: '' })));
    expect((await connection.answer()).status).toBe(405);
    connection.write('zz\r\n');
    await connection.closed;
    expect(answersOn(connection)).toBe(1);
    expect((await ground.control(mark)).filter((row) => row.verdict === 'deny')).toHaveLength(1);
  });

  it.each<[string, Request]>([
    ['in an unknown coding', chunked(CHUNKED, { 'transfer-encoding': 'gzip' })],
    ['chunked on HTTP/1.0', { ...chunked(CHUNKED), version: 'HTTP/1.0' }],
    ['with two hosts', call({ headers: { host: ['127.0.0.1', 'evil.example'] } })],
    ['for another protocol', call({ headers: { connection: 'Upgrade', upgrade: 'h2c' } })],
    ['for a foreign host', call({ target: 'http://evil.example/mcp/open' })],
    ['for a path that does not exist', call({ target: '/nowhere' })],
    ['to trace', call({ method: 'TRACE' })],
    ['with a compressed body', call({ headers: { 'content-encoding': 'gzip' } })],
  ])('are not served behind one %s, which ends the connection', async (_, refused) => {
    const connection = await ground.connect();
    const mark = await ground.mark();
    connection.write(Buffer.concat([bytesOf(refused), Buffer.from(SMUGGLED)]));
    expect((await connection.answer()).status).toBeGreaterThanOrEqual(400);
    await connection.closed;
    expect(answersOn(connection)).toBe(1);
    const rows = await ground.control(mark);
    expect(rows.filter((row) => row.verdict !== undefined)).toHaveLength(1);
    expect(
      ground.hits().filter((method) => method === 'tools/call'),
      'the control call alone',
    ).toHaveLength(1);
  });

  it('leave a stream whole when what follows on its connection is no request', async () => {
    const message = callMessage('slow_progress', { steps: 3, interval_ms: 20 });
    const params = { ...message.params, _meta: { ...(message.params?._meta as object), progressToken: 'p' } };
    const connection = await ground.connect();
    const request = call({ headers: { 'mcp-name': 'slow_progress' }, body: JSON.stringify({ ...message, params }) });
    connection.write(Buffer.concat([bytesOf(request), Buffer.from('garbage\r\n\r\n')]));
    const stream = await connection.answer();
    expect(stream.headers.get('content-type')).toEqual(['text/event-stream']);
    expect(stream.body.toString().match(/notifications\/progress/g)).toHaveLength(3);
    expect(read(stream).json).toMatchObject({ result: {} });
    connection.destroy();
  });
});

/** How many answers have come on a connection. */
function answersOn(connection: RawConnection): number {
  return connection.received().toString('latin1').split('HTTP/1.1 ').length - 1;
}
