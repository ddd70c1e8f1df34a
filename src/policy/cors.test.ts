import { describe, expect, it } from 'vitest';
import { exchangeOf, type RequestFacts } from '../../test/support/judged.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import { cors, corsHeaders, PREFLIGHT_GRANTED } from './cors.ts';
import { adminCors, type CorsBlock, type CorsSettings, compileCors } from './cors-policy.ts';
import { PROVEN } from './exchange.ts';

const APP = 'https://app.example.com';
const EVIL = 'https://evil.example';

function answered(facts: RequestFacts, gateway: CorsBlock = { allowed_origins: [APP] }, more?: Partial<CorsSettings>) {
  const x = exchangeOf(facts);
  const book = compileCors({ gateway, servers: [], loopbackOrigins: false, ...more });
  const marks = corsHeaders(book).evaluate(x);
  const verdict = cors(book).evaluate(x);
  if (verdict instanceof Promise) throw new Error('the step waits for nothing');
  return { marks, verdict, headers: named(x.responseHeaders) };
}

/** Pairs as a mapping, names in lower case. */
function named(pairs: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (let i = 0; i < pairs.length; i += 2) headers[(pairs[i] as string).toLowerCase()] = pairs[i + 1] as string;
  return headers;
}

const asking = (origin: string, method = 'POST', ...headers: string[]): RequestFacts => ({
  method: 'OPTIONS',
  headers: [
    ...['Origin', origin, 'Access-Control-Request-Method', method],
    ...headers.flatMap((value) => ['Access-Control-Request-Headers', value]),
  ],
});

function granted(facts: RequestFacts, gateway?: CorsBlock, more?: Partial<CorsSettings>) {
  const { verdict } = answered(facts, gateway, more);
  if (!('answer' in verdict)) throw new Error(`no answer: ${JSON.stringify(verdict)}`);
  expect(verdict.answer).toMatchObject({ status: 204, body: undefined });
  // Half a grant can be a whole one: what is sent is what the step says, and nothing beside it.
  expect(answered(facts, gateway, more).headers).toEqual({});
  return { rule: verdict.rule, headers: named(verdict.answer.headers) };
}

