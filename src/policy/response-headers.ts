import type { Admission } from './engine.ts';
import { pass } from './verdict.ts';

/** `security.headers`. Empty, and 0 seconds: not sent. */
export interface HeaderSettings {
  readonly content_security_policy: string;
  /** Seconds. */
  readonly hsts_max_age: number;
  readonly hsts_include_subdomains: boolean;
  readonly hsts_preload: boolean;
  readonly x_frame_options: string;
  readonly x_content_type_options: string;
  readonly referrer_policy: string;
  readonly permissions_policy: string;
  readonly x_xss_protection: string;
  readonly x_dns_prefetch_control: string;
  readonly x_download_options: string;
  readonly x_permitted_cross_domain_policies: string;
  readonly cross_origin_resource_policy: string;
  readonly cross_origin_opener_policy: string;
}

/** What every answer carries, refusals included. Name, value pairs, frozen. */
export interface AnswerHeaders {
  readonly plain: readonly string[];
  /** Where the request came by TLS: the same, and Strict-Transport-Security if it is configured. */
  readonly secure: readonly string[];
  /** The value of Strict-Transport-Security; undefined when none is sent. */
  readonly hsts: string | undefined;
}

/**
 * Not for settings: answers are for who asked and nobody else, and what they say of CORS depends on the page that asks. The
 * one without an Origin is the one a cache would give to others.
 */
const ALWAYS = ['Cache-Control', 'no-store, no-transform', 'Vary', 'Origin'];

/**
 * The answers of this gateway are data for programs: nothing in them may be rendered, framed, sniffed, cached or send a
 * referrer. No header names the software or its version (OWASP ASVS 13.4.6).
 */
export function compileHeaders(settings: HeaderSettings): AnswerHeaders {
  const named: readonly (readonly [string, string])[] = [
    ['X-Content-Type-Options', settings.x_content_type_options],
    ['Content-Security-Policy', settings.content_security_policy],
    ['Referrer-Policy', settings.referrer_policy],
    ['X-Frame-Options', settings.x_frame_options],
    ['Permissions-Policy', settings.permissions_policy],
    ['X-XSS-Protection', settings.x_xss_protection],
    ['X-DNS-Prefetch-Control', settings.x_dns_prefetch_control],
    ['X-Download-Options', settings.x_download_options],
    ['X-Permitted-Cross-Domain-Policies', settings.x_permitted_cross_domain_policies],
    ['Cross-Origin-Resource-Policy', settings.cross_origin_resource_policy],
    ['Cross-Origin-Opener-Policy', settings.cross_origin_opener_policy],
  ];
  const plain = Object.freeze([...named.filter(([, value]) => value !== '').flat(), ...ALWAYS]);
  const hsts = strictTransport(settings);
  const secure = hsts === undefined ? plain : Object.freeze([...plain, STRICT, hsts]);
  return Object.freeze({ plain, secure, hsts });
}

const STRICT = 'Strict-Transport-Security';

/** RFC 6797, section 6.1; `preload` is that of the list browsers are built with. */
function strictTransport({ hsts_max_age, hsts_include_subdomains, hsts_preload }: HeaderSettings): string | undefined {
  if (hsts_max_age === 0) return undefined;
  const more = `${hsts_include_subdomains ? '; includeSubDomains' : ''}${hsts_preload ? '; preload' : ''}`;
  return `max-age=${hsts_max_age}${more}`;
}

/** First of all steps, so that nothing can be answered without these headers. */
export function responseHeaders({ plain }: AnswerHeaders): Admission {
  const passed = pass('response-headers.api');
  return {
    name: 'response-headers',
    needs: [],
    provides: ['responseHeaders'],
    evaluate(x) {
      x.responseHeaders = plain;
      return passed;
    },
  };
}

/**
 * As soon as it is known how the client came: a browser must never learn of Strict-Transport-Security over a connection
 * others can write to (RFC 6797, section 7.2).
 */
export function transportSecurity(hsts: string): Admission {
  const marked = pass('transport-security.secure');
  const unmarked = pass('transport-security.plain');
  return {
    name: 'transport-security',
    needs: ['responseHeaders', 'clientAddress'],
    provides: [],
    evaluate(x) {
      if (!x.isSecure) return unmarked;
      x.responseHeaders = [...x.responseHeaders, STRICT, hsts];
      return marked;
    },
  };
}
