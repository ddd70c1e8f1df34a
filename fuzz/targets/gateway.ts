import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { PROBLEMS } from '../../src/problem/catalogue.ts';
import { GatewayProcess } from '../gateway-process.ts';
import type { Random } from '../random.ts';
import { must, mustEqual, type Target } from '../target.ts';
import { message } from './json-text.ts';
import { read } from './jsonrpc-reader.ts';

const TOKEN = 'a-token-of-the-fuzzer-0123456789';
const PATIENCE_MS = 10_000;
const STATUSES = new Set<number>([200, 202, 204, ...Object.values(PROBLEMS).map(({ status }) => status)]);
const CODES = new Set(Object.values(PROBLEMS).map(({ status, rpcCode }) => `${status} ${rpcCode}`));
const NAMES = new Set(Object.values(PROBLEMS).map(({ status, code }) => `${status} ${code.toLowerCase()}`)).add(
  '401 unauthorized',
);

/** JSON-RPC where there was a message, otherwise in the manner of RFC 6749, section 5.2. */
interface Refusal {
  readonly error: string | { readonly code: number };
}

/** Whether nothing more is worth waiting for: the connection closes after this answer, or a stream has begun. */
function isLast(text: string): boolean {
  if (/^content-type: text\/event-stream/im.test(text)) return true;
  const close = /^connection: close\r\n/im.exec(text);
  const end = close === null ? -1 : text.indexOf('\r\n\r\n', close.index);
  if (end < 0) return false;
  const start = text.lastIndexOf('HTTP/1.1 ', close!.index);
  const length = Number(/^content-length: (\d+)/im.exec(text.slice(start, end))?.[1] ?? Number.NaN);
  return text.length >= end + 4 + length;
}

let gateway: GatewayProcess;
let upstream: Server;
/** What reached the server and should not have. */
let leaked: string | undefined;
/** Calls that passed: a run in which everything is refused has tried nothing. */
let passed = 0;

/** A server that behaves, and watches what the gateway lets through. */
function serve(bytes: Buffer): { status: number; text: string } {
  const { verdict, value } = read(bytes);
  const { id, method, params } = (value ?? {}) as {
    id?: unknown;
    method?: unknown;
    params?: { protocolVersion?: unknown };
  };
  if (verdict !== 'sound') leaked ??= `the server was sent what is ${verdict}: ${bytes.toString().slice(0, 200)}`;
  if (id === undefined) return { status: 202, text: '' };
  if (!Number.isInteger(id)) leaked ??= `the server was sent the id ${JSON.stringify(id)}`;
  const tools = [{ name: 'echo', inputSchema: { type: 'object' } }];
  const results: Record<string, object> = {
    initialize: { protocolVersion: params?.protocolVersion, capabilities: {}, serverInfo: { name: 's', version: '1' } },
    'tools/list': { resultType: 'complete', tools },
    'server/discover': { resultType: 'complete', supportedVersions: ['2026-07-28'], capabilities: {} },
  };
  const result = Object.hasOwn(results, String(method))
    ? results[String(method)]
    : { resultType: 'complete', content: [] };
  return { status: 200, text: JSON.stringify({ jsonrpc: '2.0', id, result }) };
}

async function startUpstream(): Promise<Server> {
  const server = createServer((request, response) => {
    if (request.method !== 'POST') return void response.writeHead(405).end();
    buffer(request).then(
      (bytes) => {
        const { status, text } = serve(bytes);
        response.writeHead(status, { 'content-type': 'application/json' }).end(text);
      },
      () => {},
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

/** Sends the bytes, says that no more will come, and waits for the end. An event stream is left at its beginning. */
function exchange(bytes: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
    const late = setTimeout(() => finish(new Error('no answer and no end of the connection')), PATIENCE_MS);
    let received = Buffer.alloc(0);
    const finish = (error?: Error): void => {
      clearTimeout(late);
      socket.destroy();
      if (error === undefined) resolve(received);
      else reject(error);
    };
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (isLast(received.toString('latin1'))) finish();
    });
    socket.on('close', () => finish());
    socket.on('error', () => finish(gateway.isAlive ? undefined : new Error('the gateway is gone')));
    socket.end(bytes);
  });
}

/** Every answer on the connection is whole, and one of those the catalogue knows. */
function checkAnswers(received: Buffer): void {
  for (let rest = received; rest.length > 0; ) {
    const head = /^HTTP\/1\.1 (\d{3}) [^\r\n]*\r\n((?:[^\r\n]+\r\n)*)\r\n/.exec(rest.toString('latin1'));
    must(head !== null, `no HTTP answer: ${JSON.stringify(rest.toString('latin1', 0, 100))}`);
    const status = Number(head![1]);
    if (status === 100) {
      rest = rest.subarray(head![0].length);
      continue;
    }
    if (status === 200) passed++;
    must(STATUSES.has(status), `an unmapped status: ${status}`);
    const headers = head![2]!.toLowerCase();
    if (headers.includes('content-type: text/event-stream')) return;
    const length = Number(/^content-length: (\d+)/m.exec(headers)?.[1] ?? 0);
    must(!headers.includes('transfer-encoding'), 'a chunked answer to what is no stream');
    const body = rest.subarray(head![0].length, head![0].length + length);
    checkProblem(status, body, headers);
    rest = rest.subarray(head![0].length + length);
  }
}

