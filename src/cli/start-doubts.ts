import type { Fault } from '../config/fault.ts';
import type { Loaded } from '../config/load.ts';
import { isLoopback } from '../net/loopback.ts';

export type Doubt = Pick<Fault, 'problem' | 'remedy'>;

/** What an operator should hear before every start: nothing here is wrong by itself. */
export function startDoubts({ settings, environment }: Loaded): readonly Doubt[] {
  const doubts: Doubt[] = [];
  if (settings.mcps.length === 0) doubts.push({ problem: 'no server is configured: add one under mcps' });
  const { host, public_url, allowed_hosts } = settings.server;
  if ((host === '0.0.0.0' || host === '::') && public_url === undefined && allowed_hosts.length === 0) {
    doubts.push({
      problem: `${host} takes connections from other machines, but no name is served to them`,
      remedy: 'set server.public_url (--public-url), or list the names in server.allowed_hosts',
    });
  }
  if (environment.NODE_ENV === 'production') doubts.push(...plainHttp(settings));
  if (!settings.audit.enabled)
    doubts.push({ problem: 'audit.enabled is false: nothing that happens here is recorded' });
  if (!settings.auth.enabled) {
    const roles = settings.auth.anonymous.roles.join(', ') || 'none, so nothing is allowed (auth.anonymous.roles)';
    doubts.push({ problem: `auth.enabled is false: everybody who can connect has the roles: ${roles}` });
  }
  return doubts;
}

/** Tokens and answers that cross a network in the clear are anybody's. */
function plainHttp({ server, admin }: Loaded['settings']): readonly Doubt[] {
  const listeners = [
    { setting: 'server', host: server.host, isPlain: server.tls === undefined && server.socket === undefined },
    { setting: 'admin', host: admin.host, isPlain: admin.enabled && admin.tls === undefined },
  ];
  return listeners
    .filter(({ isPlain, host }) => isPlain && !isLoopback(host))
    .map(({ setting, host }) => ({
      problem: `${setting}.host = ${host} takes plain HTTP from other machines, in production`,
      remedy: `set ${setting}.tls, or bind to 127.0.0.1 behind a proxy that ends TLS`,
    }));
}
