import { join } from 'node:path';
import type { ParsedSettings } from './schema/settings.ts';

/** The configuration in force. Keys are those of the file; every default is filled in; tokens are hashes. */
export type Settings = Omit<ParsedSettings, '$schema' | 'state_dir' | 'admin' | 'audit'> & {
  readonly admin: Omit<ParsedSettings['admin'], 'port'> & { readonly port: number };
  /** `file` is absolute. */
  readonly audit: Omit<ParsedSettings['audit'], 'file'> & { readonly file: string };
};

/** One entry of `mcps`. */
export type ServerSettings = Settings['mcps'][number];

type Locate = (setting: string, path: string) => string;
type UpstreamTls = NonNullable<Extract<ServerSettings, { transport: 'sse' }>['tls']>;

/** Of the two places for the block the one that is used; a switched-off one counts as absent. Its files are absolute. */
function deriveTls(entry: ServerSettings, at: string, locate: Locate): { tls?: UpstreamTls } {
  if (entry.transport === 'stdio') return {};
  const { tls: block = entry.security?.tls } = entry;
  if (block === undefined || !block.enabled) return {};
  const place = entry.tls === undefined ? `${at}.security.tls` : `${at}.tls`;
  const tls = { ...block };
  for (const key of ['ca_file', 'crl_file', 'cert_file', 'key_file'] as const) {
    const path = block[key];
    if (path !== undefined) tls[key] = locate(`${place}.${key}`, path);
  }
  return { tls };
}

type AddressBlock = Partial<Pick<ParsedSettings['security'], 'ip_whitelist' | 'ip_blacklist'>>;

/** Files among the lists of addresses become absolute. */
function deriveLists<Block extends AddressBlock>(block: Block, at: string, locate: Locate): Block {
  const located = { ...block };
  for (const key of ['ip_whitelist', 'ip_blacklist'] as const) {
    const list = block[key];
    if (list === undefined) continue;
    located[key] = list.map((entry, index) =>
      typeof entry === 'object' && 'file' in entry
        ? { file: locate(`${at}.${key}[${index}].file`, entry.file) }
        : entry,
    );
  }
  return located;
}

type ListenerTls = NonNullable<ParsedSettings['server']['tls']>;

/** A block that is switched off counts as absent. Its files are absolute. */
function deriveListenerTls(block: ListenerTls | undefined, at: string, locate: Locate): { tls?: ListenerTls } {
  if (block === undefined || !block.enabled) return {};
  const files = <T extends object>(part: T, place: string): T => {
    const isFile = ([key, value]: [string, unknown]) => key.endsWith('_file') && typeof value === 'string';
    const named = Object.entries(part).filter(isFile) as [string, string][];
    return { ...part, ...Object.fromEntries(named.map(([key, path]) => [key, locate(`${place}.${key}`, path)])) };
  };
  const certificates = block.certificates.map((entry, index) => files(entry, `${at}.certificates[${index}]`));
  return { tls: { ...files(block, at), certificates } };
}

function deriveServer(entry: ServerSettings, at: string, locate: Locate): ServerSettings {
  // The short form of `auth` has one token without a name of its own; the audit record needs to call it something.
  const methods = entry.auth?.methods.map((method) => ({
    ...method,
    tokens: method.tokens.map((token) =>
      token.name === 'route token' ? { ...token, name: `route ${entry.id}` } : token,
    ),
  }));
  const auth = {
    ...(methods === undefined ? {} : { auth: { methods } }),
    ...(entry.security === undefined ? {} : { security: deriveLists(entry.security, `${at}.security`, locate) }),
  };
  if (entry.transport !== 'stdio') {
    const { tls: _, ...rest } = entry;
    return { ...rest, ...auth, ...deriveTls(entry, at, locate) };
  }
  return entry.cwd === undefined ? { ...entry, ...auth } : { ...entry, ...auth, cwd: locate(`${at}.cwd`, entry.cwd) };
}

function deriveListener(server: ParsedSettings['server'], locate: Locate): ParsedSettings['server'] {
  const { socket, trust_proxy_sets: sets } = server;
  const located = Object.entries(sets ?? {}).map(([name, file]) => [
    name,
    locate(`server.trust_proxy_sets.${name}`, file),
  ]);
  return {
    ...server,
    ...(socket === undefined ? {} : { socket: locate('server.socket', socket) }),
    ...(sets === undefined ? {} : { trust_proxy_sets: Object.fromEntries(located) }),
  };
}

/**
 * Fills in what depends on where the file lies.
 *
 * @param locate makes a path absolute, as meant where the named setting was written
 */
export function derive(parsed: ParsedSettings, stateDir: string, locate: Locate): Settings {
  const { $schema: _, state_dir: __, admin, audit, mcps, ...rest } = parsed;
  const { tls: serverTls, ...server } = rest.server;
  const { port } = server;
  const { tls: adminTls, ...operators } = admin;
  return {
    ...rest,
    server: { ...deriveListener(server, locate), ...deriveListenerTls(serverTls, 'server.tls', locate) },
    security: deriveLists(rest.security, 'security', locate),
    mcps: mcps.map((entry, index) => deriveServer(entry, `mcps[${index}]`, locate)),
    admin: {
      ...deriveLists(operators, 'admin', locate),
      port: admin.port ?? (port === 0 ? 0 : port + 1),
      ...deriveListenerTls(adminTls, 'admin.tls', locate),
    },
    audit: {
      ...audit,
      file: audit.file === undefined ? join(stateDir, 'audit', 'audit.jsonl') : locate('audit.file', audit.file),
    },
  };
}
