import { describe, expect, it } from 'vitest';
import { load, refusal } from '../../test/fixtures/config/folder.ts';

type Env = Readonly<Record<string, string>>;
const security = (env: Env, text?: string) => load(text, { env }).settings.security;
const warnings = (env: Env) => load(undefined, { env }).warnings.map(({ path, problem }) => `${path} ${problem}`);
const faults = (env: Env, text?: string) =>
  refusal(() => load(text, { env })).faults.map(({ path, problem }) => `${path} ${problem}`);

describe('IP_ALLOWLIST', () => {
  it('counts behind its switch, with blanks and empty entries left out', () => {
    const { ip_whitelist } = security({ IP_PROTECTION_ENABLED: 'true', IP_ALLOWLIST: ' 192.168.1.0/24 ,, 10.0.0.1,' });
    expect(ip_whitelist).toEqual(['192.168.1.0/24', '10.0.0.1']);
  });

  it.each([{}, { IP_PROTECTION_ENABLED: 'false' }])('counts for nothing without it (%j)', (env) => {
    expect(security({ IP_ALLOWLIST: '10.0.0.0/8', ...env }).ip_whitelist).toBeUndefined();
  });

  it.each([{}, { IP_PROTECTION_ENABLED: 'false' }])('draws a warning where it does not count (%j)', (env) => {
    expect(warnings({ IP_ALLOWLIST: '10.0.0.0/8', ...env })[0]).toMatch(/^IP_ALLOWLIST has no effect without/);
  });

  it.each(['10.0.0.1 10.0.0.2', '10.0.0.1;10.0.0.2', '::1 | ::2'])('written as "%s" is refused: commas', (list) => {
    const told = faults({ IP_PROTECTION_ENABLED: 'true', IP_ALLOWLIST: list }).join();
    expect(told).toContain('Commas separate entries');
  });

  it.each([{}, { IP_ALLOWLIST: '' }, { IP_ALLOWLIST: ' , ' }])('that is empty means this machine alone (%j)', (env) => {
    const { ip_whitelist, ip_localhost } = security({ IP_PROTECTION_ENABLED: 'true', ...env });
    expect([ip_whitelist, ip_localhost]).toEqual([[], 'always']);
  });

  it('with an entry nobody can read is refused, naming it', () => {
    const env = { IP_PROTECTION_ENABLED: 'true', IP_ALLOWLIST: '10.0.0.0/8,10.0.0.0/33' };
    expect(faults(env)).toEqual(['security.ip_whitelist[1] has a prefix beyond /32. Write /0 to /32.']);
  });

  it('takes 0.0.0.0 for one address, and asks whether everybody was meant', () => {
    const env = { IP_PROTECTION_ENABLED: 'true', IP_ALLOWLIST: '0.0.0.0' };
    expect(security(env).ip_whitelist).toEqual(['0.0.0.0']);
    expect(load(undefined, { env }).warnings[0]?.suggestion).toMatch(/^"0\.0\.0\.0\/0"/);
  });
});

describe('IP_PROTECTION_ENABLED', () => {
  it('leaves the list and the localhost rule of the file as they are', () => {
    const text = 'security: { ip_whitelist: [10.0.0.0/8], ip_localhost: listed }';
    const { ip_whitelist, ip_localhost } = security({ IP_PROTECTION_ENABLED: 'true' }, text);
    expect([ip_whitelist, ip_localhost]).toEqual([['10.0.0.0/8'], 'listed']);
  });

  it.each([
    [{ ALLOWED_IPS: '10.0.0.1' }, undefined],
    [{}, 'security: { ip_whitelist: [10.0.0.1] }'],
    [{}, 'security: { ip_blacklist: [10.0.0.1] }'],
    [{}, 'mcps: [{ id: crm, transport: sse, url: "http://a.example/", security: { ip_whitelist: [10.0.0.1] } }]'],
  ])('false beside a list is refused (%j %s)', (env, text) => {
    expect(faults({ IP_PROTECTION_ENABLED: 'false', ...env }, text)).toEqual([
      'IP_PROTECTION_ENABLED switches the address filter off while another setting has a list of addresses',
    ]);
  });

  it('is true or false', () => {
    expect(faults({ IP_PROTECTION_ENABLED: 'maybe' })).toEqual(['IP_PROTECTION_ENABLED expected true or false']);
  });

  it('makes the health answer the one its clients know, unless a name is given', () => {
    const service = (env: Env, text?: string) => load(text, { env }).settings.health.service;
    expect(service({ IP_PROTECTION_ENABLED: 'true' })).toBe('twenty-mcp-server');
    expect(service({ IP_PROTECTION_ENABLED: 'true' }, 'health: { service: ours }')).toBe('ours');
    expect(service({ ALLOWED_IPS: '10.0.0.1' })).toBe('sallyport');
  });
});

