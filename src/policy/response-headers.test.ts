import { describe, expect, it } from 'vitest';
import { exchangeOf } from '../../test/support/judged.ts';
import { answerHeaders as schema } from '../config/schema/security-headers.ts';
import { compileHeaders, type HeaderSettings, responseHeaders, transportSecurity } from './response-headers.ts';

const DEFAULTS: HeaderSettings = schema().parse({});
const compiled = (settings: Partial<HeaderSettings> = {}) => compileHeaders({ ...DEFAULTS, ...settings });

function named(pairs: readonly string[]): Map<string, string> {
  const headers = new Map<string, string>();
  for (let i = 0; i < pairs.length; i += 2) headers.set(pairs[i] as string, pairs[i + 1] as string);
  return headers;
}

describe('every answer', () => {
  it('is marked as nothing to sniff, frame, cache or refer from', () => {
    const x = exchangeOf();
    const { plain } = compiled();
    expect(responseHeaders(compiled()).evaluate(x)).toEqual({ pass: 'response-headers.api' });
    expect(x.responseHeaders).toEqual(plain);
    expect(Object.fromEntries(named(plain))).toEqual({
      'X-Content-Type-Options': 'nosniff',
      'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
      'Referrer-Policy': 'no-referrer',
      'X-Frame-Options': 'DENY',
      'Permissions-Policy': 'camera=(), microphone=(), geolocation=()',
      'X-XSS-Protection': '0',
      'X-DNS-Prefetch-Control': 'off',
      'X-Download-Options': 'noopen',
      'X-Permitted-Cross-Domain-Policies': 'none',
      'Cross-Origin-Resource-Policy': 'same-origin',
      'Cross-Origin-Opener-Policy': 'same-origin',
      'Cache-Control': 'no-store, no-transform',
      Vary: 'Origin',
    });
  });

  it('names neither the software nor its version', () => {
    const { secure } = compiled();
    for (const name of ['Server', 'X-Powered-By', 'Via']) expect(named(secure).has(name)).toBe(false);
    expect(secure.join()).not.toMatch(/sallyport|node/i);
  });

  it('shares one list, which nobody can change', () => {
    const { plain, secure } = compiled();
    expect(Object.isFrozen(plain) && Object.isFrozen(secure)).toBe(true);
  });
});

describe('a header', () => {
  const SETTINGS = Object.entries(DEFAULTS).filter(([, value]) => typeof value === 'string');

  it.each(SETTINGS)('can be left out: %s', (key, value) => {
    const without = compiled({ [key]: '' }).plain;
    expect(without).toHaveLength(compiled().plain.length - 2);
    expect(without.filter((text) => text === value).length).toBeLessThan(
      compiled().plain.filter((text) => text === value).length,
    );
  });

  it('says what is configured', () => {
    const { plain } = compiled({ x_xss_protection: '1; mode=block', referrer_policy: 'origin' });
    expect(named(plain).get('X-XSS-Protection')).toBe('1; mode=block');
    expect(named(plain).get('Referrer-Policy')).toBe('origin');
  });
});

describe('Strict-Transport-Security', () => {
  it.each<[Partial<HeaderSettings>, string | undefined]>([
    [{}, 'max-age=31536000; includeSubDomains'],
    [{ hsts_preload: true }, 'max-age=31536000; includeSubDomains; preload'],
    [{ hsts_include_subdomains: false, hsts_max_age: 60 }, 'max-age=60'],
    [{ hsts_max_age: 0 }, undefined],
  ])('%j is %s', (settings, value) => {
    const { hsts, plain, secure } = compiled(settings);
    expect(hsts).toBe(value);
    expect(named(secure).get('Strict-Transport-Security')).toBe(value);
    expect(named(plain).has('Strict-Transport-Security')).toBe(false);
  });

  it('is sent where the client came by TLS, and nowhere else', () => {
    const step = transportSecurity('max-age=60');
    const x = exchangeOf();
    x.responseHeaders = ['X-First', '1'];
    expect(step.evaluate(x)).toEqual({ pass: 'transport-security.plain' });
    expect(x.responseHeaders).toEqual(['X-First', '1']);
    x.isSecure = true;
    expect(step.evaluate(x)).toEqual({ pass: 'transport-security.secure' });
    expect(x.responseHeaders).toEqual(['X-First', '1', 'Strict-Transport-Security', 'max-age=60']);
  });
});