describe('an answer', () => {
  it('to an allowed origin may be read by it, with the headers MCP needs', () => {
    const { marks, headers } = answered({ headers: ['Origin', APP] });
    expect(marks).toEqual({ pass: 'cors.allowed' });
    expect(headers['access-control-allow-origin']).toBe(APP);
    expect(headers).not.toHaveProperty('access-control-allow-credentials');
    for (const name of ['Mcp-Session-Id', 'MCP-Protocol-Version', 'WWW-Authenticate', 'Retry-After', 'RateLimit']) {
      expect(headers['access-control-expose-headers']?.split(', ')).toContain(name);
    }
  });

  it('to another origin carries nothing, should anything have let it through', () => {
    const { marks, headers } = answered({ headers: ['Origin', EVIL] });
    expect(marks).toEqual({ pass: 'cors.not-allowed' });
    expect(headers).toEqual({});
  });

  it('to a program that is no browser carries nothing', () => {
    expect(answered({})).toMatchObject({ marks: { pass: 'cors.no-origin' }, headers: {} });
  });

  it('to two origins can be read by neither', () => {
    expect(answered({ headers: ['Origin', APP, 'Origin', EVIL] }).headers).toEqual({});
    expect(answered({ headers: ['Origin', APP, 'Origin', APP] }).headers).toEqual({});
  });

  it('to a target nobody can read is for an allowed page all the same', () => {
    const facts = { url: '//x', route: { name: 'unknown' }, headers: ['Origin', APP] } as const;
    expect(answered(facts).headers['access-control-allow-origin']).toBe(APP);
  });

  it('says so where credentials are allowed, and exposes what is configured once', () => {
    const block = {
      allowed_origins: [APP],
      allow_credentials: true,
      exposed_headers: ['X-Total-Count', 'retry-after'],
    };
    const { headers } = answered({ headers: ['Origin', APP] }, block);
    expect(headers['access-control-allow-credentials']).toBe('true');
    const exposed = headers['access-control-expose-headers']?.toLowerCase().split(', ') ?? [];
    expect(exposed).toContain('x-total-count');
    expect(exposed.filter((name) => name === 'retry-after')).toHaveLength(1);
  });

  it('names no origin where every origin is let in', () => {
    const { headers } = answered({ headers: ['Origin', EVIL] }, { allowed_origins: ['*'] });
    expect(headers['access-control-allow-origin']).toBe('*');
    expect(answered({ headers: ['Origin', 'null'] }, { allowed_origins: ['*'] }).headers).toEqual({});
  });

  it('cannot be compiled for every origin with credentials', () => {
    expect(() => answered({}, { allowed_origins: ['*'], allow_credentials: true })).toThrow('allow_credentials');
  });

  it('carries nothing where CORS is off', () => {
    const off = { enabled: false, allowed_origins: [APP] };
    expect(answered({ headers: ['Origin', APP] }, off)).toMatchObject({ marks: { pass: 'cors.off' }, headers: {} });
  });

  it('is for pages on this machine while the bind is loopback', () => {
    const page = { headers: ['Origin', 'http://localhost:5173'] };
    expect(answered(page, {}, { loopbackOrigins: true }).headers).toHaveProperty('access-control-allow-origin');
    expect(answered(page, {}).headers).toEqual({});
  });

  it('that is public may be read by every page, and never with credentials', () => {
    const route = { cors: 'public', methods: ['GET', 'HEAD'], path: '/.well-known/x' } as const;
    const block = { allowed_origins: [APP], allow_credentials: true };
    for (const origin of [APP, EVIL, 'null']) {
      const { headers } = answered({ route, headers: ['Origin', origin] }, block);
      expect(headers['access-control-allow-origin']).toBe('*');
      expect(headers).not.toHaveProperty('access-control-allow-credentials');
      const asked = granted({ ...asking(origin, 'GET', 'mcp-protocol-version'), route }, block);
      expect(asked.headers['access-control-allow-origin']).toBe('*');
    }
  });
});

