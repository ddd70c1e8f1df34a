import type { Route } from '../http/routes.ts';
import { isLoopbackOrigin, OriginSet } from '../net/web-origin.ts';

/** `security.cors` of the gateway or of one server. What is absent is left to the other. */
export interface CorsBlock {
  readonly enabled?: boolean;
  readonly allowed_origins?: readonly string[];
  readonly allowed_methods?: readonly string[];
  readonly allowed_headers?: readonly string[];
  readonly exposed_headers?: readonly string[];
  readonly allow_credentials?: boolean;
  readonly max_age?: number;
}

export interface CorsSettings {
  readonly gateway: CorsBlock;
  readonly servers: readonly { readonly id: string; readonly cors: CorsBlock }[];
  /** The listener is bound to loopback, so pages served from loopback may call it. */
  readonly loopbackOrigins: boolean;
}

/** Which pages may call a route, and what they are told. */
export interface CorsPolicy {
  /** False: no CORS header, no answer to a preflight. Origins are judged all the same. */
  readonly enabled: boolean;
  /** Every page there is may call: who sent a request is then whoever wrote the page, not whose browser it came from. */
  readonly anybody: boolean;
  /** The setting that keeps an origin out; undefined when it may call. */
  refusedBy(origin: string): string | undefined;
  /** What every answer to an allowed origin carries. Name, value pairs. */
  answer(origin: string): readonly string[];
  /** What a preflight of an allowed origin is granted, or the setting that does not let it have what it asks for. */
  grant(origin: string, route: Route, method: string, headers: string | undefined): readonly string[] | string;
}

export interface CorsBook {
  of(route: Route): CorsPolicy;
}

