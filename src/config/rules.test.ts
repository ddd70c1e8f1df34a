import { describe, expect, it } from 'vitest';
import { faultsOf, load } from '../../test/fixtures/config/folder.ts';

const TOKEN = 'ixohShu3Ohgh8aiN';
const OTHER = 'eeNgoh4Ahph8aeje';
const tokens = (...entries: string[]) => `auth: { methods: [{ type: token, tokens: [${entries.join(', ')}] }] }\n`;
const server = (rest: string) => `mcps: [{ id: a, transport: streamable-http, ${rest} }]\n`;
const stdioServer = (rest: string) => `mcps: [{ id: a, transport: stdio, command: node, ${rest} }]\n`;

/** Each row: what is refused, the text, and its twin without the defect. */
describe.each([
  [
    'a bind beyond loopback without authentication',
    'server: { host: 0.0.0.0 }\nauth: { enabled: false }\n',
    'server: { host: 0.0.0.0 }\n',
  ],
  [
    'the same without acknowledged anonymous roles',
    'server: { host: "::" }\nauth: { enabled: false, anonymous: { roles: [] } }\n',
    'server: { host: "::" }\nauth: { enabled: false, anonymous: { roles: [user] } }\n',
  ],
  [
    'authentication off with a token configured',
    `auth: { enabled: false, methods: [{ type: token, tokens: [{ name: a, token: ${TOKEN} }] }] }\n`,
    `auth: { enabled: true, methods: [{ type: token, tokens: [{ name: a, token: ${TOKEN} }] }] }\n`,
  ],
  [
    "authentication off with a server's own token",
    `auth: { enabled: false }\n${server(`url: "http://x.example", auth: { type: token, token: ${TOKEN} }`)}`,
    `auth: { enabled: false }\n${server('url: "http://x.example"')}`,
  ],
  [
    'a first ban longer than the longest',
    'security: { bans: { duration_ms: 2000, max_duration_ms: 1000 } }\n',
    'security: { bans: { duration_ms: 1000, max_duration_ms: 1000 } }\n',
  ],
  [
    'two tokens of one name',
    tokens(`{ name: a, token: ${TOKEN} }`, `{ name: a, token: ${OTHER} }`),
    tokens(`{ name: a, token: ${TOKEN} }`, `{ name: b, token: ${OTHER} }`),
  ],
  [
    'one token under two names',
    tokens(`{ name: a, token: ${TOKEN} }`, `{ name: b, token: ${TOKEN} }`),
    tokens(`{ name: a, token: ${TOKEN} }`, `{ name: b, token: ${OTHER} }`),
  ],
  [
    'a token for a server that is not there',
    `${tokens(`{ name: x, token: ${TOKEN}, servers: [b] }`)}${server('url: "http://x.example"')}`,
    `${tokens(`{ name: x, token: ${TOKEN}, servers: [a] }`)}${server('url: "http://x.example"')}`,
  ],
  [
    'a token with both hash and text',
    tokens(`{ name: a, token: ${TOKEN}, hash: "sha256:${'a'.repeat(64)}" }`),
    tokens(`{ name: a, hash: "sha256:${'a'.repeat(64)}" }`),
  ],
  ['a token with neither', tokens('{ name: a }'), tokens(`{ name: a, token: ${TOKEN} }`)],
  ['a short token', tokens('{ name: a, token: ixohShu3Ohgh8ai }'), tokens(`{ name: a, token: ${TOKEN} }`)],
  [
    'a published token',
    tokens('{ name: a, token: Change-This-Default-Token }'),
    tokens(`{ name: a, token: ${TOKEN} }`),
  ],
  ['a token of one letter', tokens(`{ name: a, token: ${'a'.repeat(40)} }`), tokens(`{ name: a, token: ${TOKEN} }`)],
  ['a token with a blank', tokens(`{ name: a, token: "${TOKEN} x" }`), tokens(`{ name: a, token: "${TOKEN}x" }`)],
  ['an empty token', tokens('{ name: a, token: "" }'), tokens(`{ name: a, token: ${TOKEN} }`)],
  [
    'a hash in capitals',
    tokens(`{ name: a, hash: "sha256:${'A'.repeat(64)}" }`),
    tokens(`{ name: a, hash: "sha256:${'a'.repeat(64)}" }`),
  ],
  [
    'an expiry that is no date',
    tokens(`{ name: a, token: ${TOKEN}, expires: 2099-02-30 }`),
    tokens(`{ name: a, token: ${TOKEN}, expires: 2099-02-28 }`),
  ],
  [
    'a server that is the gateway',
    server('url: "http://localhost:3000/mcp"'),
    server('url: "http://localhost:3002/mcp"'),
  ],
  [
    'a server that is the gateway under its public name',
    `server: { public_url: "https://mcp.example.com" }\n${server('url: "https://mcp.example.com/mcp/a"')}`,
    `server: { public_url: "https://mcp.example.com" }\n${server('url: "https://mcp2.example.com/mcp/a"')}`,
  ],
  [
    'a server that is the gateway bound everywhere',
    `server: { host: 0.0.0.0, port: 8080 }\n${server('url: "http://127.0.0.1:8080/"')}`,
    `server: { host: 10.0.0.1, port: 8080 }\n${server('url: "http://127.0.0.1:8080/"')}`,
  ],
  ['open metrics beyond loopback', 'admin: { host: 0.0.0.0 }\n', 'admin: { host: 0.0.0.0, metrics_auth: token }\n'],
  ['one port for both listeners', 'admin: { port: 3000 }\n', 'admin: { port: 3005 }\n'],
  [
    'no port left for the admin listener',
    'server: { port: 65535 }\n',
    'server: { port: 65535 }\nadmin: { port: 4000 }\n',
  ],
  [
    'a first wait longer than the longest',
    stdioServer('restart: { backoff_ms: 40000 }'),
    stdioServer('restart: { backoff_ms: 30000 }'),
  ],
])('%s', (_, refused, accepted) => {
  it('is one fault that says what to do', () => {
    const faults = faultsOf(refused);
    expect(faults).toHaveLength(1);
    expect(faults[0]?.problem.length).toBeGreaterThan(5);
  });

  it('loads without the defect', () => {
    expect(load(accepted).settings).toBeDefined();
  });
});

