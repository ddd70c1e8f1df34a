import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { folderWith, load } from '../../test/fixtures/config/folder.ts';
import type { Settings } from '../config/settings.ts';
import { parseAddress } from '../net/parse-address.ts';
import { compileAdminTrust, compileTrust, trustInForce } from './trust.ts';

const ruleOf = (settings: Settings, address: string, compile = compileTrust) =>
  compile(settings).ruleOf(parseAddress(address)!, 0);

/** The settings with an allow list, of the gateway or of its first server. */
function withList(settings: Settings, of: 'gateway' | 'server'): Settings {
  const security = { ...settings.security, ip_whitelist: [] };
  if (of === 'gateway') return { ...settings, security } as Settings;
  return { ...settings, mcps: [{ ...settings.mcps[0], security: { ip_whitelist: [] } }] } as unknown as Settings;
}

describe('whom to trust where nothing is said', () => {
  const plain = () => load('mcps: [{ id: a, transport: stdio, command: node }]\n').settings;

  it('is a proxy on this machine', () => {
    const settings = plain();
    expect(trustInForce(settings)).toMatchObject({ value: 'loopback' });
    expect([ruleOf(settings, '127.0.0.1'), ruleOf(settings, '10.0.0.1')]).toEqual(['loopback', undefined]);
  });

  it.each(['gateway', 'server'] as const)('is nobody once an allow list of the %s decides who may come', (of) => {
    const listed = withList(plain(), of);
    expect(trustInForce(listed)).toMatchObject({ value: false, why: expect.stringContaining('ip_whitelist') });
    expect(ruleOf(listed, '127.0.0.1')).toBeUndefined();
  });

  it.each([
    ['security.ip_blacklist', 'security: { ip_blacklist: [203.0.113.7] }'],
    ['security.bans.enabled', 'security: { bans: { enabled: true } }'],
    [
      'mcps[0].security.ip_blacklist',
      'mcps: [{ id: a, transport: stdio, command: node, security: { ip_blacklist: [203.0.113.7] } }]',
    ],
    ['admin.ip_whitelist', 'admin: { ip_whitelist: [127.0.0.1] }'],
  ])('is nobody once %s decides anything by addresses', (setting, text) => {
    const { settings } = load(`${text}\n`);
    expect(trustInForce(settings)).toEqual({ value: false, why: `server.trust_proxy is not set, and ${setting} is` });
    expect(ruleOf(settings, '127.0.0.1')).toBeUndefined();
  });

  it('is a proxy on this machine while bans are off', () => {
    const { settings } = load('security: { bans: { enabled: false, failures: 3 } }\n');
    expect(trustInForce(settings).value).toBe('loopback');
  });

  it('is what is said, with a list or without', () => {
    const said = load('server: { trust_proxy: [loopback, 10.0.0.0/8] }\n').settings;
    for (const these of [said, withList(said, 'gateway')]) {
      expect(trustInForce(these)).toEqual({ value: ['loopback', '10.0.0.0/8'], why: 'server.trust_proxy' });
      expect(ruleOf(these, '10.1.2.3')).toBe('10.0.0.0/8');
    }
  });

  it('is nobody on the admin listener', () => {
    expect(ruleOf(plain(), '127.0.0.1', compileAdminTrust)).toBeUndefined();
    const said = load('server: { trust_proxy: loopback }\n').settings;
    expect(ruleOf(said, '127.0.0.1', compileAdminTrust)).toBe('loopback');
  });
});

describe('a set of proxies from a file', () => {
  function settingsWith(text: string): Settings {
    const cwd = folderWith({
      'sallyport.yaml':
        'server: { trust_proxy: "cloudflare, edge", trust_proxy_sets: { edge: lists/edge.txt, cloudflare: cf.txt } }\n',
      'lists/edge.txt': text,
      'cf.txt': '198.51.100.0/24\n',
    });
    return load(undefined, { cwd }).settings;
  }

  it('holds one network a line, and takes the place of the one that comes with the gateway', () => {
    const settings = settingsWith('# edge\n192.0.2.0/24 # Berlin\r\n\n2001:db8::/32\n');
    const found = ['192.0.2.9', '2001:db8::9', '198.51.100.9', '173.245.48.1'].map((text) => ruleOf(settings, text));
    expect(found).toEqual(['edge', 'edge', 'cloudflare', undefined]);
  });

  it.each([
    ['192.0.2.0/24\n192.0.2.300\n', /server\.trust_proxy_sets\.edge: .*edge\.txt:2: "192\.0\.2\.300" is no address/],
    ['# nothing\n', /edge\.txt holds no address/],
  ])('is refused when it holds %j', (text, message) => {
    expect(() => compileTrust(settingsWith(text))).toThrow(message);
  });

  it('is refused when it holds everybody beside an allow list, until somebody says that it is meant', () => {
    const settings = withList(settingsWith('192.0.2.0/24\n128.0.0.0/1\n'), 'gateway');
    expect(() => compileTrust(settings)).toThrow(/edge\.txt:2: 128\.0\.0\.0\/1 believes anybody/);
    const meant = { ...settings, server: { ...settings.server, trust_proxy_spoofable: true } };
    expect(ruleOf(meant, '203.0.113.9')).toBe('edge');
  });

  it('is refused when it is not there', () => {
    const settings = settingsWith('192.0.2.0/24\n');
    const sets = { edge: join(folderWith({}), 'none.txt') };
    const missing = { ...settings, server: { ...settings.server, trust_proxy_sets: sets } };
    expect(() => compileTrust(missing)).toThrow(
      /server\.trust_proxy_sets\.edge: .*none\.txt cannot be read \(ENOENT\)/,
    );
  });
});
