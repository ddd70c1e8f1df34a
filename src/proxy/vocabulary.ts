import type { RouteName } from '../http/routes.ts';
import { PROBLEMS } from '../problem/catalogue.ts';

const ROUTES: readonly RouteName[] = [
  'mcp',
  'sse',
  'messages',
  'servers',
  'client-address',
  'health',
  'liveness',
  'readiness',
  'metrics',
  'unknown-mcp',
  'unknown',
];

/** Everything that judges: the steps of both chains, and the places around them that refuse. */
const POLICIES = [
  'listener',
  'routes',
  'redirect',
  'response-headers',
  'request-id',
  'client-address',
  'client-certificate',
  'transport-security',
  'network',
  'host-origin',
  'cors-headers',
  'cors',
  'authenticate',
  'route-access',
  'parse',
  'authorize',
  'task-access',
  'mirrored-parameters',
  'audit-intent',
  'session',
  'proxy',
];

const REASONS = [
  'address.banned',
  'address.denied',
  'address.not-listed',
  'address.unknown',
  'allowed',
  'audit.unavailable',
  'authorization.repeated',
  'body.accept',
  'body.content-encoding',
  'body.content-type',
  'body.expect',
  'body.json',
  'body.unexpected',
  'capability.not-declared',
  'forwarded.contradiction',
  'forwarded.unparsable',
  'forwarded.untrusted-peer',
  'connection.timeout',
  'headers.duplicated',
  'headers.too-many',
  'host.malformed',
  'host.not-a-name',
  'host.not-served',
  'http.unreadable',
  'method.unknown',
  'origin.not-allowed',
  'protocol.batch',
  'protocol.response-from-client',
  'protocol.verb',
  'proxy-protocol.malformed',
  'proxy-protocol.untrusted-peer',
  'redirect.api',
  'request.failed',
  'request.malformed',
  'request.target',
  'request.transfer-coding',
  'request.upgrade',
  'role.admin-only',
  'role.missing',
  'route.unknown',
  'route.unknown-server',
  'route.verb',
  'server.not-visible',
  'session.accept',
  'session.answer-unasked',
  'session.calls',
  'session.event-not-found',
  'session.initialize-shape',
  'session.not-found',
  'session.protocol',
  'session.query',
  'session.questions',
  'sessions.max',
  'sessions.max_per_principal',
  'step.threw',
  'streams.max_per_principal',
  'subscription.filter',
  'task.unknown',
  'tls.client-certificate',
  'tls.expected',
  'tls.handshake',
  'token.absent',
  'token.expired',
  'token.malformed',
  'token.placeholder',
  'token.too-long',
  'token.unknown',
  'tool.list-unavailable',
  'tool.not-served',
  'tool.unfit',
  'tool.unknown',
  'tool.unnamed',
];

/**
 * Refusals that count towards a ban: a credential that is none of ours, and bytes no well-meaning program sends. Nothing that
 * somebody else could have a browser send from its own address is among them (a foreign Origin or Host, any path, an upgrade to
 * WebSocket, no credential at all), for a web page could then have its visitors banned; nor a token that has merely expired.
 */
export const COUNTED_REASONS: ReadonlySet<string> = new Set([
  'authorization.repeated',
  'headers.duplicated',
  'host.malformed',
  'request.malformed',
  'request.transfer-coding',
  'token.malformed',
  'token.placeholder',
  'token.too-long',
  'token.unknown',
]);

/** A body or protocol problem is its own reason, under the part of the request it lies in. */
const OF_PROBLEMS = Object.keys(PROBLEMS).flatMap((code) => {
  const name = code.toLowerCase().replaceAll('_', '-');
  return [`body.${name}`, `protocol.${name}`];
});

/** The words metrics may carry. Closed: what a caller sends never becomes a time series. */
export const VOCABULARY = { routes: ROUTES, policies: POLICIES, reasons: [...REASONS, ...OF_PROBLEMS] } as const;