describe('a preflight', () => {
  it('of an allowed origin is granted what MCP needs', () => {
    const names =
      'authorization,content-type,accept,mcp-session-id,mcp-protocol-version,mcp-method,mcp-name,last-event-id';
    const { rule, headers } = granted(asking(APP, 'POST', names));
    expect(rule).toBe(PREFLIGHT_GRANTED);
    expect(headers['access-control-allow-origin']).toBe(APP);
    expect(headers['access-control-allow-methods']).toBe('GET, POST, DELETE');
    expect(headers['access-control-max-age']).toBe('7200');
    const allowed = headers['access-control-allow-headers']?.toLowerCase().split(', ') ?? [];
    for (const name of names.split(',')) expect(allowed).toContain(name);
    expect(headers['access-control-allow-headers']).not.toContain('*');
  });

  it('is granted parameter headers by name', () => {
    const { headers } = granted(asking(APP, 'POST', 'Content-Type, Mcp-Param-Region,mcp-param-x'));
    expect(headers['access-control-allow-headers']).toMatch(/, mcp-param-region, mcp-param-x$/);
  });

  it('is granted the methods its route has, and no others', () => {
    const methods = (verbs: readonly string[], method: string) =>
      granted({ ...asking(APP, method), route: { methods: verbs } }).headers['access-control-allow-methods'];
    expect(methods(['GET', 'HEAD'], 'HEAD')).toBe('GET, HEAD');
    expect(methods(['GET', 'PUT'], 'GET')).toBe('GET');
  });

  it('need ask for no headers', () => {
    expect(granted(asking(APP, 'GET')).rule).toBe(PREFLIGHT_GRANTED);
    expect(granted(asking(APP, 'GET', ' ')).rule).toBe(PREFLIGHT_GRANTED);
  });

  it('is granted what is configured beside it', () => {
    const block = { allowed_origins: [APP], allowed_headers: ['X-Custom'], max_age: 60, allow_credentials: true };
    const { headers } = granted(asking(APP, 'POST', 'x-custom, authorization'), block);
    expect(headers['access-control-max-age']).toBe('60');
    expect(headers['access-control-allow-credentials']).toBe('true');
    expect(headers['access-control-allow-headers']).toContain('X-Custom');
  });

  const many = Array.from({ length: 500 }, (_, index) => `x-${index}`).join(',');
  const METHODS = 'security.cors.allowed_methods';
  const HEADERS = 'security.cors.allowed_headers';
  it.each([
    ['a method the settings leave out', asking(APP, 'DELETE'), METHODS],
    ['a method the route has not', asking(APP, 'HEAD'), METHODS],
    ['a method in lower case', asking(APP, 'post'), METHODS],
    ['no method', asking(APP, ''), METHODS],
    ['a header nobody listed', asking(APP, 'POST', 'x-evil'), HEADERS],
    ['a header nobody listed among others', asking(APP, 'POST', 'authorization, x-evil, content-type'), HEADERS],
    ['five hundred headers', asking(APP, 'POST', many), HEADERS],
    ['a header of eight kilobytes', asking(APP, 'POST', `mcp-param-${'x'.repeat(8_000)}`), HEADERS],
    ['a thousand commas', asking(APP, 'POST', ','.repeat(1_000)), HEADERS],
    ['a parameter without a name', asking(APP, 'POST', 'mcp-param-'), HEADERS],
    ['a parameter that is no token', asking(APP, 'POST', 'mcp-param-a b'), HEADERS],
    ['an origin that may not call', asking(EVIL), 'security.cors.allowed_origins'],
  ])('that asks for %s is granted nothing', (_, facts, rule) => {
    const block = { allowed_origins: [APP], allowed_methods: ['GET', 'POST', 'HEAD'] };
    expect(granted(facts, block)).toEqual({ rule, headers: {} });
  });

  it.each([
    ['without Origin', ['Access-Control-Request-Method', 'POST']],
    ['without a method', ['Origin', APP]],
    ['with a body', ['Origin', APP, 'Access-Control-Request-Method', 'POST', 'Content-Length', '2']],
    ['with chunks', ['Origin', APP, 'Access-Control-Request-Method', 'POST', 'Transfer-Encoding', 'chunked']],
  ])('is none %s', (_, headers) => {
    expect(answered({ method: 'OPTIONS', headers }).verdict).toHaveProperty('pass');
  });

  it('is none with another verb', () => {
    const { headers = [] } = asking(APP);
    const { marks, verdict } = answered({ method: 'POST', headers });
    expect([marks, verdict]).toEqual([{ pass: 'cors.allowed' }, { pass: 'cors.no-preflight' }]);
  });

  it('of a path that does not exist goes to the route that says so', () => {
    const facts = { ...asking(APP), route: { name: 'unknown' } } as const;
    const { marks, verdict, headers } = answered(facts);
    expect([marks, verdict]).toEqual([{ pass: 'cors.allowed' }, { pass: 'cors.no-preflight' }]);
    expect(headers['access-control-allow-origin']).toBe(APP);
  });

  it('is a verb the route has not where CORS is off', () => {
    const denied = {
      deny: PROBLEMS.METHOD_NOT_ALLOWED,
      reason: 'route.verb',
      headers: ['Allow', 'GET, POST, DELETE'],
    };
    expect(answered(asking(APP), { enabled: false, allowed_origins: [APP] }).verdict).toEqual(denied);
    expect(cors(adminCors(true)).evaluate(exchangeOf(asking('http://localhost')))).toEqual(denied);
  });
});

