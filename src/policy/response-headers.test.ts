import { describe, expect, it } from 'vitest';
import { exchangeOf } from '../../test/support/judged.ts';
import { API_HEADERS, responseHeaders } from './response-headers.ts';

const headers = new Map<string, string>();
for (let i = 0; i < API_HEADERS.length; i += 2) headers.set(API_HEADERS[i] as string, API_HEADERS[i + 1] as string);

describe('every answer', () => {
  it('is marked as nothing to sniff, frame, cache or refer from', () => {
    const x = exchangeOf();
    expect(responseHeaders().evaluate(x)).toEqual({ pass: 'response-headers.api' });
    expect(x.responseHeaders).toBe(API_HEADERS);
    expect(headers.get('X-Content-Type-Options')).toBe('nosniff');
    expect(headers.get('Content-Security-Policy')).toContain("frame-ancestors 'none'");
    expect(headers.get('Cache-Control')).toMatch(/no-store/);
    expect(headers.get('Referrer-Policy')).toBe('no-referrer');
  });

  it('names neither the software nor its version', () => {
    for (const name of ['Server', 'X-Powered-By', 'Via']) expect(headers.has(name)).toBe(false);
    expect(API_HEADERS.join()).not.toMatch(/sallyport|node/i);
  });

  it('shares one list, which nobody can change', () => {
    expect(Object.isFrozen(API_HEADERS)).toBe(true);
  });
});
