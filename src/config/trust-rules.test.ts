import { describe, expect, it } from 'vitest';
import { faultsOf, load } from '../../test/fixtures/config/folder.ts';
import type { Draft } from './rule.ts';
import { applyRules } from './rules.ts';
import { TRUST_DOUBTS, TRUST_RULES } from './trust-rules.ts';

const trusting = (env: Record<string, string>, text?: string) => load(text, { env }).settings.server.trust_proxy;

describe('server.trust_proxy', () => {
  it.each([
    ['SALLYPORT_SERVER_TRUST_PROXY', 'loopback, 10.0.0.0/8'],
    ['TRUSTED_PROXIES', '127.0.0.1,10.0.0.1,172.16.0.0/12,::1'],
    ['ONE_MCP_TRUST_PROXY', '2'],
    ['MCP_PROXY_TRUSTED_PROXIES', 'true'],
  ])('is also %s', (name, value) => {
    const loaded = load('server: { trust_proxy: false }\n', { env: { [name]: value } });
    expect(loaded.settings.server.trust_proxy).toBe(value);
    expect(loaded.provenance.get('server.trust_proxy')).toBe(`environment ${name}`);
  });

  it('is also a flag, which comes first', () => {
    const loaded = load('server: { trust_proxy: [10.0.0.1] }\n', {
      env: { TRUSTED_PROXIES: '10.0.0.2' },
      flags: { 'trust-proxy': 'uniquelocal' },
    });
    expect(loaded.settings.server.trust_proxy).toBe('uniquelocal');
  });

  it('covers ::1 where other instructions say 127.0.0.1, and says so', () => {
    const { settings, warnings } = load(undefined, { env: { TRUSTED_PROXIES: '127.0.0.1, 10.0.0.1' } });
    expect(settings.server.trust_proxy).toBe('127.0.0.1, 10.0.0.1, ::1');
    expect(warnings).toMatchObject([
      { source: 'environment TRUSTED_PROXIES', problem: expect.stringContaining('::1') },
    ]);
    const overridden = { env: { TRUSTED_PROXIES: '127.0.0.1' }, flags: { 'trust-proxy': '10.0.0.1' } };
    expect(load(undefined, overridden).warnings).toEqual([]);
    expect(trusting({ SALLYPORT_SERVER_TRUST_PROXY: '127.0.0.1' })).toBe('127.0.0.1');
    const same = { TRUSTED_PROXIES: '127.0.0.1', ONE_MCP_TRUST_PROXY: '127.0.0.1' };
    expect(trusting(same)).toBe('127.0.0.1, ::1');
  });

  it('may not say two things at once', () => {
    const faults = faultsOf(undefined, { env: { TRUSTED_PROXIES: '10.0.0.1', ONE_MCP_TRUST_PROXY: '10.0.0.2' } });
    expect(faults).toMatchObject([{ code: 'conflict', path: 'server.trust_proxy' }]);
  });

  it('is what auth.trustProxy of another system is meant to be', () => {
    for (const key of ['trustProxy', 'trust_proxy']) {
      const faults = faultsOf(JSON.stringify({ auth: { [key]: 'loopback' } }));
      expect(faults).toMatchObject([{ path: `auth.${key}`, suggestion: '"server.trust_proxy"' }]);
    }
  });

  it.each([
    ['{ trust_proxy: "10.0.0.0/33" }', 'server.trust_proxy', /"10\.0\.0\.0\/33" has a prefix beyond \/32\. Write/],
    ['{ trust_proxy: [loopback, "127.1"] }', 'server.trust_proxy', /"127\.1" is no address/],
    ['{ trust_proxy: [] }', 'server.trust_proxy', /names nobody\. Write false/],
    ['{ trust_proxy: -1 }', 'server.trust_proxy', /number of proxies/],
    ['{ trust_proxy: 1.5 }', 'server.trust_proxy', /expected true, false, a number of hops/],
    ['{ trust_proxy: { loopback: true } }', 'server.trust_proxy', /expected true, false, a number of hops/],
    ['{ trust_proxy: localhost }', 'server.trust_proxy', /"localhost" is no address, no CIDR and no name/],
    ['{ trust_proxy: "loopback, edge" }', 'server.trust_proxy', /"edge" is no address/],
    ['{ forwarded_header: x-client-ip }', 'server.forwarded_header', /expected one of x-forwarded-for/],
    ['{ forwarded_header: cf-connecting-ip }', 'server.forwarded_header', /Cloudflare only/],
    ['{ trust_proxy_sets: { Edge: a.txt } }', 'server.trust_proxy_sets.Edge', /not the name of a set/],
    ['{ trust_proxy_sets: { loopback: a.txt } }', 'server.trust_proxy_sets.loopback', /means something else/],
  ])('refuses %s', (server, path, problem) => {
    const [fault] = faultsOf(`server: ${server}\n`);
    expect(fault).toMatchObject({ path, problem: expect.stringMatching(problem) });
  });

  it.each([
    '{ trust_proxy: "loopback, edge", trust_proxy_sets: { edge: a.txt } }',
    '{ trust_proxy: cloudflare, forwarded_header: cf-connecting-ip }',
    '{ trust_proxy: unix, forwarded_header: forwarded }',
  ])('accepts %s', (server) => {
    expect(load(`server: ${server}\n`).warnings).toEqual([]);
  });

  it('suggests the word that was meant', () => {
    expect(faultsOf('server: { trust_proxy: loopbak }\n')).toMatchObject([{ suggestion: '"loopback"' }]);
  });

  it.each([
    ['{ trust_proxy: true }', /"true" believes anybody/],
    ['{ trust_proxy: "0.0.0.0/0" }', /"0\.0\.0\.0\/0" believes anybody/],
    ['{ trust_proxy: ["::/0"] }', /"::\/0" believes anybody/],
    ['{ trust_proxy: [0.0.0.0/1, 128.0.0.0/1] }', /"0\.0\.0\.0\/1" believes anybody/],
    ['{ trust_proxy: "2000::/3" }', /"2000::\/3" believes anybody/],
    ['{ trust_proxy: uniquelocal, host: 0.0.0.0 }', /"uniquelocal" believes every neighbour/],
    ['{ trust_proxy: linklocal, host: 0.0.0.0 }', /"linklocal" believes every neighbour/],
    ['{ trust_proxy: [loopback, 10.0.0.0/8], host: 0.0.0.0 }', /"10\.0\.0\.0\/8" believes every neighbour/],
    ['{ trust_proxy: "192.0.0.0/8", host: 0.0.0.0 }', /"192\.0\.0\.0\/8" believes every neighbour/],
    ['{ trust_proxy: "fd00::/8", host: "::" }', /"fd00::\/8" believes every neighbour/],
    ['{ trust_proxy: loopback, trust_proxy_sets: { edge: a.txt } }', /not named in server\.trust_proxy/],
  ])('warns of %s', (server, problem) => {
    expect(load(`server: ${server}\n`).warnings).toMatchObject([{ problem: expect.stringMatching(problem) }]);
  });

  it.each([
    '{ trust_proxy: uniquelocal }',
    '{ trust_proxy: 10.0.0.0/8 }',
    '{ trust_proxy: [unix, 10.0.0.0/8], socket: /run/gateway.sock }',
    '{ trust_proxy: [10.1.0.0/16, 192.168.1.0/24, "fd12:3456::/32"], host: 0.0.0.0 }',
    '{ trust_proxy: false }',
  ])('does not warn of %s', (server) => {
    expect(load(`server: ${server}\n`).warnings).toEqual([]);
  });
});

