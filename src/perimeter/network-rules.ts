import type { IpAddress } from '../net/ip-address.ts';
import type { AddressList, ListedEntry } from './address-list.ts';
import type { LiveEntries, LiveEntry } from './live-entries.ts';

/** Why an address is not let in. */
export type AddressReason = 'address.denied' | 'address.banned' | 'address.not-listed' | 'address.unknown';

export interface Objection {
  readonly reason: AddressReason;
  /** The block of settings that objects: `security`, `mcps.crm.security`, `admin`. */
  readonly place: string;
  /** The rule that matched, for the record: its place, its text, its note. */
  readonly rule: string;
  /** It is said, and the request passes nevertheless. */
  readonly isReported: boolean;
}

export interface LayerRules {
  /** Where the settings stand: `security`, `mcps.crm.security`, `admin`. */
  readonly place: string;
  /** Undefined: nobody is kept out for being on no list. */
  readonly allow: AddressList | undefined;
  readonly deny: AddressList | undefined;
  /** `always`: programs on this machine pass the allow list. */
  readonly localhost: 'always' | 'listed';
  readonly unknown: 'block' | 'allow';
  readonly mode: 'enforce' | 'report';
}

/** What each place of a layer says of an address, whether or not it comes to that. */
export interface Findings {
  readonly liveDenial: LiveEntry | undefined;
  readonly denied: ListedEntry | undefined;
  readonly allowed: ListedEntry | undefined;
  readonly allowance: LiveEntry | undefined;
}

/**
 * What one block of settings says of an address. Deny beats allow: no allow list, no entry more specific and no place in a
 * file undoes a denial.
 */
export class Layer {
  readonly rules: LayerRules;
  private readonly live: LiveEntries | undefined;
  private readonly notListed: Objection;
  private readonly notLocal: Objection;
  private readonly isForEverybody: boolean;
  private readonly unknown: Objection | undefined;

  /** @param live entries made while the gateway runs, for the layer of the gateway itself */
  constructor(rules: LayerRules, live?: LiveEntries) {
    this.rules = rules;
    this.live = live;
    const { place } = rules;
    const isReported = rules.mode === 'report';
    const notListed = `${place}.ip_whitelist`;
    this.notListed = Object.freeze({ reason: 'address.not-listed', place, rule: notListed, isReported });
    const proxy = 'a proxy on this machine that names nobody who is believed: see server.trust_proxy';
    this.notLocal = Object.freeze({
      reason: 'address.not-listed',
      place,
      rule: `${notListed} (${proxy})`,
      isReported,
    });
    this.isForEverybody = rules.allow?.isEverybody ?? false;
    this.unknown =
      rules.unknown === 'allow'
        ? undefined
        : Object.freeze({ reason: 'address.unknown', place, rule: `${place}.ip_unknown: block`, isReported });
  }

  /** Undefined when the address passes. */
  judge(address: IpAddress | undefined, isLocalhost: boolean): Objection | undefined {
    if (address === undefined) return this.unknown;
    const { allow, deny, localhost } = this.rules;
    const denial = this.live?.denial(address);
    if (denial !== undefined) return this.liveDenial(denial);
    const denied = deny?.find(address);
    if (denied !== undefined) return this.denial(denied);
    if (allow === undefined || (isLocalhost && localhost === 'always')) return undefined;
    const isListed = allow.find(address) !== undefined || this.live?.allowance(address) !== undefined;
    if (!isListed) return this.notListed;
    return this.isProxyHere(address, isLocalhost) ? this.notLocal : undefined;
  }

  /**
   * A loopback address is somebody's on this machine only if the socket says so and nothing says that it speaks for another.
   * Otherwise it is all that is known of whoever comes through a proxy here, and an entry for it would let the world in. A list
   * that lets the world in anyway makes no difference.
   */
  isProxyHere(address: IpAddress, isLocalhost: boolean): boolean {
    return address.isLoopback && !isLocalhost && !this.isForEverybody;
  }

  /** What `judge` goes by. For people, never for a verdict. */
  peek(address: IpAddress): Findings {
    const { allow, deny } = this.rules;
    return {
      liveDenial: this.live?.denial(address),
      denied: deny?.find(address),
      allowed: allow?.find(address),
      allowance: this.live?.allowance(address),
    };
  }

  /** Entries made while the gateway runs count here. */
  get isLive(): boolean {
    return this.live !== undefined;
  }

