import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ControlServices } from '../control/command.ts';
import { runCommand } from '../control/commands.ts';

/** What to tell the operator about tokens when the gateway starts. */
export type TokenNews =
  /** Made now; shown once, because this is a terminal. */
  | { readonly kind: 'shown'; readonly secret: string }
  /** Made now; in a 0600 file, because what is printed may end in a log. */
  | { readonly kind: 'file'; readonly path: string }
  /** There are tokens already. */
  | { readonly kind: 'exists' }
  /** There is no server a token could open. */
  | { readonly kind: 'no-servers' };

const NAME = 'first-run';

/**
 * Makes a token when nobody could use the servers otherwise. It opens the servers configured now and no others: what is
 * added later must be opened by somebody's decision.
 */
export async function firstRunToken(
  services: ControlServices,
  stateDir: string,
  servers: readonly string[],
  terminal: boolean,
): Promise<TokenNews> {
  if (servers.length === 0) return { kind: 'no-servers' };
  const { tokens } = await runCommand('token.list', {}, services);
  const live = tokens.filter(({ state }) => state === 'active');
  const opensAll = live.some((token) => token.servers === null || servers.every((id) => token.servers?.includes(id)));
  if (opensAll) return { kind: 'exists' };
  const name = freeName(new Set(live.map((token) => token.name)));
  const made = await runCommand('token.create', { name, roles: ['user'], servers: [...servers] }, services);
  if (terminal) return { kind: 'shown', secret: made.secret };
  const path = join(stateDir, `${name}.token`);
  writeFileSync(path, `${made.secret}\n`, { mode: 0o600 });
  return { kind: 'file', path };
}

function freeName(taken: ReadonlySet<string>): string {
  if (!taken.has(NAME)) return NAME;
  for (let n = 2; ; n++) if (!taken.has(`${NAME}-${n}`)) return `${NAME}-${n}`;
}
