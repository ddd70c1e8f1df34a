import { isLoopback } from '../net/loopback.ts';
import { PROVIDER_RANGES } from '../net/provider-ranges.ts';
import { holdsNeighbours, isEverybody } from '../net/trust-breadth.ts';
import { isTrustFault, parseTrust, TRUST_WORDS, type TrustSpec, type TrustValue } from '../net/trust-grammar.ts';
import { nearest } from './nearest.ts';
import type { Draft, Rule } from './rule.ts';

const PATH = ['server', 'trust_proxy'];

/** What is configured, as far as it can be read; undefined when nothing is, or nothing that makes sense. */
function written(draft: Draft): TrustSpec | undefined {
  const value = draft.server?.trust_proxy;
  if (value === undefined) return undefined;
  const known = Array.isArray(value) ? value.filter((part) => part !== undefined) : (value as TrustValue);
  const trust = parseTrust(known);
  return isTrustFault(trust) ? undefined : trust;
}

function hasAllowList(block: object | undefined): boolean {
  return block !== undefined && 'ip_whitelist' in block && block.ip_whitelist !== undefined;
}

/** An allow list anywhere that callers of MCP servers must pass. */
export function allowListOf(settings: {
  readonly security?: object | undefined;
  readonly mcps?: readonly ({ readonly security?: object | undefined } | undefined)[] | undefined;
}): string | undefined {
  if (hasAllowList(settings.security)) return 'security.ip_whitelist';
  const index = (settings.mcps ?? []).findIndex((entry) => hasAllowList(entry?.security));
  return index === -1 ? undefined : `mcps[${index}].security.ip_whitelist`;
}

/** The first setting by which addresses decide anything at all: who may come, who may not, who is banned. */
export function addressRuleOf(settings: {
  readonly security?: { readonly bans?: { readonly enabled?: boolean | undefined } | undefined } | undefined;
  readonly mcps?: readonly ({ readonly security?: object | undefined } | undefined)[] | undefined;
  readonly admin?: object | undefined;
}): string | undefined {
  const places: [place: string, block: object | undefined][] = [
    ['security', settings.security],
    ...(settings.mcps ?? []).map((entry, index): [string, object | undefined] => [
      `mcps[${index}].security`,
      entry?.security,
    ]),
    ['admin', settings.admin],
  ];
  for (const key of ['ip_whitelist', 'ip_blacklist'])
    for (const [place, block] of places)
      if ((block as Record<string, unknown> | undefined)?.[key] !== undefined) return `${place}.${key}`;
  return settings.security?.bans?.enabled === true ? 'security.bans.enabled' : undefined;
}

/** A name or network that holds every address there is, of one family at least, or so much of them that it makes no difference. */
function everybody(trust: TrustSpec): string | undefined {
  if (trust.mode === 'all') return 'true';
  if (trust.mode !== 'list') return undefined;
  return trust.entries.find(({ cidrs }) => cidrs.some(isEverybody))?.name;
}

const knownSets: Rule = (draft, report) => {
  const trust = written(draft);
  if (trust?.mode !== 'list') return;
  const own = Object.keys(draft.server?.trust_proxy_sets ?? {});
  for (const name of trust.sets) {
    if (PROVIDER_RANGES.has(name) || own.includes(name)) continue;
    const near = nearest(name, [...TRUST_WORDS, ...own]);
    report(
      PATH,
      `"${name}" is no address, no CIDR and no name that is known here`,
      near === undefined
        ? `Known are ${[...TRUST_WORDS, ...own].join(', ')}; host names are never resolved. Sets of your own belong in server.trust_proxy_sets.`
        : undefined,
      near === undefined ? undefined : `"${near}"`,
    );
  }
};

const forgeable: Rule = (draft, report) => {
  const trust = written(draft);
  const all = trust === undefined ? undefined : everybody(trust);
  const list = allowListOf(draft);
  if (all === undefined || list === undefined || draft.server?.trust_proxy_spoofable === true) return;
  report(
    PATH,
    `"${all}" believes anybody about where they come from, so anybody could forge an address of ${list}`,
    'Write the addresses of your proxies, or acknowledge it with server.trust_proxy_spoofable: true.',
  );
};

const cloudflareOnly: Rule = (draft, report) => {
  if (draft.server?.forwarded_header !== 'cf-connecting-ip') return;
  const trust = written(draft);
  if (trust?.mode === 'list' && trust.sets.includes('cloudflare')) return;
  report(
    ['server', 'forwarded_header'],
    'is believed from Cloudflare only, and server.trust_proxy does not name it',
    'Add cloudflare to server.trust_proxy.',
  );
};

/** Rules about whom to believe. */
export const TRUST_RULES: readonly Rule[] = [knownSets, forgeable, cloudflareOnly];

const overBroad: Rule = (draft, report) => {
  const trust = written(draft);
  if (trust === undefined) return;
  const all = everybody(trust);
  const remedy = 'Write the addresses or CIDRs of your proxies.';
  if (all !== undefined) {
    report(PATH, `"${all}" believes anybody about where they come from: addresses can be forged`, remedy);
    return;
  }
  const open = draft.server?.socket === undefined && !isLoopback(draft.server?.host ?? '127.0.0.1');
  const wide = trust.mode === 'list' ? trust.entries.find(({ cidrs }) => cidrs.some(holdsNeighbours)) : undefined;
  if (open && wide !== undefined) {
    report(
      PATH,
      `"${wide.name}" believes every neighbour in local networks, and the listener is not on loopback`,
      remedy,
    );
  }
  const list = allowListOf(draft);
  if (trust.mode === 'hops' && list !== undefined) {
    report(
      PATH,
      `counts hops, so whoever reaches this port without passing the proxies can forge an address of ${list}`,
      remedy,
    );
  }
};

const unusedSets: Rule = (draft, report) => {
  const trust = written(draft);
  const used = trust?.mode === 'list' ? trust.sets : [];
  for (const name of Object.keys(draft.server?.trust_proxy_sets ?? {})) {
    if (used.includes(name)) continue;
    report(['server', 'trust_proxy_sets', name], 'is not named in server.trust_proxy, so nobody is trusted for it');
  }
};

/** Trust that is allowed but probably too wide. */
export const TRUST_DOUBTS: readonly Rule[] = [overBroad, unusedSets];