describe('a server with a block of its own', () => {
  const other = 'https://other.example';
  const settings = (gateway: CorsBlock, own: CorsBlock) => ({ gateway, more: { servers: [{ id: 'crm', cors: own }] } });
  const reads = (origin: string, gateway: CorsBlock, own: CorsBlock, server: string | undefined = 'crm') => {
    const { more } = settings(gateway, own);
    return (
      'access-control-allow-origin' in
      answered({ route: { server }, headers: ['Origin', origin] }, gateway, more).headers
    );
  };

  it('decides alone where the gateway says nothing, and on its own route only', () => {
    expect(reads(APP, {}, { allowed_origins: [APP] })).toBe(true);
    expect(reads(other, {}, { allowed_origins: [APP] })).toBe(false);
    expect(reads(APP, {}, { allowed_origins: [APP] }, 'search')).toBe(false);
  });

  it('narrows what the gateway lets in, and never widens it', () => {
    const gateway = { allowed_origins: [APP, 'https://*.example.org'] };
    const own = { allowed_origins: [APP, other] };
    expect(reads(APP, gateway, own)).toBe(true);
    expect(reads(other, gateway, own)).toBe(false);
    expect(reads('https://a.example.org', gateway, own)).toBe(false);
    expect(reads('https://a.example.org', gateway, own, 'search')).toBe(true);
    expect(reads('https://a.example.org', gateway, { max_age: 1 })).toBe(true);
  });

  it('may switch it off for itself', () => {
    expect(reads(APP, { allowed_origins: [APP] }, { enabled: false })).toBe(false);
    expect(reads(APP, { enabled: false, allowed_origins: [APP] }, { enabled: true })).toBe(false);
  });

  it('grants what both levels grant', () => {
    const gateway = {
      allowed_origins: ['*'],
      allowed_methods: ['POST', 'GET'],
      allowed_headers: ['X-A', 'X-B'],
      max_age: 600,
    };
    const own = {
      allowed_origins: [APP],
      allowed_methods: ['POST', 'DELETE'],
      allowed_headers: ['x-b'],
      allow_credentials: true,
      max_age: 900,
    };
    const { more } = settings(gateway, own);
    const { headers } = granted(asking(APP, 'POST', 'x-b'), gateway, more);
    expect(headers).toMatchObject({
      'access-control-allow-origin': APP,
      'access-control-allow-methods': 'POST',
      'access-control-allow-credentials': 'true',
      'access-control-max-age': '600',
    });
    expect(granted(asking(APP, 'POST', 'x-a'), gateway, more).headers).toEqual({});
  });

  it('is named when it is what keeps an origin out', () => {
    const book = compileCors({
      gateway: { allowed_origins: [APP, other] },
      servers: [{ id: 'crm', cors: { allowed_origins: [APP] } }],
      loopbackOrigins: false,
    });
    const { route } = exchangeOf();
    expect(book.of(route).refusedBy(other)).toBe('security.cors.allowed_origins of the server crm');
    expect(book.of(route).refusedBy(EVIL)).toBe('security.cors.allowed_origins');
    expect(book.of(route).refusedBy(APP)).toBeUndefined();
  });
});

describe('whose address a page is held against', () => {
  const proofOf = (gateway: CorsBlock, headers: readonly string[]) => {
    const x = exchangeOf({ headers });
    x.proof = PROVEN;
    void cors(compileCors({ gateway, servers: [], loopbackOrigins: false })).evaluate(x);
    return x.proof === PROVEN;
  };

  it("is nobody's where every page may call", () => {
    const anybody = { allowed_origins: ['*'] };
    expect(proofOf(anybody, ['Origin', EVIL])).toBe(false);
    expect(proofOf(anybody, [])).toBe(true);
    expect(proofOf({ allowed_origins: [APP] }, ['Origin', APP])).toBe(true);
  });
});
