import { describe, expect, it } from 'vitest';
import { faultsOf, load } from '../../test/fixtures/config/folder.ts';

const gateway = (block: string) => `security: { cors: { ${block} } }\n`;
const both = (shared: string, own: string) =>
  `${gateway(shared)}mcps: [{ id: a, transport: stdio, command: node, security: { cors: { ${own} } } }]\n`;
const ALL = 'allowed_origins: ["*"]';
const ONE = 'allowed_origins: ["https://a.example"]';
const COOKIES = 'allow_credentials: true';

describe('every origin together with credentials', () => {
  it.each([
    ['at the gateway', gateway(`${ALL}, ${COOKIES}`), 'security.cors.allow_credentials'],
    ['at a server', both('', `${ALL}, ${COOKIES}`), 'mcps[0].security.cors.allow_credentials'],
    ['half here, half there', both(ALL, COOKIES), 'mcps[0].security.cors.allow_credentials'],
    ['half there, half here', both(COOKIES, ALL), 'mcps[0].security.cors.allow_credentials'],
    ['hidden among others', gateway(`allowed_origins: ["https://a.example", "*"], ${COOKIES}`), 'security.cors'],
  ])('is refused at start: %s', (_, text, path) => {
    const faults = faultsOf(text);
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatchObject({ code: 'rule', path: expect.stringContaining(path) });
    expect(() => load(text)).toThrow('List the origins that may, or set allow_credentials: false.');
  });

  it.each([
    ['every origin without', gateway(ALL)],
    ['every origin, and credentials off', gateway(`${ALL}, allow_credentials: false`)],
    ['some origins with', gateway(`${ONE}, ${COOKIES}`)],
    ['narrowed by the server', both(ALL, `${ONE}, ${COOKIES}`)],
    ['narrowed by the gateway', both(`${ONE}, ${COOKIES}`, ALL)],
    ['taken back by the server', both(`${COOKIES}`, `${ALL}, allow_credentials: false`)],
  ])('has a twin that starts: %s', (_, text) => {
    expect(load(text).settings.security.cors).toBeDefined();
  });
});

it('warns of a gateway that every page may call', () => {
  expect(load(gateway(ALL)).warnings).toMatchObject([{ path: 'security.cors.allowed_origins' }]);
  expect(load(gateway(ONE)).warnings).toEqual([]);
});

it('reads the block as the documents print it, for the gateway and for a server', () => {
  const block = `enabled: true, allowed_origins: [https://app.example.com, "*.example.org"], allowed_methods: [get, POST],
    allowed_headers: [Content-Type], exposed_headers: [X-Total-Count], allow_credentials: true, max_age: 86400`;
  const expected = {
    enabled: true,
    allowed_origins: ['https://app.example.com', 'https://*.example.org'],
    allowed_methods: ['GET', 'POST'],
    allowed_headers: ['Content-Type'],
    exposed_headers: ['X-Total-Count'],
    allow_credentials: true,
    max_age: 86_400,
  };
  const { settings } = load(both(block, block));
  expect(settings.security.cors).toEqual(expected);
  expect(settings.mcps[0]?.security?.cors).toEqual(expected);
});

it.each([
  ['a header', 'allowed_headers', 'X Y'],
  ['every header', 'allowed_headers', '*'],
  ['a header to read', 'exposed_headers', 'X:Y'],
  ['a method', 'allowed_methods', 'GET, POST'],
  ['every method', 'allowed_methods', '*'],
])('refuses what is no name of %s', (_, key, text) => {
  expect(faultsOf(gateway(`${key}: ["${text}"]`))).toMatchObject([{ path: `security.cors.${key}[0]` }]);
});

it('warns of headers no page can set, and refuses to expose one no page can read', () => {
  const names = 'allowed_headers: [Cookie, X-Own, Origin, HOST, Sec-Fetch-Site, proxy-authorization]';
  const paths = (block: string) => load(both('', block)).warnings.map(({ path }) => path);
  expect(paths(names)).toEqual([0, 2, 3, 4, 5].map((index) => `mcps[0].security.cors.allowed_headers[${index}]`));
  expect(load(gateway(names)).warnings).toHaveLength(5);
  expect(load(gateway('allowed_headers: [Content-Type, Accept, X-Requested-With]')).warnings).toEqual([]);
  const path = 'security.cors.exposed_headers[1]';
  expect(faultsOf(gateway('exposed_headers: [X-Total-Count, set-cookie]'))).toMatchObject([{ path }]);
});

it('asks for each origin as an entry of its own', () => {
  for (const text of [
    'https://a.example,https://b.example',
    'https://a.example https://b.example',
    ' https://a.example',
  ])
    expect(() => load(gateway(`allowed_origins: ["${text}"]`))).toThrow('has a blank or a comma; write each origin');
});

describe('a header of every answer', () => {
  it('says what it may be when it is none of that, nothing at all included', () => {
    expect(() => load(set('x_frame_options: ALLOWALL'))).toThrow('expected one of DENY, SAMEORIGIN, or "" for none');
    expect(() => load(set('x_download_options: open'))).toThrow('expected "noopen", or "" for none');
    expect(load(set('x_frame_options: ""')).settings.security.headers.x_frame_options).toBe('');
  });

  const set = (text: string) => `security: { headers: { ${text} } }\n`;

  it('takes the values the documents print, with a warning where they are loose', () => {
    const policy = "default-src 'self'; script-src 'self' 'unsafe-inline'; connect-src 'self' ws: wss:";
    const { settings, warnings } = load(set(`content_security_policy: "${policy}", x_xss_protection: "1; mode=block"`));
    expect(settings.security.headers).toMatchObject({
      content_security_policy: policy,
      x_xss_protection: '1; mode=block',
    });
    expect(warnings).toMatchObject([{ path: 'security.headers.content_security_policy' }]);
    expect(load(set('referrer_policy: strict-origin-when-cross-origin')).warnings).toEqual([]);
  });

  it.each([
    ['content_security_policy', '"a\\nSet-Cookie: b"'],
    ['content_security_policy', '"a\\u0000"'],
    ['permissions_policy', '"\u00fc"'],
    ['permissions_policy', '" a"'],
    ['x_xss_protection', `"${'x'.repeat(5_000)}"`],
    ['x_frame_options', 'ALLOWALL'],
    ['x_content_type_options', 'sniff'],
    ['referrer_policy', 'no-referer'],
    ['referrer_policy', '"origin,"'],
    ['cross_origin_opener_policy', 'unsafe'],
    ['hsts_max_age', '-1'],
    ['hsts_max_age', '1h'],
  ])('is refused at start with a value it cannot have: %s', (key, value) => {
    expect(faultsOf(set(`${key}: ${value}`))).toMatchObject([{ path: `security.headers.${key}`, code: 'invalid' }]);
    expect(faultsOf(set(`${key}: ${value}`))).toHaveLength(1);
  });

  it.each([
    'hsts_preload: true, hsts_max_age: 60',
    'hsts_preload: true, hsts_include_subdomains: false',
  ])('cannot ask for what browsers do not take: %s', (text) => {
    expect(faultsOf(set(text))).toMatchObject([{ path: 'security.headers.hsts_preload', code: 'rule' }]);
    expect(load(set('hsts_preload: true')).settings.security.headers.hsts_preload).toBe(true);
  });
});
