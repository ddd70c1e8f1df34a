import { userInfo } from 'node:os';
import type { Command } from 'commander';
import type { EntrySummary } from '../control/address-commands.ts';
import type { CliContext } from './context.ts';
import { addTargetOptions, apply, attempt } from './gateway-or-store.ts';
import { table } from './table.ts';

const EXAMPLES = `
Examples:
  Keep an address out for two hours; its open streams end at once:
    sallyport ip deny 203.0.113.7 --for 2h --reason "asks for every tool there is"
  Keep a whole network out until somebody removes the entry:
    sallyport ip deny 2001:db8:bad::/48
  Let a contractor in for the day, beside the allow list of the configuration:
    sallyport ip allow 198.51.100.23 --for 8h --reason "audit, until tonight"
  What is in force, bans too, and how to take one back:
    sallyport ip list
    sallyport ip remove 203.0.113.7

A denial beats everything that is allowed. Entries reach a running gateway at once and survive a restart; without a gateway
they are made in its store and count when it starts. What is meant to stay belongs in the configuration:
security.ip_blacklist and security.ip_whitelist.`;

interface MakeOptions {
  readonly for?: string;
  readonly reason?: string;
  readonly yes?: boolean;
  readonly json?: boolean;
}

/** Adds `sallyport ip allow|deny|remove|list`. */
export function ipEntryCommands(ip: Command, context: CliContext): void {
  ip.addHelpText('after', EXAMPLES);
  addMake(ip, context, 'deny', 'refuse an address or network from now on, and end what it has open');
  addMake(ip, context, 'allow', 'let an address or network in, beside the configured allow list');
  addRemove(ip, context);
  addList(ip, context);
}

function addMake(ip: Command, context: CliContext, verdict: 'allow' | 'deny', description: string): void {
  const make = ip
    .command(verdict)
    .description(description)
    .argument('<cidr>', 'an address (203.0.113.7) or a network (203.0.113.0/24, 2001:db8::/32)')
    .option('--for <time>', 'how long it counts: 90s, 30m, 2h, 7d (default: until it is removed)')
    .option('--reason <text>', 'why; shown in lists and the audit record')
    .option('--yes', 'it is meant, however far it reaches')
    .option('--json', 'write JSON');
  addTargetOptions(make).action((cidr: string, options: MakeOptions, command: Command) =>
    attempt(context, async () => {
      const stateDir = context.stateDir(command.optsWithGlobals());
      const { result, live } = await apply(stateDir, `ip.${verdict}`, {
        cidr,
        by: operator(),
        confirmed: options.yes === true,
        ...(options.for === undefined ? {} : { for: options.for }),
        ...(options.reason === undefined ? {} : { reason: options.reason }),
      });
      for (const warning of result.warnings) context.stderr.write(`note: ${warning}\n`);
      if (options.json) return void context.stdout.write(json({ state_dir: stateDir, ...result }));
      const { entry, ended, replaced } = result;
      const again = replaced ? ' It takes the place of the one before.' : '';
      context.stdout.write(`${verdict} ${entry.cidr} ${lasting(entry)}, entry ${shortId(entry)}\n`);
      context.stderr.write(`State folder: ${stateDir}. ${whenItCounts(live)}${again}${endings(ended)}\n`);
    }),
  );
}

function addRemove(ip: Command, context: CliContext): void {
  const remove = ip
    .command('remove')
    .description('take back an entry or lift a ban')
    .argument('<id-or-cidr>', 'an id as lists show it, or an address or network: every entry for exactly it')
    .option('--json', 'write JSON');
  addTargetOptions(remove).action((entry: string, options: { json?: boolean }, command: Command) =>
    attempt(context, async () => {
      const stateDir = context.stateDir(command.optsWithGlobals());
      const { result, live } = await apply(stateDir, 'ip.remove', { entry, by: operator() });
      for (const warning of result.warnings) context.stderr.write(`note: ${warning}\n`);
      if (options.json) return void context.stdout.write(json({ state_dir: stateDir, ...result }));
      for (const one of result.removed) context.stdout.write(`removed ${kind(one)} ${one.cidr} ${shortId(one)}\n`);
      context.stderr.write(`State folder: ${stateDir}. ${whenItCounts(live)}${endings(result.ended)}\n`);
    }),
  );
}

function addList(ip: Command, context: CliContext): void {
  const list = ip.command('list').description('show the entries in force, bans too').option('--json', 'write JSON');
  addTargetOptions(list).action((options: { json?: boolean }, command: Command) =>
    attempt(context, async () => {
      const stateDir = context.stateDir(command.optsWithGlobals());
      const { entries } = (await apply(stateDir, 'ip.list', {})).result;
      if (options.json) return void context.stdout.write(json({ state_dir: stateDir, entries }));
      context.stderr.write(`State folder: ${stateDir}\n`);
      if (entries.length === 0) {
        context.stderr.write('No entries. The lists of the configuration are not shown here.\n');
      } else context.stdout.write(listing(entries));
    }),
  );
}

function listing(entries: readonly EntrySummary[]): string {
  const rows = entries.map((entry) => [
    kind(entry),
    entry.cidr,
    minute(entry.expires_at) ?? 'never',
    entry.by ?? 'the gateway',
    shortId(entry),
    entry.reason ?? '',
  ]);
  return table(['KIND', 'ADDRESSES', 'ENDS', 'BY', 'ID', 'REASON'], rows);
}

function kind({ origin, verdict }: EntrySummary): string {
  return origin === 'ban' ? 'ban' : verdict;
}

function lasting({ expires_at }: EntrySummary): string {
  return expires_at === null ? 'until it is removed' : `until ${expires_at.slice(0, 19).replace('T', ' ')}Z`;
}

function endings(ended: number): string {
  if (ended === 0) return '';
  return ` ${ended} open ${ended === 1 ? 'call or stream was' : 'calls and streams were'} ended.`;
}

function whenItCounts(live: boolean): string {
  return live ? 'It counts in the running gateway already.' : 'No gateway is running; it counts once one starts.';
}

/** Whoever runs the command, for the record. */
function operator(): string {
  try {
    return `cli:${userInfo().username}`.slice(0, 64);
  } catch {
    return `cli:${process.getuid?.() ?? 'unknown'}`;
  }
}

/** What `ip remove` takes. */
function shortId({ id }: EntrySummary): string {
  return id.slice(0, 8);
}

function minute(time: string | null): string | undefined {
  return time === null ? undefined : `${time.slice(0, 16).replace('T', ' ')}Z`;
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
