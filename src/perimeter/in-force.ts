import type { Settings } from '../config/settings.ts';
import type { BelievedHeader } from '../net/forwarded-walk.ts';
import type { Trust } from '../net/trust.ts';
import { CallerNetworks } from './caller-networks.ts';
import { compileNetworkRules } from './compile-rules.ts';
import type { LiveEntries } from './live-entries.ts';
import type { NetworkRules } from './network-rules.ts';
import { compileAdminTrust, compileTrust, type TrustInForce, trustInForce } from './trust.ts';

/** Everything by which one listener judges where a request comes from. */
export interface PerimeterInForce {
  readonly trust: Trust;
  /** The same for people: what was written, and where. */
  readonly trusted: TrustInForce;
  readonly believed: BelievedHeader;
  readonly network: NetworkRules;
  /** Which addresses count as one caller. */
  readonly callers: CallerNetworks;
}

/** @throws Error naming the setting, the file and the line that cannot be used */
export async function compilePerimeter(
  settings: Settings,
  live: LiveEntries,
): Promise<{ readonly data: PerimeterInForce; readonly admin: PerimeterInForce }> {
  const { data, admin } = await compileNetworkRules(settings, live);
  const { forwarded_header: believed, trust_proxy: configured } = settings.server;
  const trust = compileTrust(settings);
  const adminTrust = compileAdminTrust(settings);
  // One address book for both listeners, so what one of them trusts is spared.
  const callers = new CallerNetworks(settings.security.bans.ipv6_prefix, [...trust.networks, ...adminTrust.networks]);
  const adminTrusted = configured ?? false;
  const why = configured === undefined ? 'server.trust_proxy is not set' : 'server.trust_proxy';
  return {
    data: { trust, trusted: trustInForce(settings), believed, network: data, callers },
    admin: {
      trust: adminTrust,
      trusted: { value: adminTrusted, why },
      believed,
      network: admin,
      callers,
    },
  };
}
