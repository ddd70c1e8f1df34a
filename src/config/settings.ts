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

function deriveServer(entry: ServerSettings, cwd: (path: string) => string): ServerSettings {
  // The short form of `auth` has one token without a name of its own; the audit record needs to call it something.
  const methods = entry.auth?.methods.map((method) => ({
    ...method,
    tokens: method.tokens.map((token) =>
      token.name === 'route token' ? { ...token, name: `route ${entry.id}` } : token,
    ),
  }));
  const auth = methods === undefined ? {} : { auth: { methods } };
  if (entry.transport !== 'stdio' || entry.cwd === undefined) return { ...entry, ...auth };
  return { ...entry, ...auth, cwd: cwd(entry.cwd) };
}

/**
 * Fills in what depends on where the file lies.
 *
 * @param locate makes a path absolute, as meant where the named setting was written
 */
export function derive(
  parsed: ParsedSettings,
  stateDir: string,
  locate: (setting: string, path: string) => string,
): Settings {
  const { $schema: _, state_dir: __, admin, audit, mcps, ...rest } = parsed;
  const { port } = rest.server;
  return {
    ...rest,
    mcps: mcps.map((entry, index) => deriveServer(entry, (path) => locate(`mcps[${index}].cwd`, path))),
    admin: { ...admin, port: admin.port ?? (port === 0 ? 0 : port + 1) },
    audit: {
      ...audit,
      file: audit.file === undefined ? join(stateDir, 'audit', 'audit.jsonl') : locate('audit.file', audit.file),
    },
  };
}
