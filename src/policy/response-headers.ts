import type { Admission } from './engine.ts';
import { pass } from './verdict.ts';

/**
 * What every answer carries, refusals included. The answers of this gateway are data for programs: nothing in them may be
 * rendered, framed, sniffed, cached or send a referrer. No header names the software or its version (OWASP ASVS 13.4.6).
 */
export const API_HEADERS: readonly string[] = Object.freeze([
  'X-Content-Type-Options',
  'nosniff',
  'Content-Security-Policy',
  "default-src 'none'; frame-ancestors 'none'",
  'Referrer-Policy',
  'no-referrer',
  'Cache-Control',
  'no-store, no-transform',
  // What an answer says depends on the page that asks: the one without an Origin is the one a cache would give to others.
  'Vary',
  'Origin',
]);

/** First of all steps, so that nothing can be answered without these headers. */
export function responseHeaders(): Admission {
  const passed = pass('response-headers.api');
  return {
    name: 'response-headers',
    needs: [],
    provides: ['responseHeaders'],
    evaluate(x) {
      x.responseHeaders = API_HEADERS;
      return passed;
    },
  };
}