describe('trust in everybody beside an allow list', () => {
  const draft = (trust_proxy: unknown, more: object = {}): Draft =>
    ({ server: { trust_proxy, ...more }, security: { ip_whitelist: ['203.0.113.0/24'] } }) as Draft;
  const refusals = (of: Draft) => applyRules(TRUST_RULES, of).map(({ problem }) => problem);

  it.each([
    [true],
    ['0.0.0.0/0'],
    [['loopback', '::/0']],
    [['0.0.0.0/1', '128.0.0.0/1']],
    ['2000::/3'],
  ])('%j is refused', (trust) => {
    expect(refusals(draft(trust))).toMatchObject([
      expect.stringContaining('forge an address of security.ip_whitelist'),
    ]);
    const server = {
      server: { trust_proxy: trust },
      mcps: [undefined, { security: { ip_whitelist: [] } }],
    } as unknown as Draft;
    expect(refusals(server)).toMatchObject([expect.stringContaining('mcps[1].security.ip_whitelist')]);
  });

  it('is accepted once somebody has said that addresses may be forged', () => {
    expect(refusals(draft(true, { trust_proxy_spoofable: true }))).toEqual([]);
  });

  it.each([['loopback'], [2], [false], [undefined], ['2.0.0.0/8'], ['2400::/7']])('%j is accepted', (trust) => {
    expect(refusals(draft(trust))).toEqual([]);
  });

  it('counted in hops is warned of', () => {
    expect(applyRules(TRUST_DOUBTS, draft(2))).toMatchObject([{ problem: expect.stringContaining('without passing') }]);
    expect(applyRules(TRUST_DOUBTS, { server: { trust_proxy: 2 } })).toEqual([]);
  });
});

describe('DEBUG', () => {
  it.each([
    ['twenty-mcp:*', true],
    ['express, sallyport:addresses', true],
    ['express:*', false],
    ['nottwenty-mcp:*', false],
  ])('of %j asks to see addresses: %s', (value, shown) => {
    expect(load(undefined, { env: { DEBUG: value } }).settings.log.addresses).toBe(shown);
  });

  it('says less than the setting', () => {
    expect(load('log: { addresses: false }\n', { env: { DEBUG: 'twenty-mcp:*' } }).settings.log.addresses).toBe(true);
    const env = { DEBUG: 'twenty-mcp:*', SALLYPORT_LOG_ADDRESSES: 'false' };
    expect(load(undefined, { env }).settings.log.addresses).toBe(false);
  });
});
