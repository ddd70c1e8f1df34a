import { type Cidr, networkOf } from '../net/cidr.ts';
import type { IpAddress } from '../net/ip-address.ts';
import { knownCidr } from '../net/trust-grammar.ts';

/**
 * IPv6 networks behind whose addresses are strangers, one for each: translated IPv4 (RFC 6052, RFC 8215, RFC 7915) and this
 * machine's own first /64.
 */
const ONE_BY_ONE: readonly Cidr[] = ['::/64', '64:ff9b::/96', '64:ff9b:1::/48'].map(knownCidr);

/**
 * Which addresses count as one caller: an IPv4 address, or the IPv6 network one customer is given. An IPv6 address counts alone
 * where others must never share what comes to it: beside a trusted proxy, through which everybody comes, or loopback.
 */
export class CallerNetworks {
  readonly #prefix: number;
  /** Networks of that prefix in which a trusted proxy has its address. */
  readonly #proxied: ReadonlySet<string>;

  /**
   * @param prefix leading bits of an IPv6 address
   * @param trusted networks of proxies
   */
  constructor(prefix: number, trusted: readonly Cidr[]) {
    this.#prefix = prefix;
    const within = trusted.filter((network) => network.family === 6 && network.prefix >= prefix);
    this.#proxied = new Set(within.map(({ base }) => networkOf(base, prefix).text));
  }

  of(client: IpAddress): Cidr {
    if (client.family === 4) return networkOf(client, 32);
    const network = networkOf(client, this.#prefix);
    // Networks nest or are apart.
    const isShared = ONE_BY_ONE.some((one) => one.contains(network.base) || network.contains(one.base));
    return isShared || this.#proxied.has(network.text) ? networkOf(client, 128) : network;
  }
}