function checkProblem(status: number, body: Buffer, headers: string): void {
  if (status < 400 || body.length === 0 || !headers.includes('json')) return must(status < 500, `a bare ${status}`);
  const { error } = JSON.parse(body.toString()) as Refusal;
  if (typeof error === 'string') return must(NAMES.has(`${status} ${error}`), `an unmapped refusal: ${status} ${body}`);
  must(CODES.has(`${status} ${error?.code}`), `an unmapped problem: ${status} ${body}`);
  must(status < 500 || error.code > 0, `an internal error: ${body}`);
}

const TARGETS = [
  '/mcp',
  '/mcp/one',
  '/mcp/one',
  '/mcp/one',
  '/mcp/two',
  '/mcp/none',
  '/',
  '/healthz',
  '/%6dcp/one',
  '/sse',
];
const META =
  '"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}';
const MORE_HEADERS = [
  'Mcp-Session-Id: 0123456789',
  'Mcp-Name: other',
  'Mcp-Param-A: =?base64?YQ==?=',
  'Last-Event-ID: 1',
  'Origin: http://localhost',
  'X-Forwarded-For: 10.0.0.1',
  'Connection: close, Authorization',
  'Expect: 100-continue',
  'Content-Encoding: gzip',
  'Content-Length: 3',
  'Transfer-Encoding: chunked',
  'Authorization: Basic eDp5',
  'Host: evil.example',
];

function body(random: Random): { method: string; text: string } {
  const method = random.pick([
    'tools/call',
    'tools/list',
    'ping',
    'initialize',
    'subscriptions/listen',
    'server/discover',
  ]);
  if (random.once(3)) return { method, text: message(random) };
  const params = `"name":"echo","arguments":{"a":${random.below(9)}},"protocolVersion":"2025-11-25",${META}`;
  return { method, text: `{"jsonrpc":"2.0","id":${random.below(99)},"method":"${method}","params":{${params}}}` };
}

export const gatewayTarget: Target = {
  name: 'gateway',
  weight: 2,
  maxBytes: 16_384,
  atOnce: 16,
  dictionary: [
    ...MORE_HEADERS.map((line) => `${line}\r\n`),
    '\r\n',
    '\n',
    '\r',
    '\0',
    ' ',
    '\t',
    ':',
    '0\r\n\r\n',
    'HTTP/1.0',
    ...TARGETS,
  ],
  async start() {
    upstream = await startUpstream();
    const url = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}/mcp`;
    const server = { transport: 'streamable-http', url, call_timeout_ms: 5_000 };
    gateway = await GatewayProcess.start(process.cwd(), {
      server: { host: '127.0.0.1', port: 0, limits: { idle_timeout_ms: 1_000 } },
      admin: { port: 0 },
      auth: { methods: [{ type: 'token', tokens: [{ name: 'fuzzer', token: TOKEN }] }] },
      mcps: [
        { id: 'one', era: 'modern', ...server },
        { id: 'two', era: 'legacy', ...server },
      ],
    });
  },
  async stop() {
    const { defects, isAlive } = gateway;
    const code = await gateway.stop();
    upstream.closeAllConnections();
    upstream.close();
    must(isAlive, 'the gateway has ended');
    must(passed > 0, 'no request was served');
    mustEqual(defects, [], 'the log');
    mustEqual(code, 0, 'the exit code');
  },
  generate(random: Random): Buffer {
    const { method, text } = body(random);
    const lines = [
      `${random.once(12) ? random.pick(['GET', 'DELETE', 'OPTIONS', 'TRACE', 'PUT']) : 'POST'} ${random.pick(TARGETS)} HTTP/1.1`,
      'Host: 127.0.0.1',
      `Authorization: Bearer ${TOKEN}`,
      'Content-Type: application/json',
      'Accept: application/json, text/event-stream',
      `Content-Length: ${Buffer.byteLength(text)}`,
      ...(random.once(3) ? [] : ['MCP-Protocol-Version: 2026-07-28', `Mcp-Method: ${method}`, 'Mcp-Name: echo']),
    ];
    for (let times = random.below(3); times > 0; times--) {
      const at = 1 + random.below(lines.length);
      if (random.once(2)) lines.splice(at, 1);
      else lines.splice(at, 0, random.pick(MORE_HEADERS));
    }
    return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${text}`);
  },
  async check(bytes) {
    checkAnswers(await exchange(bytes));
    must(gateway.isAlive, 'the gateway has ended');
    if (leaked === undefined) return;
    const what = leaked;
    leaked = undefined;
    throw new Error(what);
  },
};
