import { type Command, Option } from 'commander';
import type { CreatedToken, TokenSummary } from '../control/token-commands.ts';
import { BUILT_IN_ROLES, type RoleName } from '../identity/roles.ts';
import type { CliContext } from './context.ts';
import { addTargetOptions, apply, attempt } from './gateway-or-store.ts';
import { table } from './table.ts';

const EXAMPLES = `
Examples:
  A token for a person, good for thirty days:
    sallyport token create --name alice --expires 30d
  One for a script, which may use one server, kept out of the terminal:
    sallyport token create --name ci --server crm > token.txt
  Who has one, and when each was last used:
    sallyport token list
  A new secret for ci; the old one is accepted for another day:
    sallyport token rotate ci --grace 24h
  A token that leaked: refused from now on, its open streams are ended:
    sallyport token revoke ci

Changes reach a running gateway at once. Without one they are made in its store and count when it starts.
A secret is shown once, when it is made; only its hash is kept.`;

interface CreateOptions {
  readonly name?: string;
  readonly role?: RoleName[];
  readonly server?: string[];
  readonly expires?: string;
  readonly json?: boolean;
}

/** Adds `sallyport token create|list|revoke|rotate`. */
export function tokenCommands(program: Command, context: CliContext): void {
  const token = program
    .command('token')
    .description('make, list, replace and revoke the tokens callers present')
    .addHelpText('after', EXAMPLES);
  addCreate(token, context);
  addList(token, context);
  addRevoke(token, context);
  addRotate(token, context);
}

function addCreate(token: Command, context: CliContext): void {
  const create = token
    .command('create')
    .description('make a token; its secret goes to standard output, everything else to standard error')
    .option('--name <name>', 'what lists and the audit record call it (default: token- and eight digits)')
    .addOption(
      new Option('--role <role...>', 'user: use servers; admin: use the admin listener').choices(BUILT_IN_ROLES),
    )
    .option('--server <id...>', 'the only servers it opens (default: every one)')
    .option('--expires <when>', 'a time from now (30d, 12h) or a date (2027-01-01, its first instant in UTC)')
    .option('--json', 'write the secret and all about it as JSON');
  addTargetOptions(create).action((options: CreateOptions, command: Command) =>
    attempt(context, async () => {
      const stateDir = context.stateDir(command.optsWithGlobals());
      const { name, role, server, expires } = options;
      const input = {
        ...(name === undefined ? {} : { name }),
        ...(role === undefined ? {} : { roles: role }),
        ...(server === undefined ? {} : { servers: server }),
        ...(expires === undefined ? {} : { expires }),
      };
      const { result, live } = await apply(stateDir, 'token.create', input);
      handOver(context, options, stateDir, result, [
        `Token "${result.token.name}" made: ${describe(result.token)}.`,
        whenItCounts(live),
      ]);
    }),
  );
}

function addList(token: Command, context: CliContext): void {
  const list = token.command('list').description('show every token, never a secret').option('--json', 'write JSON');
  addTargetOptions(list).action((options: { json?: boolean }, command: Command) =>
    attempt(context, async () => {
      const stateDir = context.stateDir(command.optsWithGlobals());
      const { tokens } = (await apply(stateDir, 'token.list', {})).result;
      if (options.json) {
        context.stdout.write(json({ state_dir: stateDir, tokens }));
        return;
      }
      context.stderr.write(`State folder: ${stateDir}\n`);
      if (tokens.length === 0)
        context.stderr.write('No tokens yet. Make one with: sallyport token create --name NAME\n');
      else context.stdout.write(listing(tokens));
    }),
  );
}

function addRevoke(token: Command, context: CliContext): void {
  const revoke = token
    .command('revoke')
    .description('refuse a token from now on, and end its open streams')
    .argument('<id-or-name>', 'an id, or a name: every token of that name')
    .option('--json', 'write JSON');
  addTargetOptions(revoke).action((reference: string, options: { json?: boolean }, command: Command) =>
    attempt(context, async () => {
      const stateDir = context.stateDir(command.optsWithGlobals());
      const { result, live } = await apply(stateDir, 'token.revoke', { token: reference });
      for (const warning of result.warnings) context.stderr.write(`note: ${warning}\n`);
      if (options.json) {
        context.stdout.write(json({ state_dir: stateDir, ...result }));
        return;
      }
      for (const { name, id } of result.revoked) context.stdout.write(`revoked ${name} ${id}\n`);
      const reach = live ? 'The running gateway refuses it already.' : 'No gateway is running on it.';
      context.stderr.write(`State folder: ${stateDir}. ${reach}\n`);
    }),
  );
}

function addRotate(token: Command, context: CliContext): void {
  const rotate = token
    .command('rotate')
    .description('give a token a new secret; who it stands for, its roles and its servers stay')
    .argument('<id-or-name>', 'the token')
    .option('--grace <time>', 'how long the old secret is still accepted (24h, 30m)', '0')
    .option('--expires <when>', 'when the new secret expires (default: when the old one would have)')
    .option('--json', 'write the secret and all about it as JSON');
  addTargetOptions(rotate).action(
    (reference: string, options: { grace: string; expires?: string; json?: boolean }, command: Command) =>
      attempt(context, async () => {
        const stateDir = context.stateDir(command.optsWithGlobals());
        const { grace, expires } = options;
        const input = { token: reference, grace, ...(expires === undefined ? {} : { expires }) };
        const { result, live } = await apply(stateDir, 'token.rotate', input);
        const until = result.replaced.grace_until;
        const old =
          until === null ? 'The old secret is refused.' : `The old secret is accepted until ${minute(until)}.`;
        const made = `Token "${result.token.name}" has a new secret: ${describe(result.token)}.`;
        handOver(context, options, stateDir, result, [made, old, whenItCounts(live)]);
      }),
  );
}

/** The secret alone goes to standard output, so that it can be piped; what a person needs to know goes beside it. */
function handOver(
  context: CliContext,
  options: { json?: boolean },
  stateDir: string,
  result: CreatedToken,
  notes: readonly string[],
): void {
  for (const warning of result.warnings) context.stderr.write(`note: ${warning}\n`);
  if (options.json) {
    context.stdout.write(json({ state_dir: stateDir, ...result }));
    return;
  }
  context.stderr.write(
    `${notes.join('\n')}\nState folder: ${stateDir}\nThe secret is shown this once; only its hash is kept:\n`,
  );
  context.stdout.write(`${result.secret}\n`);
}

function whenItCounts(live: boolean): string {
  return live
    ? 'The running gateway accepts it already.'
    : 'No gateway is running; it counts once one starts on this state folder.';
}

function describe(token: TokenSummary): string {
  const servers = token.servers === null ? 'every server' : `servers ${token.servers.join(', ')}`;
  const expires = token.expires_at === null ? 'does not expire' : `expires ${minute(token.expires_at)}`;
  return `id ${token.id}, role ${token.roles.join(' and ')}, ${servers}, ${expires}`;
}

function listing(tokens: readonly TokenSummary[]): string {
  const rows = tokens.map((token) => [
    token.name,
    token.state,
    token.roles.join(','),
    token.servers === null ? 'all' : token.servers.join(','),
    `${token.prefix}…`,
    minute(token.grace_until ?? token.expires_at) ?? 'never',
    minute(token.last_used_at) ?? 'never',
    token.id,
  ]);
  return table(['NAME', 'STATE', 'ROLES', 'SERVERS', 'SECRET', 'ENDS', 'LAST USED', 'ID'], rows);
}

function minute(time: string | null): string | undefined {
  return time === null ? undefined : `${time.slice(0, 16).replace('T', ' ')}Z`;
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
