import { compileAuthorizer } from './access/authorizer.ts';
import type { Audit } from './audit/audit.ts';
import { type AuditPrefix, prefixOf } from './audit/record.ts';
import type { ServerSettings, Settings } from './config/settings.ts';
import type { Route } from './http/routes.ts';
import { anonymousPrincipal } from './identity/anonymous.ts';
import { compileChallenges } from './identity/challenge.ts';
import type { Principal, PrincipalId } from './identity/principal.ts';
import type { AcceptedTokens, TokenRegistry } from './identity/token-registry.ts';
import { isLoopback } from './net/loopback.ts';
import { compilePerimeter } from './perimeter/in-force.ts';
import type { LiveEntries } from './perimeter/live-entries.ts';
import { auditIntent, type PrefixSource } from './policy/audit-intent.ts';
import { authenticate } from './policy/authenticate.ts';
import { authorize, type ExtendedMethods } from './policy/authorize.ts';
import { type ClientAddressPorts, clientAddress } from './policy/client-address.ts';
import { clientCertificate } from './policy/client-certificate.ts';
import { cors, corsHeaders } from './policy/cors.ts';
import { adminCors, type CorsSettings, compileCors } from './policy/cors-policy.ts';
import { compileAdmission, compileDecision, type OnThrow } from './policy/engine.ts';
import { hostOrigin } from './policy/host-origin.ts';
import { mirroredParameters } from './policy/mirrored-parameters.ts';
import { network, type Reporter } from './policy/network.ts';
import { parse } from './policy/parse.ts';
import { reportOnly } from './policy/report-only.ts';
import { requestId } from './policy/request-id.ts';
import { compileHeaders, responseHeaders, transportSecurity } from './policy/response-headers.ts';
import { routeAccess } from './policy/route-access.ts';
import { routes } from './policy/routes.ts';
import { secureRedirect } from './policy/secure-redirect.ts';
import { type HandleReader, taskAccess } from './policy/task-access.ts';
import type { Problem } from './problem/problem.ts';
import { requestsOf } from './protocol/extensions.ts';
import { adminRoutes, dataRoutes, redirectRoutes, UNKNOWN } from './proxy/route-table.ts';
import type { Generation, ServerPlan } from './proxy/services.ts';
import type { Upstream } from './upstream/lane.ts';

export interface GenerationServices {
  readonly audit: Audit;
  readonly registry: TokenRegistry;
  readonly onThrow: OnThrow;
  readonly taskHandles: HandleReader;
  readonly addresses: ClientAddressPorts;
  readonly entries: LiveEntries;
  /** What the listeners hand on: they go by the limit of the start, and of more lines they drop some without a word. */
  readonly headerLines: number;
  /** Told what was only reported. */
  readonly report: Reporter;
  upstream(server: ServerSettings): Upstream;
}

/**
 * Compiles a configuration into the rules requests are pinned to. Everything that can be wrong is found here, before any
 * request meets it.
 * @throws Error naming the setting that cannot be compiled
 */
