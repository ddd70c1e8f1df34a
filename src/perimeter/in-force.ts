import type { Settings } from '../config/settings.ts';
import type { BelievedHeader } from '../net/forwarded-walk.ts';
import type { Trust } from '../net/trust.ts';
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
  /** Leading bits of an IPv6 address that count as one caller. */
  readonly callerPrefix: number;
}

/** @throws Error naming the setting, the file and the line that cannot be used */
export async function compilePerimeter(
  settings: Settings,
  live: LiveEntries,
): Promise<{ readonly data: PerimeterInForce; readonly admin: PerimeterInForce }> {
  const { data, admin } = await compileNetworkRules(settings, live);
  const { forwarded_header: believed, trust_proxy: configured } = settings.server;
  const callerPrefix = settings.security.bans.ipv6_prefix;
  const adminTrusted = configured ?? false;
  const why = configured === undefined ? 'server.trust_proxy is not set' : 'server.trust_proxy';
  return {
    data: { trust: compileTrust(settings), trusted: trustInForce(settings), believed, network: data, callerPrefix },
    admin: {
      trust: compileAdminTrust(settings),
      trusted: { value: adminTrusted, why },
      believed,
      network: admin,
      callerPrefix,
    },
  };
}
