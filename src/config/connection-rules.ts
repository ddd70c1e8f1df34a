import { parseTrust, type TrustValue } from '../net/trust-grammar.ts';
import type { Rule } from './rule.ts';
import { addressRuleOf } from './trust-rules.ts';

/** Every connection would end at once. */
const nobodyAnnounces: Rule = (draft, report) => {
  if (draft.server?.proxy_protocol !== 'required') return;
  const { trust_proxy: value } = draft.server;
  const list = value === undefined ? addressRuleOf(draft) : undefined;
  const trust = value === undefined || Array.isArray(value) ? undefined : parseTrust(value as TrustValue);
  if (list === undefined && !(trust !== undefined && 'mode' in trust && trust.mode === 'none')) return;
  const because = list === undefined ? '' : ` (it is not set, and ${list} is)`;
  report(
    ['server', 'proxy_protocol'],
    `is required while server.trust_proxy names nobody who may send the header${because}`,
    'Write the addresses of your proxies into server.trust_proxy.',
  );
};

export const CONNECTION_RULES: readonly Rule[] = [nobodyAnnounces];

const idleAddress: Rule = (draft, report) => {
  const { server } = draft;
  if (server?.socket === undefined) return;
  for (const name of ['host', 'port'] as const) {
    if (server[name] === undefined) continue;
    report(['server', name], 'has no effect while server.socket is set', 'Remove one of the two.');
  }
};

/** A peer without an address is nobody unless it may speak for somebody. */
const namelessPeers: Rule = (draft, report) => {
  if (draft.server?.socket === undefined) return;
  const { trust_proxy: value } = draft.server;
  const known = Array.isArray(value) ? value.filter((part) => part !== undefined) : value;
  const trust = known === undefined ? undefined : parseTrust(known as TrustValue);
  const isNamed =
    trust !== undefined &&
    ('fault' in trust || trust.mode === 'all' || trust.mode === 'hops' || ('unix' in trust && trust.unix));
  if (isNamed) return;
  report(
    ['server', 'socket'],
    'has peers without an address, and server.trust_proxy does not name them, so nobody can say who asks',
    'Add the word unix to server.trust_proxy.',
  );
};

export const CONNECTION_DOUBTS: readonly Rule[] = [idleAddress, namelessPeers];