export async function compileGeneration(
  number: number,
  settings: Settings,
  services: GenerationServices,
): Promise<Generation> {
  const { audit, registry, onThrow } = services;
  const tokens = await acceptedTokens(settings, registry);
  const authorizer = compileAuthorizer(settings.mcps);
  const prefixes = new Prefixes();
  const anonymous = settings.auth.enabled ? undefined : anonymousPrincipal(settings.auth.anonymous.roles);
  const identify = authenticate({
    methodOf: (route: Route) => tokens.methodOf(route.server),
    challenge: challengeOf(compileChallenges()),
    anonymous,
  });
  const serverIds = settings.mcps.map((server) => server.id);
  const headers = compileHeaders(settings.security.headers);
  const strict = headers.hsts === undefined ? [] : [transportSecurity(headers.hsts)];
  const before = [responseHeaders(headers), requestId()];
  const from = await compilePerimeter(settings, services.entries);
  const mayEnter = routeAccess(authorizer, serverIds, from.data.network);
  const known = routes({ headerCount: Math.min(settings.server.limits.header_count, services.headerLines) });
  const dataClient = clientAddress(from.data, services.addresses);
  const adminClient = clientAddress(from.admin, services.addresses);
  const shown = clientCertificate();
  const after = [identify, mayEnter, parse(parseSettings(settings))];
  const pages = compileCors(pageSettings(settings));
  const adminPages = adminCors(isLoopback(settings.admin.host));
  const dataSteps = [
    ...before,
    dataClient,
    shown,
    ...strict,
    network(from.data.network, services.report),
    corsHeaders(pages),
    known,
    reportOnly(hostOrigin({ hosts: dataHosts(settings), cors: pages }), pagesReported(settings), services.report),
    cors(pages),
    ...after,
  ];
  const adminSteps = [
    ...before,
    adminClient,
    shown,
    ...strict,
    network(from.admin.network, services.report),
    corsHeaders(adminPages),
    known,
    hostOrigin({ hosts: adminHosts(settings), cors: adminPages }),
    cors(adminPages),
    ...after,
  ];
  const toHttps = secureRedirect(redirectSettings(settings));
  return Object.freeze({
    number,
    data: {
      routes: dataRoutes({
        servers: serverIds,
        bodyBytes: settings.server.limits.body_bytes,
        healthAuth: settings.health.auth,
        sse: settings.compat.sse,
      }),
      unknown: UNKNOWN,
      admit: compileAdmission(dataSteps, onThrow),
      perimeter: from.data,
    },
    admin: {
      routes: adminRoutes(settings.admin.metrics_auth),
      unknown: UNKNOWN,
      admit: compileAdmission(adminSteps, onThrow),
      perimeter: from.admin,
    },
    trust: from.data.trust,
    redirect: {
      routes: redirectRoutes(),
      unknown: UNKNOWN,
      admit: compileAdmission(
        [...before, dataClient, network(from.data.network, services.report), known, toHttps],
        onThrow,
      ),
      perimeter: from.data,
    },
    decide: compileDecision(
      [
        authorize(authorizer, extendedMethods(settings)),
        taskAccess(authorizer, services.taskHandles),
        mirroredParameters(),
        auditIntent(audit, prefixes),
      ],
      onThrow,
    ),
    headers,
    network: from.data.network,
    authorizer,
    prefixes,
    streams: { bufferBytes: settings.streams.buffer_bytes },
    servers: new Map(settings.mcps.map((server) => [server.id, planOf(server, services.upstream(server))])),
    publicPath: publicPath(settings),
    stillAccepts: (holder: PrincipalId, server: string | undefined) =>
      holder === anonymous?.id || registry.accepts(holder, tokens.of(server)),
  });
}

/** Of a server that enforces its rules nothing is only reported, whatever the gateway does. */
function pagesReported({ security, mcps }: Settings): (server: string | undefined) => boolean {
  if (security.mode === 'enforce') return () => false;
  const strict = new Set(mcps.filter((server) => server.security?.mode === 'enforce').map(({ id }) => id));
  return (server) => server === undefined || !strict.has(server);
}

/** Never a name from a request, unless it is one of those served. */
function redirectSettings(settings: Settings) {
  const { public_url, port } = settings.server;
  const origin = public_url?.startsWith('https:') ? new URL(public_url).origin : undefined;
  return { origin, hosts: dataHosts(settings), port };
}

function extendedMethods({ mcps }: Settings): ExtendedMethods {
  return new Map(mcps.map((server) => [server.id, requestsOf(new Set(server.extensions))]));
}

function planOf(server: ServerSettings, upstream: Upstream): ServerPlan {
  return {
    id: server.id,
    description: server.description,
    transport: server.transport,
    upstream,
    toolRules: JSON.stringify(server.tools ?? null),
    callTimeoutMs: server.call_timeout_ms,
    extensions: new Set(server.extensions),
    keepsPrivate: server.cache_scope === 'private',
  };
}

