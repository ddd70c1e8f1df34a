import { PROBLEMS } from '../problem/catalogue.ts';
import type { CorsBook } from './cors-policy.ts';
import type { Admission } from './engine.ts';
import type { Exchange } from './exchange.ts';
import { type Denial, pass, refuse } from './verdict.ts';

export interface HostOriginSettings {
  /** Host names served beside the loopback names, as in `server.allowed_hosts`: `mcp.example.com`, `10.1.2.3`, `[::1]`. */
  readonly hosts: readonly string[];
  /** Which pages may call which route. */
  readonly cors: CorsBook;
}

const LOOPBACK_HOSTS = ['localhost', '127.0.0.1', '[::1]'];
/** RFC 9110, section 7.2: uri-host [ ":" port ]. No user information, no list, no blank. */
const HOST = /^(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::([0-9]{1,5}))?$/i;

/** What may be a host in a URL although it is no name (URL Standard, "forbidden domain code point"): a page can have it sent. */
const URL_HOST = /^(?=[^:]*[!"$&'()*+,;={}~`])[a-z0-9_.!"$&'()*+,;={}~`-]+(?::[0-9]{1,5})?$/i;

/**
 * Refuses names this gateway does not serve and pages that may not call it: DNS rebinding and cross-site calls
 * (MCP 2026-07-28, streamable-http "Security & Endpoint"). On every verb, before any credential or body is looked at.
 * An absent Origin passes: programs that are not browsers send none. `null` is an origin, and refused.
 */
export function hostOrigin(settings: HostOriginSettings): Admission {
  const hosts = new Set([...LOOPBACK_HOSTS, ...settings.hosts.map((host) => host.toLowerCase())]);
  const { cors } = settings;
  const passedHost = pass('host-origin.host');
  const passedOrigin = pass('host-origin.origin');
  const exempt = pass('host-origin.exempt');
  return {
    name: 'host-origin',
    needs: [],
    provides: [],
    evaluate(x) {
      const duplicated = refuseDuplicates(x);
      if (duplicated !== undefined) return duplicated;
      const host = x.headers.host;
      if (host === undefined || !hosts.has(host)) {
        const name = host === undefined ? undefined : hostNameOf(host);
        if (host !== undefined && name === undefined) return URL_HOST.test(host) ? HOST_NO_NAME : HOST_MALFORMED;
        if (x.route.checkHost && (name === undefined || !hosts.has(name))) return HOST_REFUSED;
      }
      const origin = x.headers.origin;
      if (origin === undefined) return x.route.checkHost ? passedHost : exempt;
      const setting = cors.of(x.route).refusedBy(origin);
      return setting === undefined ? passedOrigin : originRefused(origin, setting);
    },
  };
}

/** The name in lower case, without its port; undefined when the header is none (RFC 9112, section 3.2: answered 400). */
export function hostNameOf(header: string): string | undefined {
  const match = HOST.exec(header);
  return match !== null && Number(match[2] ?? 0) <= 65_535 ? (match[1] as string).toLowerCase() : undefined;
}

/** How much of an origin is kept for the record. */
const KEPT = 256;

/** @param setting what would have to let it in */
function originRefused(origin: string, setting: string): Denial {
  return {
    deny: PROBLEMS.ORIGIN_NOT_ALLOWED,
    reason: 'origin.not-allowed',
    rule: setting,
    detail: origin.slice(0, KEPT),
    close: true,
  };
}

function refuseDuplicates(x: Exchange): Denial | undefined {
  return x.headers.duplicated === undefined ? undefined : DUPLICATED;
}

const HOST_MALFORMED = refuse(PROBLEMS.MALFORMED_REQUEST, 'host.malformed', { close: true });
const HOST_NO_NAME = refuse(PROBLEMS.MALFORMED_REQUEST, 'host.not-a-name', { close: true });
const HOST_REFUSED = refuse(PROBLEMS.HOST_NOT_ALLOWED, 'host.not-served', { close: true });
const DUPLICATED = refuse(PROBLEMS.MALFORMED_REQUEST, 'headers.duplicated', { close: true });
