import type { IpAddress } from '../net/ip-address.ts';
import type { Layer, NetworkRules, Objection } from './network-rules.ts';
import { type ShownRule, shownListed, shownLive } from './shown-rule.ts';

/** One thing an address is asked about, in the order in which it counts. */
export interface Judgement {
  /** The block of settings: `security`, `mcps.crm.security`, `admin`. */
  readonly layer: string;
  readonly check: 'entries' | 'deny list' | 'allow list' | 'unknown';
  /** `none`: there is no such list. */
  readonly outcome: 'denies' | 'allows' | 'no match' | 'none';
  readonly rule: ShownRule | null;
  /** A sentence. */
  readonly says: string;
}

export interface Verdict {
  readonly verdict: 'allow' | 'deny' | 'would-deny';
  /** As the record has it; null where nothing objects. */
  readonly reason: string | null;
  readonly rule: string | null;
  readonly judgements: readonly Judgement[];
}

/** What is said of a client. The verdict is that of the very layers that judge requests. */
export function judged(
  rules: NetworkRules,
  client: IpAddress | undefined,
  isLocalhost: boolean,
  server: string | undefined,
): Verdict {
  const own = rules.layerOf(server);
  const gateway = rules.gatewayOn(server);
  const layers = own === undefined ? [gateway] : [gateway, own];
  const objections = layers
    .map((layer) => layer.judge(client, isLocalhost))
    .filter((objection): objection is Objection => objection !== undefined);
  const decisive = objections.find(({ isReported }) => !isReported) ?? objections[0];
  const judgements = layers.flatMap((layer) =>
    client === undefined ? [unknownIn(layer)] : layerJudgements(layer, client, isLocalhost),
  );
  if (decisive === undefined) return { verdict: 'allow', reason: null, rule: null, judgements };
  const { reason, rule, isReported } = decisive;
  return { verdict: isReported ? 'would-deny' : 'deny', reason, rule, judgements };
}

function unknownIn({ rules: { place, unknown } }: Layer): Judgement {
  const says =
    unknown === 'block'
      ? 'Nobody can tell who the client is, and such requests are refused (ip_unknown: block).'
      : 'Nobody can tell who the client is, and such requests pass (ip_unknown: allow).';
  return { layer: place, check: 'unknown', outcome: unknown === 'block' ? 'denies' : 'allows', rule: null, says };
}

function layerJudgements(layer: Layer, client: IpAddress, isLocalhost: boolean): Judgement[] {
  const { place, allow, deny, localhost } = layer.rules;
  const { liveDenial, denied, allowed, allowance } = layer.peek(client);
  const passes = isLocalhost && localhost === 'always';
  const judgements: Judgement[] = [];
  const add = (
    check: Judgement['check'],
    outcome: Judgement['outcome'],
    says: string,
    rule: ShownRule | null = null,
  ): void => void judgements.push({ layer: place, check, outcome, rule, says });

  if (liveDenial !== undefined) {
    const what = liveDenial.origin === 'ban' ? 'A ban' : 'An entry made while the gateway runs';
    add('entries', 'denies', `${what} denies it.`, shownLive(liveDenial));
  } else if (layer.isLive) add('entries', 'no match', 'No ban and no entry denies it.');

  if (denied !== undefined) add('deny list', 'denies', 'The deny list has it.', shownListed(denied));
  else if (deny === undefined) add('deny list', 'none', `There is no deny list (${place}.ip_blacklist).`);
  else add('deny list', 'no match', `Not among the ${deny.size} on the deny list.`);

  if (allow === undefined)
    add('allow list', 'none', `There is no allow list (${place}.ip_whitelist): nobody is kept out for being on none.`);
  else if (layer.isProxyHere(client, isLocalhost)) add('allow list', 'denies', PROXY_HERE);
  else if (allowed !== undefined) add('allow list', 'allows', 'The allow list has it.', shownListed(allowed));
  else if (allowance !== undefined)
    add('allow list', 'allows', 'An entry made while the gateway runs allows it.', shownLive(allowance));
  else if (passes) add('allow list', 'allows', 'Programs on this machine pass the allow list (ip_localhost: always).');
  else add('allow list', 'denies', notListed(allow.size, isLocalhost));
  return judgements;
}

const PROXY_HERE =
  'A loopback address that speaks for others is a proxy on this machine and not a client, so no entry lets it in.';

function notListed(size: number, isLocalhost: boolean): string {
  const here = isLocalhost ? ' This machine is asked like everybody (ip_localhost: listed).' : '';
  return size === 0
    ? `The allow list is empty, so it lets nobody in.${here}`
    : `Not among the ${size} on the allow list.${here}`;
}
