import type { Command } from 'commander';
import type { CliContext } from './context.ts';
import { addTargetOptions, apply, attempt } from './gateway-or-store.ts';
import { table } from './table.ts';

const HELP = `
While security.mode is report, addresses, origins and hosts that the rules would refuse pass, and are counted here. When nobody
you want is in the list any more, set security.mode: enforce.

Example:
    sallyport ip report`;

/** Adds `sallyport ip report`. */
export function ipReportCommand(ip: Command, context: CliContext): void {
  const report = ip
    .command('report')
    .description('what enforcement would have refused since the gateway started')
    .option('--json', 'write JSON')
    .addHelpText('after', HELP);
  addTargetOptions(report).action((options: { json?: boolean }, command: Command) =>
    attempt(context, async () => {
      const stateDir = context.stateDir(command.optsWithGlobals());
      const { result } = await apply(stateDir, 'ip.report', {});
      if (options.json) return void context.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
      if (result.reported.length === 0)
        return void context.stdout.write('Nothing that is only reported would have been refused.\n');
      const rows = result.reported.map(({ count, policy, reason, place, rule, subject, first, last }) => [
        String(count),
        policy,
        reason,
        printable(subject),
        place,
        first,
        last,
        oneLine(rule),
      ]);
      context.stdout.write(table(['COUNT', 'POLICY', 'REASON', 'WHO', 'PLACE', 'FIRST', 'LAST', 'RULE'], rows));
    }),
  );
}

/** Notes of the operator are in any language. */
function oneLine(text: string): string {
  return text.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, '?');
}

/** Callers write origins and hosts: nothing in them may steer the terminal. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?');
}