function parseSettings(settings: Settings) {
  return { bodyTimeoutMs: settings.server.limits.body_timeout_ms, lenient: settings.compat.lenient_initialize };
}

/** Names served = loopback names, the public URL's, and those written down, and the bind itself (docs/adr/0005). */
function dataHosts(settings: Settings): readonly string[] {
  const { host, public_url, allowed_hosts } = settings.server;
  const publicHost = public_url === undefined ? [] : [new URL(public_url).hostname];
  return [...ownName(host), ...publicHost, ...allowed_hosts];
}

function pageSettings({ server, security, mcps }: Settings): CorsSettings {
  return {
    gateway: security.cors,
    servers: mcps.map(({ id, security }) => ({ id, cors: security?.cors ?? {} })),
    loopbackOrigins: isLoopback(server.host),
  };
}

/** A proxy in front that serves us under a path takes it off again; clients need it in what they are told. */
function publicPath({ server: { public_url } }: Settings): string {
  return public_url === undefined ? '' : new URL(public_url).pathname.replace(/\/+$/, '');
}

/** An address the operator wrote down as the bind is a name too: a page can rebind a domain name, never an address. */
function ownName(host: string): readonly string[] {
  if (host === '0.0.0.0' || host === '::') return [];
  return [host.includes(':') ? `[${host}]` : host];
}

function adminHosts({ admin, server }: Settings): readonly string[] {
  return [...ownName(admin.host), ...server.allowed_hosts];
}

function challengeOf(challenges: ReturnType<typeof compileChallenges>) {
  return (problem: Problem): string | undefined => {
    if (problem.code === 'UNAUTHENTICATED') return challenges.absent;
    return problem.code === 'INVALID_TOKEN' ? challenges.invalid : undefined;
  };
}

interface RouteTokens {
  of(server: string | undefined): AcceptedTokens;
  methodOf(server: string | undefined): (authorization: readonly string[]) => ReturnType<TokenRegistry['authenticate']>;
}

/** A server's own `auth` replaces the gateway's on its route; compiled to one closure per route, none per request. */
async function acceptedTokens(settings: Settings, registry: TokenRegistry): Promise<RouteTokens> {
  const gateway = await registry.gatewayTokens(settings.auth.methods.flatMap((method) => method.tokens));
  const own = new Map<string, AcceptedTokens>();
  for (const server of settings.mcps) {
    if (server.auth === undefined) continue;
    own.set(
      server.id,
      await registry.serverTokens(
        server.id,
        server.auth.methods.flatMap((method) => method.tokens),
      ),
    );
  }
  const methods = new Map(
    [...own].map(([id, tokens]) => [id, (values: readonly string[]) => registry.authenticate(values, tokens)] as const),
  );
  const gatewayMethod = (values: readonly string[]) => registry.authenticate(values, gateway);
  return {
    of: (server) => own.get(server ?? '') ?? gateway,
    methodOf: (server) => methods.get(server ?? '') ?? gatewayMethod,
  };
}

/** Audit fields of principals and servers, escaped once. */
class Prefixes implements PrefixSource {
  private readonly servers = new Map<string, AuditPrefix>();
  private readonly principals = new WeakMap<Principal, AuditPrefix>();

  ofServer(server: string): AuditPrefix {
    let prefix = this.servers.get(server);
    if (prefix === undefined) {
      prefix = prefixOf({ server });
      this.servers.set(server, prefix);
    }
    return prefix;
  }

  ofPrincipal(principal: Principal): AuditPrefix {
    let prefix = this.principals.get(principal);
    if (prefix === undefined) {
      prefix = prefixOf({ principal: principal.id, principal_name: principal.name });
      this.principals.set(principal, prefix);
    }
    return prefix;
  }
}
