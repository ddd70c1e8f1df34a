import { describe, expect, it } from 'vitest';
import { faultsOf, folderWith, load } from '../../test/fixtures/config/folder.ts';
import { hashToken } from '../crypto/token.ts';
import { ENVIRONMENT, environmentName } from './environment.ts';
import { FLAGS } from './flags.ts';
import { SETTINGS } from './outline.ts';
import { TOKEN_VARIABLES } from './schema/auth.ts';

const TOKEN = 'ixohShu3Ohgh8aiN';
const OTHER = 'eeNgoh4Ahph8aeje';
const tokensOf = (env: Record<string, string>, text?: string) =>
  load(text, { env }).settings.auth.methods.flatMap(({ tokens }) => tokens);

describe('environment names', () => {
  it('are one setting each, and none is also a token', () => {
    const names = SETTINGS.flatMap((setting) => [environmentName(setting), ...(setting.entry.about?.aliases ?? [])]);
    expect(new Set(names).size).toBe(names.length);
    expect(TOKEN_VARIABLES.filter(({ name }) => ENVIRONMENT.has(name))).toEqual([]);
  });

  it.each([
    ['SALLYPORT_SERVER_PORT', '4000', 'server.port', 4000],
    ['PORT', '4000', 'server.port', 4000],
    ['ONE_MCP_PORT', ' 4000 ', 'server.port', 4000],
    ['MCP_PROXY_PORT', '0', 'server.port', 0],
    ['ONE_MCP_HOST', '127.0.0.2', 'server.host', '127.0.0.2'],
    ['MCP_PROXY_HOST', '::1', 'server.host', '::1'],
    ['MCP_SERVER_URL', 'https://a.example', 'server.public_url', 'https://a.example'],
    ['ONE_MCP_EXTERNAL_URL', 'https://a.example', 'server.public_url', 'https://a.example'],
    ['MCP_PROXY_BASE_URL', 'https://a.example', 'server.public_url', 'https://a.example'],
    ['AUTH_ENABLED', 'false', 'auth.enabled', false],
    ['ONE_MCP_ENABLE_AUTH', 'No', 'auth.enabled', false],
    ['AUTH_ENABLED', '1', 'auth.enabled', true],
    [
      'ALLOWED_ORIGINS',
      'https://a.example, https://b.example',
      'security.cors.allowed_origins',
      ['https://a.example', 'https://b.example'],
    ],
    ['ONE_MCP_LOG_LEVEL', 'debug', 'log.level', 'debug'],
    ['MCP_PROXY_LOG_LEVEL', 'warn', 'log.level', 'warn'],
    ['SALLYPORT_AUTH_ANONYMOUS_ROLES', 'user', 'auth.anonymous.roles', ['user']],
    ['SALLYPORT_SERVER_LIMITS_BODY_BYTES', '1000', 'server.limits.body_bytes', 1000],
  ])('%s=%s sets %s', (name, text, path, value) => {
    const { settings, provenance } = load(undefined, { env: { [name]: text } });
    let found: unknown = settings;
    for (const key of path.split('.')) found = (found as Record<string, unknown>)[key];
    expect(found).toEqual(value);
    expect(provenance.get(Array.isArray(value) ? `${path}[0]` : path)).toBe(`environment ${name}`);
  });

  it.each([
    ['AUTH_ENABLED', 'maybe', 'expected true or false'],
    ['PORT', '80a', 'expected a port'],
    ['PORT', '', 'PORT is set but empty'],
    ['ALLOWED_ORIGINS', 'https://*.com', 'top-level domain'],
    ['AUTH_TOKEN', '', 'AUTH_TOKEN is set but empty'],
    ['AUTH_TOKEN', 'changeme', 'published sample value'],
  ])('%s=%j is refused', (name, text, message) => {
    expect(faultsOf(undefined, { env: { [name]: text } })).toMatchObject([{ source: `environment ${name}` }]);
    expect(() => load(undefined, { env: { [name]: text } })).toThrow(message);
  });

  it('that mean one setting may agree, and are refused when they differ', () => {
    expect(load(undefined, { env: { PORT: '4000', ONE_MCP_PORT: '4000' } }).settings.server.port).toBe(4000);
    const [fault, ...others] = faultsOf(undefined, { env: { PORT: '4000', ONE_MCP_PORT: '4001' } });
    expect(others).toEqual([]);
    expect(fault?.problem).toMatch(/PORT and .*PORT both set server\.port/);
  });

  it('in the environment hide other names of the setting in .env', () => {
    const { settings, provenance } = load(undefined, { env: { PORT: '4000' }, dotenv: 'ONE_MCP_PORT=4001\n' });
    expect([settings.server.port, provenance.get('server.port')]).toEqual([4000, 'environment PORT']);
  });

  it('cannot reach into structure', () => {
    const { settings } = load(undefined, { env: { SALLYPORT_HEALTH_SERVICE: 'a: {b: c}', SALLYPORT___PROTO__: 'x' } });
    expect(settings.health.service).toBe('a: {b: c}');
  });
});