describe('ALLOWED_IPS', () => {
  it('counts by being there; this machine must be listed too', () => {
    const { ip_whitelist, ip_localhost } = security({ ALLOWED_IPS: '127.0.0.1,::1' });
    expect([ip_whitelist, ip_localhost]).toEqual([['127.0.0.1', '::1'], 'listed']);
  });

  it('0.0.0.0 means every address, and a warning', () => {
    expect(security({ ALLOWED_IPS: '0.0.0.0' }).ip_whitelist).toEqual(['0.0.0.0/0', '::/0']);
    expect(warnings({ ALLOWED_IPS: '0.0.0.0' })).toEqual([expect.stringContaining('means every address')]);
  });

  it('0.0.0.0 is refused in production unless somebody says it is meant', () => {
    const env = { ALLOWED_IPS: '10.0.0.1,0.0.0.0', NODE_ENV: 'production' };
    expect(faults(env)).toEqual([expect.stringContaining('refused while NODE_ENV is production')]);
    expect(faults({ ...env, ALLOW_ALL_IPS: 'true' })).toHaveLength(1);
    expect(security({ ...env, ALLOW_ALL_IPS: 'i-understand' }).ip_whitelist).toHaveLength(3);
  });

  it('with every address written out is doubted in production', () => {
    const env = { ALLOWED_IPS: '0.0.0.0/0,::/0' };
    expect(warnings(env)).toEqual([]);
    expect(warnings({ ...env, NODE_ENV: 'production' })).toEqual([
      'ALLOWED_IPS 0.0.0.0/0 lets every address of its family in while NODE_ENV is production',
    ]);
  });

  it('and another list that counts and differs are refused together', () => {
    const env = { IP_PROTECTION_ENABLED: 'true', IP_ALLOWLIST: '10.0.0.1', ALLOWED_IPS: '10.0.0.2' };
    expect(faults(env)).toEqual([expect.stringContaining('both set security.ip_whitelist, to different values')]);
    expect(security({ ...env, ALLOWED_IPS: '10.0.0.1' }).ip_whitelist).toEqual(['10.0.0.1']);
  });

  it('beats the list of the file', () => {
    expect(security({ ALLOWED_IPS: '10.0.0.1' }, 'security: { ip_whitelist: [10.0.0.2] }').ip_whitelist).toEqual([
      '10.0.0.1',
    ]);
  });

  it('that is empty is refused: it says neither everybody nor nobody', () => {
    expect(refusal(() => load(undefined, { env: { ALLOWED_IPS: '' } })).faults[0]?.problem).toMatch(/set but empty/);
  });
});

describe('IP_BLOCK_UNKNOWN', () => {
  it.each([
    ['true', 'block'],
    ['false', 'allow'],
  ])('%s: %s', (text, unknown) => {
    expect(security({ IP_BLOCK_UNKNOWN: text }).ip_unknown).toBe(unknown);
  });

  it('is true or false', () => {
    expect(faults({ IP_BLOCK_UNKNOWN: 'maybe' })).toEqual(['IP_BLOCK_UNKNOWN expected true or false']);
  });
});

describe('lists in a file', () => {
  it.each([
    ['10.0.0.0/33', 'has a prefix beyond /32'],
    ['10.0.0.0/-1', 'has no prefix length'],
    ['10.0.0.0/08', 'has no prefix length'],
    ['"10.0.0.0/24 "', 'has no prefix length'],
    ['1.2.3.0/255.255.255.0', 'has a netmask'],
    ['203.0.113.77/24', 'has bits set behind its /24'],
    ['010.0.0.1', 'is no address'],
    ['example.com', 'is no address'],
    ['{ cidr: 10.0.0.0/40 }', 'has a prefix beyond /32'],
  ])('with %s are refused', (entry, problem) => {
    const found = faults({}, `security: { ip_blacklist: [10.0.0.1, ${entry}] }`);
    expect(found).toEqual([expect.stringContaining(problem)]);
    expect(found[0]).toMatch(/^security\.ip_blacklist\[1\]/);
  });

  it.each(['0.0.0.0/0', '::/0', '10.0.0.1/32', '2001:db8::1/128'])('may hold %s', (entry) => {
    expect(security({}, `security: { ip_whitelist: ["${entry}"] }`).ip_whitelist).toEqual([entry]);
  });

  it('warn of entries that have ended and of lists that let nobody in', () => {
    const text = 'security: { ip_whitelist: [], ip_blacklist: [{ cidr: 10.0.0.1, expires: 2020-01-01 }] }';
    const said = load(text).warnings.map(({ path, problem }) => `${path} ${problem}`);
    expect(said).toEqual([
      'security.ip_whitelist is empty, so it lets nobody in',
      'security.ip_blacklist[0].expires is in the past, so this entry counts for nothing',
    ]);
  });
});

describe('a variable that is nearly one about addresses', () => {
  it.each([
    ['IP_ALLOW_LIST', 'IP_ALLOWLIST'],
    ['IP_ALOWLIST', 'IP_ALLOWLIST'],
    ['IP_WHITELIST', 'IP_ALLOWLIST'],
    ['IP_BLACKLIST', 'SALLYPORT_SECURITY_IP_BLACKLIST'],
    ['IP_PROTECTION_ENABLE', 'IP_PROTECTION_ENABLED'],
    ['IP_PROTECTION', 'IP_PROTECTION_ENABLED'],
    ['IP_BLOCK_UNKOWN', 'IP_BLOCK_UNKNOWN'],
    ['ALLOWED_IP', 'ALLOWED_IPS'],
    ['TRUSTED_PROXY', 'TRUSTED_PROXIES'],
    ['TRUST_PROXY', 'TRUSTED_PROXIES'],
  ])('%s is pointed out, and counts for nothing', (name, meant) => {
    const { settings, warnings: found } = load(undefined, { env: { [name]: '10.0.0.0/8' } });
    expect(settings.security.ip_whitelist).toBeUndefined();
    expect(found).toMatchObject([
      { code: 'unknown-variable', problem: `${name} is not a name of ours and is ignored`, suggestion: meant },
    ]);
  });

  it.each(['IP_ALLOWLIST_URL', 'MY_PROXY', 'VIP_LIST'])("%s is somebody else's, and left alone", (name) => {
    expect(warnings({ [name]: '10.0.0.0/8' })).toEqual([]);
  });
});
