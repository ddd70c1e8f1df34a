/**
 * What a program needs to find its files, its language and its clock. Nothing here is a secret. `SHELL` is left out: no
 * shell is started. Proxies, certificates and tokens are named in `env` or `env_allow` by whoever wants a server to have them.
 */
const ALWAYS = ['PATH', 'HOME', 'USER', 'LOGNAME', 'LANG', 'LANGUAGE', 'TZ', 'TMPDIR'] as const;
const LOCALE = 'LC_';
const DEFAULT_PATH = '/usr/local/bin:/usr/bin:/bin';

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The whole environment of a child (Linux and macOS names). A child never inherits the gateway's own: that holds the tokens
 * of every other server. Later wins: the few every program needs, what `env_allow` names, `env`.
 */
export function childEnvironment(
  settings: { readonly env: Readonly<Record<string, string>>; readonly env_allow: readonly string[] },
  own: Environment,
): Record<string, string> {
  const child: Record<string, string> = { PATH: DEFAULT_PATH };
  for (const name of ALWAYS) copy(name, own, child);
  for (const name of Object.keys(own)) if (name.startsWith(LOCALE)) copy(name, own, child);
  for (const name of settings.env_allow) copy(name, own, child);
  return Object.assign(child, settings.env);
}

function copy(name: string, from: Environment, to: Record<string, string>): void {
  const value = from[name];
  // Bash reads a value that begins like this as a function and runs it (CVE-2014-6271 and kin).
  if (value === undefined || value.startsWith('()')) return;
  to[name] = value;
}
