import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { faultsOf, load } from '../../test/fixtures/config/folder.ts';
import { editDistance, nearest } from './nearest.ts';
import { type Entry, OUTLINE } from './outline.ts';

const stdio = (rest: string) => `mcps: [{ id: a, transport: stdio, command: node, ${rest} }]\n`;

describe('a value of the wrong type', () => {
  it.each([
    ['server: { port: "80a" }', 'server.port = "80a": expected a port from 0 to 65535'],
    ['server: { port: 65536 }', 'server.port = 65536: expected a port from 0 to 65535'],
    ['server: { port: 1e999 }', 'server.port = Infinity: expected a port from 0 to 65535'],
    ['server: { port: 1.5 }', 'server.port = 1.5: expected a port from 0 to 65535'],
    ['server: { limits: { connections: -1 } }', 'expected a whole number from 1 to 2147483647'],
    ['server: { allowed_hosts: true }', 'server.allowed_hosts = true: expected a list of text'],
    ['auth: { enabled: "on" }', 'auth.enabled = "on": expected true or false'],
    ['server: 5', 'server = 5: expected a mapping'],
    ['server:', 'server: is empty'],
    ['mcps: { id: a }', 'expected a list'],
    [stdio('env: { PORT: 8080 }'), 'mcps[0].env.PORT = [secret]: expected text. Put quotes around it.'],
    [stdio('env: { "a-b": x }'), 'is not the name of a variable'],
    [stdio('env_allow: ["*"]'), 'name each variable'],
    [stdio('child: shared_by_all'), 'expected one of per_session, per_principal, shared'],
    ['audit: { on_failure: spool }', 'expected "refuse"'],
    ['mcps: [{ id: servers, transport: stdio, command: x }]', '"servers" is reserved'],
    ['mcps: [{ id: A, transport: stdio, command: x }]', 'must be 1 to 63 of a-z'],
    ['mcps: [{ id: a, transport: stdio }]', 'mcps[0].command: is missing'],
    ['mcps: [{ id: a, command: x }]', 'mcps[0].transport: is missing. Expected one of stdio, streamable-http, sse.'],
    ['mcps: [{ id: a, transport: studio, command: x }]', 'did you mean "stdio"?'],
    [stdio('auth: { methods: [] }'), 'needs at least one item'],
    [stdio('auth: none'), 'mcps[0].auth = [secret]: expected a mapping'],
  ])('%s', (text, message) => {
    const faults = faultsOf(`${text}\n`);
    expect(faults).toHaveLength(1);
    expect(() => load(`${text}\n`)).toThrow(message);
  });
});

describe('an address', () => {
  const url = (text: string) => `mcps: [{ id: a, transport: streamable-http, url: ${JSON.stringify(text)} }]\n`;

  it.each([
    ['ftp://x.example', 'http:// or https://'],
    ['x.example/mcp', 'is not a URL'],
    ['https://user:pass@x.example/mcp', 'user name or password'],
    ['https://x.example/mcp#a', 'fragment'],
  ])('%s is refused for a server', (text, message) => {
    expect(() => load(url(text))).toThrow(message);
    expect(() => load(url(text))).not.toThrow('user:pass');
  });

  it('with a path and a query is fine for a server', () => {
    expect(load(url('https://x.example/mcp?a=b')).settings.mcps).toMatchObject([{ url: 'https://x.example/mcp?a=b' }]);
  });

  const origins = (text: string) => `security: { cors: { allowed_origins: [${JSON.stringify(text)}] } }\n`;
  it.each([
    'null',
    'https://*.com',
    'https://*example.com',
    'https://a.example/',
    'https://a.example/x',
    'https://u@a.example',
    'a.example',
    'file://x',
  ])('%s is refused as an origin', (text) => {
    expect(faultsOf(origins(text))).toMatchObject([{ path: 'security.cors.allowed_origins[0]', code: 'invalid' }]);
  });

  it('is normalised as an origin', () => {
    expect(load(origins('HTTPS://A.example:443')).settings.security.cors.allowed_origins).toEqual([
      'https://a.example',
    ]);
  });

  it.each([
    '010.0.0.1',
    '127.1',
    '0x7f000001',
    '1.2.3',
    '*',
    '[::1]',
    'a b',
    '300.1.1.1',
  ])('%s is refused as a bind', (host) => {
    expect(faultsOf(`server: { host: ${JSON.stringify(host)} }\n`)).toMatchObject([{ path: 'server.host' }]);
  });

  it.each(['127.0.0.2', '::1', 'localhost', '10.1.2.3', 'mcp.example.com'])('%s binds', (host) => {
    expect(load(`server: { host: ${JSON.stringify(host)} }\n`).settings.server.host).toBe(host);
  });

  it.each([
    '*.example.com',
    'a.example:8443',
    'https://a.example',
    'a/b',
    '',
  ])('%j is refused as a host name', (host) => {
    expect(faultsOf(`server: { allowed_hosts: [${JSON.stringify(host)}] }\n`)).toHaveLength(1);
  });

  it('is lower-cased as a host name', () => {
    expect(load('server: { allowed_hosts: [A.example, "[::1]"] }\n').settings.server.allowed_hosts).toEqual([
      'a.example',
      '[::1]',
    ]);
  });
});