  /** Until when a verdict holds if no live entry changes, in milliseconds since the epoch. */
  get until(): number {
    return Math.min(this.rules.allow?.until ?? Infinity, this.rules.deny?.until ?? Infinity);
  }

  private denial(entry: ListedEntry): Objection {
    const note = entry.note === undefined ? '' : ` (${entry.note})`;
    const rule = `${entry.place} ${entry.cidr.text}${note}`;
    return { reason: 'address.denied', place: this.rules.place, rule, isReported: this.rules.mode === 'report' };
  }

  private liveDenial({ id, cidr, origin, reason }: LiveEntry): Objection {
    const why = reason === undefined ? '' : ` (${reason})`;
    const rule = `${origin === 'ban' ? 'ban' : 'entry'} ${id} ${cidr}${why}`;
    const { place, mode } = this.rules;
    const verdict = origin === 'ban' ? 'address.banned' : 'address.denied';
    return { reason: verdict, place, rule, isReported: mode === 'report' };
  }
}

/** From where requests to one listener may come: the gateway's layer and, on its route, a server's own. Both must pass. */
export class NetworkRules {
  readonly gateway: Layer;
  private readonly servers: ReadonlyMap<string, Layer>;
  private readonly live: LiveEntries;
  private readonly enforced: Layer;
  private readonly enforcing: ReadonlySet<string>;

  /** @param enforcing servers on whose routes the gateway's layer counts, though elsewhere it may only be reported */
  constructor(
    gateway: Layer,
    servers: ReadonlyMap<string, Layer>,
    live: LiveEntries,
    enforcing: ReadonlySet<string> = new Set(),
  ) {
    this.gateway = gateway;
    this.servers = servers;
    this.live = live;
    this.enforcing = enforcing;
    const isReported = gateway.rules.mode === 'report';
    this.enforced = isReported ? new Layer({ ...gateway.rules, mode: 'enforce' }, live) : gateway;
  }

  /** The gateway's layer as it counts on a route. */
  gatewayOn(server: string | undefined): Layer {
    return server !== undefined && this.enforcing.has(server) ? this.enforced : this.gateway;
  }

  /** Of a server that has a block of its own. */
  layerOf(server: string | undefined): Layer | undefined {
    return server === undefined ? undefined : this.servers.get(server);
  }

  /** The gateway's, and those of servers with lists of their own. */
  layers(): readonly Layer[] {
    return [this.gateway, ...this.servers.values()];
  }

  /** Servers on whose routes it is not as the gateway's mode says. */
  otherwise(): readonly string[] {
    if (this.gateway.rules.mode === 'report') return [...this.enforcing];
    return [...this.servers].filter(([, { rules }]) => rules.mode === 'report').map(([id]) => id);
  }

  /** Grows when live entries change. */
  get epoch(): number {
    return this.live.epoch;
  }

  /** When an entry of some list ends next, in milliseconds since the epoch. */
  get until(): number {
    let until = this.gateway.until;
    for (const layer of this.servers.values()) until = Math.min(until, layer.until);
    return until;
  }

  /** Whether an address that was let in before is refused now. */
  refuses(address: IpAddress | undefined, isLocalhost: boolean, server: string | undefined): boolean {
    return this.objection(address, isLocalhost, server) !== undefined;
  }

  /** What refuses an address that was let in before; what is only reported was then. */
  objection(address: IpAddress | undefined, isLocalhost: boolean, server: string | undefined): Objection | undefined {
    const first = this.gatewayOn(server).judge(address, isLocalhost);
    if (first !== undefined && !first.isReported) return first;
    const second = this.layerOf(server)?.judge(address, isLocalhost);
    return second === undefined || second.isReported ? undefined : second;
  }

  /** Whether some address is really kept out of the whole listener. */
  get isFiltering(): boolean {
    const { allow, deny, mode } = this.gateway.rules;
    if (mode === 'report') return false;
    return (allow !== undefined && !allow.isEverybody) || (deny !== undefined && deny.size > 0);
  }

  /** An allow list that lets everybody in. */
  get isOpenToAll(): boolean {
    return this.gateway.rules.allow?.isEverybody ?? false;
  }

  /** Somewhere it is only said who would be refused. */
  get isReporting(): boolean {
    if (this.gateway.rules.mode === 'report') return true;
    for (const layer of this.servers.values()) if (layer.rules.mode === 'report') return true;
    return false;
  }
}