describe('tokens from the environment', () => {
  it.each(TOKEN_VARIABLES.map(({ name, role }) => [name, role]))('%s makes a token with role %s', (name, role) => {
    expect(tokensOf({ [name]: TOKEN })).toEqual([{ name, hash: hashToken(TOKEN), roles: [role] }]);
  });

  it('stand beside those of the file, whose roles do not rub off on them', () => {
    const text = `auth: { methods: [{ type: token, roles: [admin], tokens: [{ name: a, token: ${OTHER} }] }] }\n`;
    expect(tokensOf({ AUTH_TOKEN: TOKEN }, text).map(({ name, roles }) => [name, roles])).toEqual([
      ['a', ['admin']],
      ['AUTH_TOKEN', ['user']],
    ]);
  });

  it('come several in one list, and from a file', () => {
    expect(tokensOf({ MCP_PROXY_ADMIN_TOKENS: `${TOKEN}, ${OTHER}` }).map(({ name }) => name)).toEqual([
      'MCP_PROXY_ADMIN_TOKENS 1',
      'MCP_PROXY_ADMIN_TOKENS 2',
    ]);
    const cwd = folderWith({ token: `${TOKEN}\n` });
    const { settings } = load(undefined, { cwd, env: { AUTH_TOKEN_FILE: 'token' } });
    expect(settings.auth.methods[0]?.tokens).toEqual([{ name: 'AUTH_TOKEN', hash: hashToken(TOKEN), roles: ['user'] }]);
  });

  it('may repeat under names of one role, and not under names of two', () => {
    expect(tokensOf({ AUTH_TOKEN: TOKEN, MCP_AUTH_TOKEN: TOKEN })).toHaveLength(1);
    expect(faultsOf(undefined, { env: { AUTH_TOKEN: TOKEN, MCP_ADMIN_TOKEN: TOKEN } })).toMatchObject([
      { code: 'rule' },
    ]);
  });

  it('are refused while authentication is switched off', () => {
    expect(faultsOf(undefined, { env: { AUTH_ENABLED: 'false', AUTH_TOKEN: TOKEN } })).toMatchObject([
      { path: 'auth.enabled' },
    ]);
  });
});

describe('names that are not ours', () => {
  const warned = (env: Record<string, string>, text?: string) =>
    load(text, { env }).warnings.map(({ problem, suggestion }) => [problem.split(' ')[0], suggestion]);

  it.each([
    ['AUTH_TOEKN', 'AUTH_TOKEN'],
    ['ALLOWED_ORIGIN', 'ALLOWED_ORIGINS'],
    ['PROT', 'PORT'],
    ['SALLYPORT_SERVER_PROT', 'SALLYPORT_SERVER_PORT'],
    ['SALLYPORT_WHATEVER_ELSE_ALTOGETHER', undefined],
  ])('%s gives a warning', (name, suggestion) => {
    expect(warned({ [name]: 'x' })).toEqual([[name, suggestion]]);
  });

  it('are left alone when they are everyday names, or used on purpose', () => {
    expect(warned({ HOST: 'a', PATH: 'b', HOME: 'c', TERM: 'd', NODE_ENV: 'e', OAUTH_TOKEN: 'f' })).toEqual([]);
    const text =
      'mcps: [{ id: a, transport: stdio, command: x, args: ["{{ .env.AUTH_TOKENX }}"], env_allow: [MCP_AUTH_TOKENS] }]\n';
    expect(warned({ AUTH_TOKENX: 'x', MCP_AUTH_TOKENS: 'y' }, text)).toEqual([]);
  });
});

it('gives children the environment with .env under it', () => {
  expect(load(undefined, { env: { A: '1', B: undefined }, dotenv: 'A=2\nC=3\n' }).environment).toEqual({
    A: '1',
    C: '3',
  });
});

it('refuses a configuration file named in .env', () => {
  expect(faultsOf(undefined, { dotenv: 'SALLYPORT_CONFIG=x.yaml\n' })).toMatchObject([
    { code: 'forbidden-variable', source: '.env', line: 1 },
  ]);
});

it('has flags that name settings, each once', () => {
  expect(FLAGS.map(({ name, path }) => `${name} ${path}`)).toEqual([
    'state-dir state_dir',
    'host server.host',
    'port server.port',
    'public-url server.public_url',
    'trust-proxy server.trust_proxy',
    'admin-port admin.port',
    'log-level log.level',
    'log-format log.format',
  ]);
});

describe('names of other programs for what this release does not have', () => {
  it.each(['RATE_LIMIT_WINDOW_MS', 'RATE_LIMIT_MAX_REQUESTS', 'SESSION_SECRET'])('%s: nothing is in force', (name) => {
    const { warnings } = load(undefined, { dotenv: `${name}=900000\n` });
    expect(warnings).toMatchObject([
      { line: 1, problem: expect.stringMatching(new RegExp(`^${name} has no effect: .* none is in force$`)) },
    ]);
  });
});
