import type { ServerResponse } from 'node:http';
import { jsonResponse, send } from '../http/outbound-response.ts';
import type { Exchange } from '../policy/exchange.ts';
import { serversFor } from '../policy/route-access.ts';
import type { Generation } from './services.ts';

/** What probes answer from. */
export interface ProbeFacts {
  readonly version: string;
  /** Of the configuration in force. */
  service(): string;
  authEnabled(): boolean;
  /** Why the gateway should get no traffic now; undefined when it may. */
  notReady(): string | undefined;
}

/** GET /healthz: the process answers. Nothing else is said. */
export function liveness(x: Exchange, response: ServerResponse): void {
  send(response, jsonResponse(200, { status: 'ok' }), x.responseHeaders, false);
}

/** GET /readyz: whether calls would be served now. The reason is a word, never a path or a name. */
export function readiness(facts: ProbeFacts, x: Exchange, response: ServerResponse): void {
  const reason = facts.notReady();
  const answer =
    reason === undefined ? jsonResponse(200, { status: 'ready' }) : jsonResponse(503, { status: 'not ready', reason });
  send(response, answer, x.responseHeaders, false);
}

/** GET /health: the documented keys to everybody; version and the state of the servers to callers with a credential. */
export function health(facts: ProbeFacts, rules: Generation, x: Exchange, response: ServerResponse): void {
  const unready = facts.notReady();
  const body = {
    status: unready === undefined ? 'healthy' : 'unhealthy',
    service: facts.service(),
    authEnabled: facts.authEnabled(),
    ipProtection: rules.network.isFiltering,
    timestamp: new Date().toISOString(),
    ...(x.principal === undefined ? {} : detail(facts, rules, x)),
  };
  send(response, jsonResponse(unready === undefined ? 200 : 503, body), x.responseHeaders, false);
}

function detail(facts: ProbeFacts, rules: Generation, x: Exchange) {
  const visible = serversFor(x, rules, [...rules.servers.keys()]);
  const servers = visible.map((id) => [id, rules.servers.get(id)?.upstream.health().state ?? 'idle']);
  return {
    version: facts.version,
    servers: Object.fromEntries(servers),
    ...(rules.network.isOpenToAll ? { allowAll: true } : {}),
    ...(rules.network.isReporting ? { reportOnly: true } : {}),
  };
}
