import type { Audit } from './audit/audit.ts';
import type { Settings } from './config/settings.ts';
import { isScanFailure, scanMessage } from './jsonrpc/scan.ts';
import { writeNotification } from './jsonrpc/write.ts';
import { META_SUBSCRIPTION_ID } from './protocol/classify.ts';
import type { Estate, Generation } from './proxy/services.ts';
import { Subscription } from './proxy/subscription.ts';
import type { Ticket } from './session/tickets.ts';
import type { Upstream } from './upstream/lane.ts';

const TOOLS_CHANGED = 'notifications/tools/list_changed';

/**
 * Ends what the rules in force would not let in any more: sessions and streams of servers and credentials that are gone,
 * streams and calls of addresses and certificates that may not come, and listeners who may not hear all they were granted. Calls under way finish under the rules that let them in.
 */
export function judgeAgain(estate: Estate, rules: Generation): void {
  estate.sessions.endWhere((session) => {
    if (!rules.servers.has(session.server)) return 'server-removed';
    return rules.stillAccepts(session.principal, session.server) ? undefined : 'token-revoked';
  });
  estate.tickets.rejudge((ticket) => {
    if (ticket.server !== undefined && !rules.servers.has(ticket.server)) return 'server-removed';
    if (!rules.stillAccepts(ticket.holder, ticket.server)) return 'token-revoked';
    if (rules.network.refuses(ticket.client, ticket.isLocalhost, ticket.server)) return 'address-denied';
    if (isRefused(ticket)) return 'certificate-refused';
    return ticket instanceof Subscription ? ticket.judgeAgain(rules) : undefined;
  });
}

/** Ends what is open of addresses that are not let in any more. Sessions stay: they are a principal's. @returns how many */
export function endDenied({ tickets }: Pick<Estate, 'tickets'>, { network }: Pick<Generation, 'network'>): number {
  return tickets.rejudge(({ client, isLocalhost, server }) =>
    network.refuses(client, isLocalhost, server) ? 'address-denied' : undefined,
  );
}

/** Ends what entries of lists let in when they end. Looked at from time to time, and cheap while none has ended. */
export class EndedEntries {
  private known: Generation['network'] | undefined = undefined;
  private until = Number.NEGATIVE_INFINITY;

  /** Rules that were not looked at before may have entries that have ended since they came into force. */
  look(estate: Pick<Estate, 'tickets'>, rules: Pick<Generation, 'network'>): void {
    const { network } = rules;
    if (network !== this.known || Date.now() >= this.until) endDenied(estate, rules);
    this.known = network;
    this.until = network.until;
  }
}

/** Ends what is open on connections whose client's certificate is not good any more. */
export function endUnverified({ tickets }: Estate): void {
  tickets.rejudge((ticket) => (isRefused(ticket) ? 'certificate-refused' : undefined));
}

function isRefused({ connection }: Ticket): boolean {
  return connection?.shown?.fault(connection) !== undefined;
}

/**
 * Tells clients that the rules now in force show them other tools of a server. Only those who were promised to hear of it by
 * the server: modern listeners it granted `toolsListChanged`, and legacy sessions it declared `tools.listChanged` to.
 */
export function announceTools(estate: Estate, before: Generation, now: Generation): void {
  const changed = new Set<string>();
  for (const [id, { toolRules }] of now.servers) {
    const old = before.servers.get(id);
    if (old !== undefined && old.toolRules !== toolRules) changed.add(id);
  }
  if (changed.size === 0) return;
  const message = scanMessage(writeNotification(TOOLS_CHANGED, `{"_meta":{"${META_SUBSCRIPTION_ID}":0}}`));
  if (isScanFailure(message)) throw new Error('the gateway wrote a notification it cannot read');
  estate.subscriptions.announce('tools', message, (listener) => changed.has(listener.server));
  for (const session of estate.sessions.sessions()) if (changed.has(session.server)) session.toolsChanged();
}

/** Resolves when the calls that were let in before, for upstreams that are leaving, are done. */
export function callsOf(
  estate: Estate,
  leaving: readonly Upstream[],
  generation: number,
  deadline: AbortSignal,
): Promise<void> {
  const ids = new Set(leaving.map((upstream) => upstream.id));
  return estate.tickets.whenNone(
    (ticket) => ticket.kind === 'call' && ticket.generation <= generation && ids.has(ticket.server ?? ''),
    deadline,
  );
}

/** Leaves in the record which servers anybody on the way could stand in for, from the moment that is so. */
export function noteUnverified(audit: Audit, settings: Settings): void {
  for (const server of settings.mcps) {
    if (server.transport === 'stdio' || server.tls?.insecure_skip_verify !== true) continue;
    const detail = 'the certificate of this server is not verified (mcps[].tls.insecure_skip_verify)';
    audit.note({ type: 'lifecycle', server: server.id, detail });
  }
}
