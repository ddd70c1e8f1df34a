import type { IncomingMessage } from 'node:http';
import { PROBLEMS } from '../problem/catalogue.ts';
import type { Problem } from '../problem/problem.ts';
import { RequestHeaders } from './request-headers.ts';

/** What a route does. The set is closed: it labels metrics and audit records. */
export type RouteName =
  | 'mcp'
  | 'sse'
  | 'messages'
  | 'servers'
  | 'client-address'
  | 'health'
  | 'liveness'
  | 'readiness'
  | 'metrics'
  | 'unknown-mcp'
  | 'unknown';

/** One row of the frozen table: everything a request needs to know about where it is going. */
export interface Route {
  readonly name: RouteName;
  /** `data`: MCP and what serves it; `operations`: probes; `admin`: the admin listener. */
  readonly plane: 'data' | 'operations' | 'admin';
  /** Exact path. No pattern, no decoding, no trailing slash: what does not match is not served. */
  readonly path: string;
  readonly methods: readonly string[];
  /** The server behind the route; undefined when the route is not about one. */
  readonly server: string | undefined;
  /** `optional`: a credential is checked when it comes, and more is answered to those who have one. */
  readonly auth: 'required' | 'optional' | 'none';
  readonly role: 'user' | 'admin' | undefined;
  /** Bytes of request body; 0 means none is read. */
  readonly bodyBytes: number;
  /** Which limits count a request here. */
  readonly rateClass: 'mcp' | 'read' | 'probe';
  /** `call`: an intent and an outcome for each message; `refusals`: only what is refused. */
  readonly audit: 'call' | 'refusals';
  /** Probes come from machines that do not know our name and are exempt from the Host check only. */
  readonly checkHost: boolean;
  /** `public`: every page may read it, none with a credential. `listed`: the pages the settings list. */
  readonly cors: 'public' | 'listed';
}

export interface RouteTable {
  readonly rows: readonly Route[];
  /** The row for a request target, or why the target is refused outright. */
  find(target: string): Route | Problem;
}

/** RFC 9112, section 3.2.2. */
const ABSOLUTE_FORM = /^https?:\/\/([^/?#]*)(.*)$/i;

/**
 * The target of a request in origin form; so is made, as by every server, a target in absolute form that names the very host of
 * the Host header (RFC 9112, section 3.2.2). Any other comes back as it was: what is meant for somebody else is never forwarded.
 */
export function originForm({ url = '', rawHeaders }: Pick<IncomingMessage, 'url' | 'rawHeaders'>): string {
  if (url.charCodeAt(0) === 0x2f) return url;
  const match = ABSOLUTE_FORM.exec(url);
  if (match === null || match[1]?.toLowerCase() !== new RequestHeaders(rawHeaders).host?.toLowerCase()) return url;
  return match[2]?.startsWith('/') ? match[2] : `/${match[2]}`;
}

/** Paths another parser could read as a different path: encoded or back slashes, encoded dots and NUL, dot segments. */
const AMBIGUOUS_PATH = /%(?:2f|5c|2e|00)|[\\;]|\/\.{1,2}(?:\/|$)|\/\//i;

/**
 * Freezes the table of one listener.
 * @throws Error when two rows claim one path: a programming mistake, never a matter of configuration.
 */
export function compileRoutes(rows: readonly Route[], unknown: Route, unknownMcp?: Route): RouteTable {
  const byPath = new Map<string, Route>();
  for (const row of rows) {
    if (byPath.has(row.path)) throw new Error(`two routes for ${row.path}`);
    byPath.set(row.path, Object.freeze(row));
  }
  return Object.freeze({
    rows: Object.freeze([...rows]),
    find(target: string): Route | Problem {
      const exact = byPath.get(target);
      if (exact !== undefined) return exact;
      // Origin form only (RFC 9112, section 3.2.1): this is no forward proxy, and `*` has nothing to say here.
      if (target.charCodeAt(0) !== 0x2f) return PROBLEMS.MALFORMED_REQUEST;
      // A fragment is never sent (section 3.2.1); where one comes, readers differ on where the path ends.
      if (target.includes('#')) return PROBLEMS.MALFORMED_REQUEST;
      const query = target.indexOf('?');
      const path = query === -1 ? target : target.slice(0, query);
      if (AMBIGUOUS_PATH.test(path)) return PROBLEMS.MALFORMED_REQUEST;
      const found = byPath.get(path);
      if (found !== undefined) return found;
      const underMcp = path === '/mcp' || path.startsWith('/mcp/');
      return unknownMcp !== undefined && underMcp ? unknownMcp : unknown;
    },
  });
}