/** Those a browser asks leave for, of all that MCP clients send. `Mcp-Param-*` are granted by prefix. */
const MCP_REQUEST_HEADERS = [
  'Authorization',
  'Content-Type',
  'Accept',
  'Mcp-Session-Id',
  'MCP-Protocol-Version',
  'Mcp-Method',
  'Mcp-Name',
  'Last-Event-ID',
  'X-Request-ID',
  'X-Requested-With',
  'Cache-Control',
];
const MCP_ANSWER_HEADERS = [
  'Mcp-Session-Id',
  'MCP-Protocol-Version',
  'WWW-Authenticate',
  'Retry-After',
  'RateLimit',
  'RateLimit-Policy',
  'X-RateLimit-Limit',
  'X-RateLimit-Remaining',
  'X-RateLimit-Reset',
  'X-Request-Id',
];
const METHODS = ['GET', 'POST', 'DELETE', 'HEAD'];
const MAX_AGE = 7_200;
/** A browser names what a page sets; a page that sets more than this wants something else. */
const ASKED_NAMES = 64;
const ASKED_LENGTH = 4_096;
const PARAMETER = /^mcp-param-[a-z0-9!#$%&'*+.^_`|~-]{1,128}$/;

const GATEWAY_ORIGINS = 'security.cors.allowed_origins';
const METHODS_SETTING = 'security.cors.allowed_methods';
const HEADERS_SETTING = 'security.cors.allowed_headers';
const serverOrigins = (id: string): string => `${GATEWAY_ORIGINS} of the server ${id}`;

/** Merges the gateway's block with each server's: where both speak, both must let a request through. */
export function compileCors({ gateway, servers, loopbackOrigins }: CorsSettings): CorsBook {
  const shared = compilePolicy([{ block: gateway, name: GATEWAY_ORIGINS }], loopbackOrigins);
  const own = new Map<string, CorsPolicy>();
  for (const { id, cors } of servers) {
    const levels = [
      { block: gateway, name: GATEWAY_ORIGINS },
      { block: cors, name: serverOrigins(id) },
    ];
    if (Object.keys(cors).length > 0) own.set(id, compilePolicy(levels, loopbackOrigins));
  }
  return {
    of: (route) => (route.cors === 'public' ? PUBLIC : (own.get(route.server ?? '') ?? shared)),
  };
}

/** No page may call the admin listener, but those of this machine while it is bound to loopback; none may read an answer. */
export function adminCors(loopbackOrigins: boolean): CorsBook {
  const block = { enabled: false, allowed_origins: [] };
  const policy = compilePolicy([{ block, name: 'none: the admin listener is not for pages' }], loopbackOrigins);
  return { of: () => policy };
}

interface Level {
  readonly block: CorsBlock;
  readonly name: string;
}

function compilePolicy(levels: readonly Level[], loopbackOrigins: boolean): CorsPolicy {
  const lists = levels.flatMap(({ block: { allowed_origins }, name }) =>
    allowed_origins === undefined ? [] : [{ name, set: new OriginSet(allowed_origins) }],
  );
  const blocks = levels.map(({ block }) => block);
  const anybody = lists.length > 0 && lists.every(({ set }) => set.any);
  const credentials = agreed(blocks.map((block) => block.allow_credentials)) ?? false;
  // The settings are checked for this; here it must not be possible at all.
  if (anybody && credentials) throw new Error(`${GATEWAY_ORIGINS}: * together with allow_credentials`);
  return policyOf({
    enabled: agreed(blocks.map((block) => block.enabled)) ?? true,
    refusedBy(origin) {
      if (loopbackOrigins && isLoopbackOrigin(origin)) return undefined;
      if (lists.length === 0) return levels[0]?.name;
      for (const { name, set } of lists) if (!set.has(origin)) return name;
      return undefined;
    },
    anybody,
    credentials,
    methods: common(blocks.map((block) => block.allowed_methods)) ?? METHODS,
    requestHeaders: named(MCP_REQUEST_HEADERS, common(blocks.map((block) => block.allowed_headers)) ?? []),
    answerHeaders: named(MCP_ANSWER_HEADERS, common(blocks.map((block) => block.exposed_headers)) ?? []),
    maxAge: shortest(blocks.map((block) => block.max_age)) ?? MAX_AGE,
  });
}

interface Compiled {
  readonly enabled: boolean;
  readonly refusedBy: CorsPolicy['refusedBy'];
  readonly anybody: boolean;
  readonly credentials: boolean;
  readonly methods: readonly string[];
  readonly requestHeaders: readonly string[];
  readonly answerHeaders: readonly string[];
  readonly maxAge: number;
}

function policyOf(from: Compiled): CorsPolicy {
  const { enabled, refusedBy, anybody, methods } = from;
  const credentials = from.credentials ? ['Access-Control-Allow-Credentials', 'true'] : [];
  const answer = [...credentials, 'Access-Control-Expose-Headers', from.answerHeaders.join(', ')];
  const open = Object.freeze([...ALLOW_ORIGIN, '*', ...answer]);
  const known = new Set(from.requestHeaders.map((name) => name.toLowerCase()));
  const granted = from.requestHeaders.join(', ');
  const maxAge = String(from.maxAge);
  return Object.freeze({
    enabled,
    anybody,
    refusedBy,
    answer: (origin: string) => (anybody ? open : [...ALLOW_ORIGIN, origin, ...answer]),
    grant(origin: string, route: Route, method: string, headers: string | undefined) {
      if (!methods.includes(method) || !route.methods.includes(method)) return METHODS_SETTING;
      const parameters = parametersIn(headers, known);
      if (parameters === undefined) return HEADERS_SETTING;
      return [
        ...ALLOW_ORIGIN,
        anybody ? '*' : origin,
        ...credentials,
        'Access-Control-Allow-Methods',
        methods.filter((name) => route.methods.includes(name)).join(', '),
        'Access-Control-Allow-Headers',
        `${granted}${parameters}`,
        'Access-Control-Max-Age',
        maxAge,
      ];
    },
  });
}

const ALLOW_ORIGIN = ['Access-Control-Allow-Origin'];

/** The `Mcp-Param-*` names asked for, to be granted by name; undefined when anything else is asked for that is not known. */
function parametersIn(asked: string | undefined, known: ReadonlySet<string>): string | undefined {
  if (asked === undefined || asked.trim() === '') return '';
  if (asked.length > ASKED_LENGTH) return undefined;
  const names = asked.toLowerCase().split(',', ASKED_NAMES + 1);
  if (names.length > ASKED_NAMES) return undefined;
  let parameters = '';
  for (const piece of names) {
    const name = piece.trim();
    if (known.has(name)) continue;
    if (!PARAMETER.test(name)) return undefined;
    parameters += `, ${name}`;
  }
  return parameters;
}

/** Where several levels speak, all must say yes. */
function agreed(said: readonly (boolean | undefined)[]): boolean | undefined {
  const spoken = said.filter((value) => value !== undefined);
  return spoken.length === 0 ? undefined : spoken.every(Boolean);
}

function shortest(said: readonly (number | undefined)[]): number | undefined {
  const spoken = said.filter((value) => value !== undefined);
  return spoken.length === 0 ? undefined : Math.min(...spoken);
}

/** What every level that speaks names; names of headers and methods are compared without regard to case. */
function common(said: readonly (readonly string[] | undefined)[]): readonly string[] | undefined {
  const [first, ...rest] = said.filter((value) => value !== undefined);
  const others = rest.map((names) => new Set(names.map((name) => name.toLowerCase())));
  return first?.filter((name) => others.every((names) => names.has(name.toLowerCase())));
}

function named(first: readonly string[], more: readonly string[]): readonly string[] {
  const known = new Set(first.map((name) => name.toLowerCase()));
  return [...first, ...more.filter((name) => !known.has(name.toLowerCase()))];
}

/** Documents that say nothing about anybody: every page may read them, none with a credential. */
const PUBLIC: CorsPolicy = policyOf({
  enabled: true,
  refusedBy: () => undefined,
  anybody: true,
  credentials: false,
  methods: ['GET', 'HEAD'],
  requestHeaders: MCP_REQUEST_HEADERS,
  answerHeaders: MCP_ANSWER_HEADERS,
  maxAge: MAX_AGE,
});