it('names the remedy of an open bind', () => {
  expect(() => load('server: { host: 0.0.0.0 }\nauth: { enabled: false }\n')).toThrow(
    /server\.host = "0\.0\.0\.0".*auth\.enabled: true.*anonymous\.roles/,
  );
});

it('says nothing about rules that a faulty value would break', () => {
  const text = `server: { host: 5 }\nauth: { enabled: maybe, methods: [{ type: token, tokens: [{ name: a, token: ${TOKEN} }] }] }\n`;
  expect(faultsOf(text).map(({ path }) => path)).toEqual(['server.host', 'auth.enabled']);
});

it('gives the roles of a method to tokens that name none, and both to those that do', () => {
  const text = `auth: { methods: [{ type: token, roles: [admin], tokens: [{ name: a, token: ${TOKEN} }, { name: b, token: ${OTHER}, roles: [user] }] }] }\n`;
  expect(load(text).settings.auth.methods[0]?.tokens.map(({ roles }) => roles)).toEqual([['admin'], ['user', 'admin']]);
});

it('warns about a token that has expired and roles nobody gets', () => {
  const { warnings } = load(
    `auth: { anonymous: { roles: [user] }, methods: [{ type: token, tokens: [{ name: a, token: ${TOKEN}, expires: 2020-01-01 }] }] }\n`,
  );
  expect(warnings.map(({ path }) => path)).toEqual(['auth.anonymous.roles', 'auth.methods[0].tokens[0].expires']);
});
