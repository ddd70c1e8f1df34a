import { isTrustFault, parseTrust, type TrustValue } from '../net/trust-grammar.ts';
import type { Rule } from './rule.ts';

/** The first ban is already as long as any. */
export const banLengths: Rule = (draft, report) => {
  const { duration_ms: first = 900_000, max_duration_ms: longest = 86_400_000 } = draft.security?.bans ?? {};
  if (first <= longest) return;
  report(
    ['security', 'bans', 'duration_ms'],
    'is longer than security.bans.max_duration_ms',
    'Swap them or raise the longer one.',
  );
};

/** What proxies are trusted by decides whose address a ban is of. */
export const banTrust: Rule = (draft, report) => {
  const value = draft.server?.trust_proxy;
  if (draft.security?.bans?.enabled !== true || value === undefined || Array.isArray(value)) return;
  const trust = parseTrust(value as TrustValue);
  if (isTrustFault(trust)) return;
  if (trust.mode === 'all') {
    report(
      ['security', 'bans', 'enabled'],
      'bans nobody while server.trust_proxy is true, because then every address is one a caller may have made up',
      'Name the addresses of the proxies in server.trust_proxy.',
    );
  }
  if (trust.mode === 'hops') {
    report(
      ['security', 'bans', 'enabled'],
      'bans nobody behind proxies while server.trust_proxy is a number of hops: whoever gets around them could have any address banned',
      'Name the addresses of the proxies in server.trust_proxy.',
    );
  }
};
