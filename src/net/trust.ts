import type { Cidr } from './cidr.ts';
import { type CidrSet, compileCidrSet } from './cidr-set.ts';
import type { IpAddress } from './ip-address.ts';
import { PROVIDER_RANGES } from './provider-ranges.ts';
import { knownCidr, type TrustSpec } from './trust-grammar.ts';

/** The set whose proxies alone may say `CF-Connecting-IP`. */
const CLOUDFLARE = 'cloudflare';

/** Whom to believe about where a request came from. Immutable; asked for every hop. */
export class Trust {
  /** The rule by which peers of a Unix socket, who have no address, are believed; undefined when they are not. */
  readonly ruleOfUnix: string | undefined;
  /** Proxies are known by their addresses. Where they are only counted, somebody who goes around them may be taken for one. */
  readonly isByAddress: boolean;
  readonly #spec: TrustSpec;
  readonly #set: CidrSet | undefined;
  /** What to call the rule at each place of the set. */
  readonly #names: readonly string[];
  readonly #hopName: string;
  readonly #networks: readonly Cidr[];
  readonly #cloudflare: CidrSet | undefined;

  /** @param sets networks of the sets that do not come with the gateway, or come from a newer list */
  constructor(spec: TrustSpec, sets: ReadonlyMap<string, readonly Cidr[]> = new Map()) {
    this.#spec = spec;
    this.isByAddress = spec.mode === 'list' || spec.mode === 'none';
    this.#hopName = spec.mode === 'hops' ? `${spec.hops} ${spec.hops === 1 ? 'hop' : 'hops'}` : '';
    this.ruleOfUnix = ruleOfUnix(spec, this.#hopName);
    if (spec.mode !== 'list') {
      this.#names = [];
      this.#networks = [];
      this.#set = undefined;
      this.#cloudflare = undefined;
      return;
    }
    const named = [
      ...spec.entries.flatMap(({ name, cidrs }) => cidrs.map((cidr) => ({ name, cidr }))),
      ...spec.sets.flatMap((name) => networksOf(name, sets).map((cidr) => ({ name, cidr }))),
    ];
    this.#names = named.map(({ name }) => name);
    this.#networks = named.map(({ cidr }) => cidr);
    this.#set = compileCidrSet(named);
    this.#cloudflare = spec.sets.includes(CLOUDFLARE)
      ? compileCidrSet(networksOf(CLOUDFLARE, sets).map((cidr) => ({ cidr })))
      : undefined;
  }

  /**
   * The rule by which what this address says about others is believed; undefined when it is not.
   * @param hop 0 is the peer of the socket, 1 the one it speaks for, and so on
   */
  ruleOf(address: IpAddress, hop: number): string | undefined {
    switch (this.#spec.mode) {
      case 'none':
        return undefined;
      case 'all':
        return 'true';
      case 'hops':
        return hop < this.#spec.hops ? this.#hopName : undefined;
      case 'list': {
        const index = (this.#set as CidrSet).find(address);
        return index === -1 ? undefined : this.#names[index];
      }
    }
  }

  /** The networks that are trusted by name or address, each once or more. */
  get networks(): readonly Cidr[] {
    return this.#networks;
  }

  isCloudflare(address: IpAddress): boolean {
    return this.#cloudflare !== undefined && this.#cloudflare.find(address) !== -1;
  }
}

/** A count of hops, and `true`, are about whoever is there; a list is about addresses, and says `unix` of those without. */
function ruleOfUnix(spec: TrustSpec, hopName: string): string | undefined {
  switch (spec.mode) {
    case 'none':
      return undefined;
    case 'all':
      return 'true';
    case 'hops':
      return hopName;
    case 'list':
      return spec.unix ? 'unix' : undefined;
  }
}

/** @throws Error naming a set that nobody defined: its proxies would silently not be trusted */
function networksOf(name: string, sets: ReadonlyMap<string, readonly Cidr[]>): readonly Cidr[] {
  const networks = sets.get(name) ?? PROVIDER_RANGES.get(name)?.cidrs.map(knownCidr);
  if (networks === undefined) throw new Error(`server.trust_proxy: there is no set "${name}"`);
  return networks;
}
