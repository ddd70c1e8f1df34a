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
