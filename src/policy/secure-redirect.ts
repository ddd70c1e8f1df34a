import { emptyResponse } from '../http/outbound-response.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import type { Admission } from './engine.ts';
import { hostNameOf } from './host-origin.ts';
import { refuse } from './verdict.ts';

export interface SecureRedirectSettings {
  /** Where https is served, as clients see it: scheme and authority. Undefined: under the name that was asked for. */
  readonly origin: string | undefined;
  /** The names that may be asked for, where there is no `origin`. */
  readonly hosts: readonly string[];
  /** The port of https, where there is no `origin`. */
  readonly port: number;
}

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];
/** What programs call, by first segment. Everything else is for people. */
const API = new Set([
  'mcp',
  'sse',
  'messages',
  'api',
  'admin',
  'metrics',
  'oauth',
  'auth',
  'keys',
  '.well-known',
  'health',
  'healthz',
  'readyz',
]);
/** What may stand in a Location without a second reading: printable ASCII. */
const PLAIN = /^\/[\x21-\x7e]*$/;

/**
 * The whole of the plain-HTTP listener. People who type a name are sent to https (308). Programs are not: a client that
 * follows a redirect sends its token in the clear again the next time (OWASP ASVS 4.1.2), so they are told to use https (426,
 * RFC 9110, section 15.5.22). No credential is looked at, and no target is ever built from a name that is not served here.
 */
export function secureRedirect({ origin, hosts, port }: SecureRedirectSettings): Admission {
  const served = new Set([...LOOPBACK, ...hosts.map((host) => host.toLowerCase())]);
  const suffix = port === 443 ? '' : `:${port}`;
  return {
    name: 'redirect',
    needs: [],
    provides: [],
    evaluate(x) {
      const { method, url = '/' } = x.request;
      const path = PLAIN.test(url) ? url : '/';
      const isPage = (method === 'GET' || method === 'HEAD') && !API.has(firstSegment(path));
      if (!isPage) return USE_HTTPS;
      if (origin !== undefined) return sentTo(`${origin}${path}`);
      const name = hostNameOf(x.headers.host ?? '');
      return name !== undefined && served.has(name) ? sentTo(`https://${name}${suffix}${path}`) : HOST_REFUSED;
    },
  };
}

function firstSegment(path: string): string {
  return (/^\/+([^/?]*)/.exec(path)?.[1] ?? '').toLowerCase();
}

function sentTo(location: string) {
  return { answer: emptyResponse(308, ['Location', location]), rule: 'redirect.page' };
}

const USE_HTTPS = refuse(PROBLEMS.HTTPS_REQUIRED, 'redirect.api', {
  headers: ['Upgrade', 'TLS/1.2, HTTP/1.1', 'Connection', 'Upgrade'],
  close: true,
});
const HOST_REFUSED = refuse(PROBLEMS.HOST_NOT_ALLOWED, 'host.not-served', { close: true });