describe('another number', () => {
  it('is not taken for a slip of the pen', () => {
    const [fault] = faultsOf('server: { tls: { cert_file: a, key_file: b, min_version: "1.4" } }\n');
    expect(fault).toMatchObject({ path: 'server.tls.min_version', problem: 'expected one of 1.0, 1.1, 1.2, 1.3' });
    expect(fault?.suggestion).toBeUndefined();
  });
});

describe('a key that is not a setting', () => {
  it.each([
    ['server: { publicUrl: x }', 'server.publicUrl', '"public_url"'],
    ['alowlist: 1', 'alowlist', undefined],
    ['public_url: x', 'public_url', '"server.public_url"'],
    ['server.port: 1', '[unprintable key]', '"server.port"'],
    [stdio('tool: {}'), 'mcps[0].tool', '"tools"'],
    ['security: { ip_allowlist: [10.0.0.1] }', 'security.ip_allowlist', '"ip_whitelist"'],
    ['security: { denylist: [10.0.0.1] }', 'security.denylist', '"ip_blacklist"'],
    ['security: { ip_blocklist: [10.0.0.1] }', 'security.ip_blocklist', '"ip_blacklist"'],
    ['mcps: [{ id: a, transport: stdio, comand: x }]', 'mcps[0].comand', '"command"'],
  ])('%s', (text, path, suggestion) => {
    const faults = faultsOf(`${text}\n`);
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatchObject({ code: 'unknown-key', path, ...(suggestion === undefined ? {} : { suggestion }) });
  });

  it('of the other transport says so', () => {
    expect(() => load(stdio('url: "http://x.example"'))).toThrow('belongs to transport: streamable-http');
    expect(() => load('mcps: [{ id: a, transport: streamable-http, url: "http://x.example", command: x }]\n')).toThrow(
      'belongs to transport: stdio',
    );
  });

  it('in an entry of unknown transport is found too', () => {
    const faults = faultsOf('mcps: [{ id: a, transport: sdio, command: x, arg: [] }]\n');
    expect(faults.map(({ path }) => path)).toEqual(['mcps[0].transport', 'mcps[0].arg']);
  });
});

describe('any mistyped key', () => {
  /** Paths to every mapping of the schema with its keys, as far as a document can be written around it. */
  const mappings: [path: string[], keys: string[]][] = [];
  const collect = (entry: Entry, path: string[]): void => {
    if (entry.kind !== 'object') return;
    mappings.push([path, [...entry.children.keys()].filter((key) => !key.startsWith('$'))]);
    for (const [key, child] of entry.children) collect(child, [...path, key]);
  };
  collect(OUTLINE, []);
  const places = mappings.flatMap(([path, keys]) => keys.map((key) => ({ path, key, keys })));

  const typo = fc.tuple(
    fc.constantFrom('drop', 'double', 'swap', 'replace', 'insert'),
    fc.nat(),
    fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz_'),
  );
  const mistype = (key: string, [kind, at, letter]: [string, number, string]): string => {
    const index = at % key.length;
    const [head, character, tail] = [key.slice(0, index), key[index] ?? '', key.slice(index + 1)];
    if (kind === 'drop') return head + tail;
    if (kind === 'double') return head + character + character + tail;
    if (kind === 'swap') return head + (tail[0] ?? '') + character + tail.slice(1);
    return kind === 'replace' ? head + letter + tail : head + letter + character + tail;
  };

  it('is told with the key that was meant', () => {
    fc.assert(
      fc.property(fc.constantFrom(...places), typo, ({ path, key, keys }, edit) => {
        const written = mistype(key, edit);
        fc.pre(written !== '' && !keys.includes(written));
        // Where another key is as near, nobody can know which was meant.
        fc.pre(keys.every((other) => other === key || editDistance(written, other) > editDistance(written, key)));
        let text = `${JSON.stringify(written)}: 1`;
        for (const part of [...path].reverse()) text = `${part}: { ${text} }`;
        const [fault, ...others] = faultsOf(`${text}\n`);
        expect(others).toEqual([]);
        expect(fault).toMatchObject({ code: 'unknown-key', suggestion: `"${key}"`, line: 1 });
      }),
      { numRuns: 300 },
    );
  });
});

describe('the distance of two words', () => {
  it('counts a swap of neighbours once', () => {
    expect(editDistance('prot', 'port')).toBe(1);
    expect(editDistance('', 'abc')).toBe(3);
    expect(editDistance('kitten', 'sitting')).toBe(3);
  });

  it('is the same both ways and zero only for the same word', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (a, b) => {
        expect(editDistance(a, b)).toBe(editDistance(b, a));
        expect(editDistance(a, b) === 0).toBe(a === b);
      }),
    );
  });

  it('finds nothing when nothing is near', () => {
    expect(nearest('zebra', ['port', 'host'])).toBeUndefined();
  });
});
