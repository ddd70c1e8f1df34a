import { chmodSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { faultsOf, folderWith, load, refusal } from '../../test/fixtures/config/folder.ts';
import { hashToken } from '../crypto/token.ts';
import { ConfigurationError } from './fault.ts';
import { loadConfiguration } from './load.ts';

const fixtures = fileURLToPath(new URL('../../test/fixtures/config/', import.meta.url));
const STDIO = 'mcps: [{ id: files, transport: stdio, command: node }]\n';

describe('a configuration with ten faults', () => {
  it('prints ten faults, each with its line, in the order of the file', () => {
    const run = () => loadConfiguration({ file: join(fixtures, 'ten-faults.yaml'), env: {}, flags: {}, cwd: fixtures });
    const { faults, message } = refusal(run);
    expect(faults.map(({ line, path, code }) => `${line} ${path} ${code}`)).toEqual([
      '2 server.prot unknown-key',
      '3 server.host invalid',
      '4 server.limits.body_bytes invalid',
      '9 auth.methods[0].tokens[0].token invalid',
      '10 auth.methods[0].tokens[1].token unset-variable',
      '13 security.cors.allowed_origins[0] invalid',
      '18 mcps[0].url unknown-key',
      '19 mcps[1].id rule',
      '21 mcps[1].url rule',
      '23 log.level invalid',
    ]);
    expect(message.split('\n')).toHaveLength(11);
    expect(message).toContain('ten-faults.yaml:2:3  server.prot: is not a setting; did you mean "port"?');
    expect(message).not.toContain('changeme');
  });

  it('loads once they are mended', () => {
    const env = { SALLYPORT_TEST_TOKEN: 'eeNgoh4Ahph8aeje' };
    const { settings } = loadConfiguration({ file: 'ten-faults-mended.yaml', env, flags: {}, cwd: fixtures });
    expect(settings.auth.methods[0]?.tokens[1]).toEqual({
      name: 'ops',
      hash: hashToken(env.SALLYPORT_TEST_TOKEN),
      roles: ['user'],
    });
  });
});

describe('without any configuration', () => {
  it('listens on loopback, asks for a token and keeps its state in the data folder of the user', () => {
    const cwd = folderWith({});
    const { settings, file, stateDir, warnings } = loadConfiguration({ env: { HOME: '/home/ann' }, flags: {}, cwd });
    expect(settings.server).toMatchObject({ host: '127.0.0.1', port: 3000 });
    expect(settings.auth).toEqual({ enabled: true, methods: [], anonymous: { roles: [] } });
    expect(settings.admin.port).toBe(3001);
    expect(stateDir).toBe('/home/ann/.local/share/sallyport');
    expect(settings.audit.file).toBe('/home/ann/.local/share/sallyport/audit/audit.jsonl');
    expect([file, warnings]).toEqual([undefined, []]);
    expect(readdirSync(cwd)).toEqual([]);
  });

  it('follows XDG_DATA_HOME, unless that is relative', () => {
    const stateDir = (home: string) => load(undefined, { env: { XDG_DATA_HOME: home, HOME: '/home/ann' } }).stateDir;
    expect(stateDir('/data')).toBe('/data/sallyport');
    expect(stateDir('data')).toBe('/home/ann/.local/share/sallyport');
  });
});

describe('precedence', () => {
  const text = 'server: { port: 4001 }\n';

  it('is flag over environment over .env over file over overlay over default, and says which won', () => {
    const outcome = (options: Parameters<typeof load>[1], file?: string) => {
      const { settings, provenance } = load(file, options);
      return [settings.server.port, provenance.get('server.port')];
    };
    const overlay = { server: { port: 4000 } };
    const dotenv = '# the port\nPORT=4002\n';
    const env = { PORT: '4003' };
    expect(outcome({})).toEqual([3000, 'default']);
    expect(outcome({ overlay })).toEqual([4000, 'start-up']);
    expect(outcome({ overlay }, text)).toEqual([4001, 'sallyport.yaml:1']);
    expect(outcome({ overlay, dotenv }, text)).toEqual([4002, '.env:2']);
    expect(outcome({ overlay, dotenv, env }, text)).toEqual([4003, 'environment PORT']);
    expect(outcome({ overlay, dotenv, env, flags: { port: '4004' } }, text)).toEqual([4004, 'flag --port']);
  });

  it('joins mappings and replaces lists', () => {
    const overlay = { ...{ log: { level: 'debug' } }, mcps: [{ id: 'demo', transport: 'stdio', command: 'node' }] };
    const { settings } = load(`${STDIO}log: { format: json }\n`, { overlay });
    expect(settings.log).toEqual({ level: 'debug', format: 'json', addresses: false });
    expect(settings.mcps.map(({ id }) => id)).toEqual(['files']);
  });

  it('takes flags by name and as commander stores them', () => {
    const { settings } = load(undefined, {
      flags: { 'log-level': 'warn', publicUrl: 'https://mcp.example.com', host: undefined },
    });
    expect([settings.log.level, settings.server.public_url]).toEqual(['warn', 'https://mcp.example.com']);
  });
});

describe('the state folder', () => {
  it('lies beside the file by default', () => {
    const cwd = folderWith({ 'sallyport.yaml': STDIO });
    expect(loadConfiguration({ env: {}, flags: {}, cwd }).stateDir).toBe(join(cwd, '.sallyport'));
  });

  it('is relative to the file when the file says it, and to the working folder when a person does', () => {
    const cwd = folderWith({ 'etc/sallyport.yaml': 'state_dir: state\n' });
    const stateDir = (options: object) =>
      loadConfiguration({ file: 'etc/sallyport.yaml', env: {}, flags: {}, cwd, ...options }).stateDir;
    expect(stateDir({})).toBe(join(cwd, 'etc/state'));
    expect(stateDir({ flags: { 'state-dir': 'state' } })).toBe(join(cwd, 'state'));
    expect(stateDir({ env: { SALLYPORT_STATE_DIR: 'state' } })).toBe(join(cwd, 'state'));
  });
});

describe('a file found by itself', () => {
  it.each(['sallyport.yaml', '.env'])('is refused when others can write %s, and loads when they cannot', (name) => {
    const cwd = folderWith({ 'sallyport.yaml': STDIO, '.env': 'PORT=4000\n' });
    chmodSync(join(cwd, name), 0o666);
    const [fault, ...others] = refusal(() => loadConfiguration({ env: {}, flags: {}, cwd })).faults;
    expect(others).toEqual([]);
    expect(fault).toMatchObject({ code: 'untrusted-file', source: name, problem: 'can be written by other users' });
    expect(fault?.remedy).toContain(`chmod go-w ${name}`);
    chmodSync(join(cwd, name), 0o644);
    expect(loadConfiguration({ env: {}, flags: {}, cwd }).settings.server.port).toBe(4000);
  });

  it('loads although others can write it when the operator names it', () => {
    const cwd = folderWith({ 'sallyport.yaml': STDIO });
    chmodSync(join(cwd, 'sallyport.yaml'), 0o666);
    expect(loadConfiguration({ file: 'sallyport.yaml', env: {}, flags: {}, cwd }).settings.mcps).toHaveLength(1);
    expect(loadConfiguration({ env: { SALLYPORT_CONFIG: 'sallyport.yaml' }, flags: {}, cwd }).file).toBe(
      join(cwd, 'sallyport.yaml'),
    );
  });

  it('must be the only one', () => {
    const cwd = folderWith({ 'sallyport.yaml': STDIO, 'sallyport.json': '{}' });
    expect(refusal(() => loadConfiguration({ env: {}, flags: {}, cwd })).faults).toMatchObject([{ code: 'conflict' }]);
  });

  it('may be a link to a file of ours', () => {
    const cwd = folderWith({ real: 'server: { port: 4000 }\n' });
    symlinkSync(join(cwd, 'real'), join(cwd, 'sallyport.yaml'));
    expect(loadConfiguration({ env: {}, flags: {}, cwd }).settings.server.port).toBe(4000);
  });
});

describe('a file that cannot be read', () => {
  it.each([
    ['missing', undefined, 'does not exist'],
    ['larger than 1 MiB', `# ${'x'.repeat(1_048_576)}`, 'is larger than 1 MiB'],
    ['not UTF-8', Uint8Array.of(0x61, 0x3a, 0xff), 'is not UTF-8 text'],
    ['empty', '', 'the file is empty'],
    ['a list', '- a\n', 'the file must hold settings as "key: value" lines'],
  ])('is one fault when it is %s', (_, content, problem) => {
    const cwd = folderWith(content === undefined ? {} : { 'x.yaml': content });
    const { faults } = refusal(() => loadConfiguration({ file: 'x.yaml', env: {}, flags: {}, cwd }));
    expect(faults).toMatchObject([{ source: 'x.yaml', problem }]);
  });

  it('is one fault when it is a folder', () => {
    const cwd = folderWith({ 'conf/x': '' });
    const { faults } = refusal(() => loadConfiguration({ file: 'conf', env: {}, flags: {}, cwd }));
    expect(faults).toMatchObject([{ problem: 'is not a regular file' }]);
  });

  it('still shows what the environment has wrong', () => {
    expect(faultsOf('a: [\n', { env: { PORT: '80a' } }).map(({ code }) => code)).toEqual(['syntax', 'invalid']);
  });
});

describe('a JSON file', () => {
  it('loads, with tabs and a schema address', () => {
    const cwd = folderWith({ 'sallyport.json': '{\n\t"$schema": "./s.json",\n\t"server": { "port": 4000 }\n}\n' });
    expect(loadConfiguration({ env: {}, flags: {}, cwd }).settings.server.port).toBe(4000);
  });

  it('is refused with the line when it is broken', () => {
    const cwd = folderWith({ 'sallyport.json': '{\n  "server": { "port": 4000\n}\n' });
    expect(refusal(() => loadConfiguration({ env: {}, flags: {}, cwd })).faults[0]).toMatchObject({ code: 'syntax' });
  });
});

describe('secrets in force', () => {
  const text = `
mcps:
  - id: search
    transport: streamable-http
    url: https://search.example.com/mcp
    upstream_auth: { type: token, token: upstream-Secret-1 }
    auth: { type: token, token: inbound-Secret-123 }
`;

  it('are hashes for callers, and cannot be printed by accident for servers', () => {
    const { settings } = load(text);
    const [entry] = settings.mcps;
    expect(entry?.auth?.methods[0]?.tokens).toEqual([
      { name: 'route search', hash: hashToken('inbound-Secret-123'), roles: ['user'] },
    ]);
    expect(entry?.transport === 'streamable-http' && entry.upstream_auth?.token.reveal()).toBe('upstream-Secret-1');
    expect(`${JSON.stringify(settings)}${inspect(settings, { depth: 20 })}`).not.toMatch(/Secret-1/);
  });

  it('give a warning when they stand in a file others can read, and none in a private one', () => {
    const cwd = folderWith({ 'sallyport.yaml': text });
    const warnings = () =>
      loadConfiguration({ file: 'sallyport.yaml', env: {}, flags: {}, cwd }).warnings.map(({ code }) => code);
    expect(warnings()).toEqual([]);
    chmodSync(join(cwd, 'sallyport.yaml'), 0o644);
    expect(warnings()).toEqual(['exposed-secret']);
    writeFileSync(join(cwd, 'sallyport.yaml'), STDIO);
    expect(warnings()).toEqual([]);
  });
});

it('resolves the working folder of a server against the file', () => {
  const cwd = folderWith({ 'etc/s.yaml': 'mcps: [{ id: a, transport: stdio, command: node, cwd: ../srv }]\n' });
  const { settings } = loadConfiguration({ file: 'etc/s.yaml', env: {}, flags: {}, cwd });
  expect(settings.mcps[0]).toMatchObject({ cwd: join(cwd, 'srv') });
});

it('loads thousands of servers', () => {
  const servers = Array.from({ length: 2000 }, (_, index) => `- { id: s${index}, transport: stdio, command: node }\n`);
  expect(load(`mcps:\n${servers.join('')}`).settings.mcps).toHaveLength(2000);
});

describe('any file', () => {
  const mended = readFileSync(join(fixtures, 'ten-faults-mended.yaml'), 'utf8');
  const verdict = (text: string): unknown => {
    try {
      return load(text, { env: { SALLYPORT_TEST_TOKEN: 'eeNgoh4Ahph8aeje' } }).settings;
    } catch (error) {
      return error;
    }
  };

  it('loads or is refused with faults, however it is damaged', () => {
    const piece = fc.oneof(
      fc.string(),
      fc.constantFrom(
        '{',
        '[',
        '&a ',
        '*a',
        '!!x ',
        '"',
        ': ',
        '- ',
        '\n',
        '\t',
        '<<: ',
        '? ',
        '${',
        '{{',
        'null',
        '%',
        '---\n',
      ),
    );
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat({ max: mended.length }), fc.nat({ max: 8 }), piece), { maxLength: 4 }),
        (edits) => {
          let text = mended;
          for (const [at, length, insert] of edits) text = text.slice(0, at) + insert + text.slice(at + length);
          const result = verdict(text);
          if (result instanceof Error) {
            expect(result).toBeInstanceOf(ConfigurationError);
            expect((result as ConfigurationError).faults.length).toBeGreaterThan(0);
          }
        },
      ),
      { numRuns: 300 },
    );
    expect(verdict(mended)).toMatchObject({ log: { level: 'info' } });
  });

  it.each([
    'constructor: 1',
    'toString: { a: 1 }',
    'server: { constructor: { prototype: { x: 1 } } }',
    'mcps: [constructor]',
  ])('%s changes nothing and is refused', (text) => {
    expect(verdict(text)).toBeInstanceOf(ConfigurationError);
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });
});
