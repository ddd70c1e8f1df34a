import type { Explained } from '../control/address-explain.ts';
import type { Explanation } from '../perimeter/explain.ts';
import type { ExplainedNetwork } from '../perimeter/explain-network.ts';
import type { ShownRule } from '../perimeter/shown-rule.ts';
import { table } from './table.ts';

const FROM: Readonly<Record<Explanation['walk'][number]['from'], string>> = {
  socket: 'connects',
  unix: 'connects (Unix socket)',
  'proxy-protocol': 'PROXY header',
  'x-forwarded-for': 'X-Forwarded-For',
  'x-real-ip': 'X-Real-IP',
  forwarded: 'Forwarded',
  'cf-connecting-ip': 'CF-Connecting-IP',
};

const ENDS: Readonly<Record<string, string>> = {
  'untrusted-peer': 'Who connects is not trusted, so no header was read.',
  'untrusted-source': 'Whom the PROXY header names is not trusted, so no header was read.',
  'untrusted-hop': 'The first hop that is not trusted is the client.',
  'all-trusted': 'Every hop is trusted, so the one furthest away counts as the client.',
  'no-header': 'There is no header that is believed.',
  unparsable: 'The walk ended at what is no address.',
  'too-long': 'The walk ended: the chain is too long.',
};

/** An explanation for people. */
export function explanationText({ address, network }: Explained): string {
  if (address !== null) return addressText(address);
  return network === null ? '' : networkText(network);
}

function addressText(explanation: Explanation): string {
  const { client, localhost, ips, limit_key, trust_proxy, forwarded_header, judgements, end, hints } = explanation;
  const trust = Array.isArray(trust_proxy.value) ? trust_proxy.value.join(', ') : String(trust_proxy.value);
  const hops = explanation.walk.map(({ from, address, text, trusted, by }) => [
    `  ${FROM[from]}`,
    address ?? `"${printable(text)}"`,
    trusted ? `trusted by ${by}` : 'not trusted',
  ]);
  const checks = judgements.map(({ layer, check, outcome, says, rule }) => [
    `  ${layer}`,
    check,
    outcome,
    rule === null ? says : `${says} ${ruleText(rule)}`,
  ]);
  return [
    'WALK',
    table(['  HOP', 'ADDRESS', 'TRUST'], hops).trimEnd(),
    `  ${ENDS[end] ?? end}`,
    `  trust_proxy: ${trust} (${trust_proxy.why}); header: ${forwarded_header}`,
    '',
    'CLIENT',
    `  ip         ${client ?? 'unknown'}`,
    `  ips        ${ips.length === 0 ? 'none' : ips.join(', ')}`,
    `  localhost  ${localhost ? 'yes' : 'no'}`,
    `  limits as  ${limit_key ?? 'nobody'}`,
    '',
    'RULES',
    table(['  WHERE', 'ASKED', 'ANSWER', 'WHY'], checks).trimEnd(),
    '',
    verdictText(explanation),
    ...(hints.length === 0 ? [] : ['', 'HINTS', ...hints.map((hint) => `  - ${printable(hint)}`)]),
    '',
  ].join('\n');
}

function verdictText({ verdict, reason, rule }: Explanation): string {
  const why = reason === null ? '' : `, ${reason}: ${rule}`;
  return `VERDICT  ${verdict}${why}`;
}

function ruleText({ place, cidr, first, last, count, note, expires }: ShownRule): string {
  const range = count === '1' ? '' : `, ${first} to ${last}, ${count} addresses`;
  const why = note === null ? '' : ` (${printable(note)})`;
  return `${place} ${cidr}${why}${range}${expires === null ? '' : `, until ${expires}`}`;
}

function networkText({ cidr, first, last, count, rules, rule_count, hints }: ExplainedNetwork): string {
  const rows = rules.map(({ list, relation, place, cidr, note, expires }) => [
    list,
    relation,
    cidr,
    place,
    expires ?? 'never',
    printable(note ?? ''),
  ]);
  const more = rule_count > rules.length ? [`and ${rule_count - rules.length} more`] : [];
  return [
    cidr,
    `  first  ${first}`,
    `  last   ${last}`,
    `  count  ${count}`,
    '',
    ...(rows.length === 0
      ? ['No entry has an address of it.']
      : [table(['LIST', 'IS', 'ADDRESSES', 'PLACE', 'ENDS', 'NOTE'], rows).trimEnd(), ...more]),
    '',
    ...hints.map((hint) => `- ${hint}`),
    '',
  ].join('\n');
}

/** Headers and notes may be anybody's: nothing in them may steer the terminal. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '?');
}
