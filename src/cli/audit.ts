import { join } from 'node:path';
import type { Command } from 'commander';
import { verifyFile } from '../audit/verify.ts';
import type { CliContext } from './context.ts';
import { addTargetOptions } from './gateway-or-store.ts';

const HELP = `
Exit code 0 when every record is as it was written, 1 at the first that is not.
A gateway may be writing while this reads. To notice a file that was rewritten whole together with its anchor, keep a copy
of the .head file elsewhere.`;

/** `sallyport audit verify [FILE]`: whether the record was changed. */
export function auditCommands(program: Command, context: CliContext): void {
  const audit = program.command('audit').description('the record of every decision');
  const verify = audit
    .command('verify')
    .argument('[file]', 'the record (default: audit/audit.jsonl in the state folder)')
    .description('check the hash chain of the record and name the first line that was changed')
    .option('--continues', 'the file goes on where another one ends')
    .addHelpText('after', HELP);
  addTargetOptions(verify).action(async (file: string | undefined, options: Record<string, string | undefined>) => {
    const path = file ?? join(context.stateDir(options), 'audit', 'audit.jsonl');
    const found = await verifyFile(path);
    if (found.ok) {
      if (found.start.seq > 0 && options.continues === undefined) {
        const missing = `begins after record ${found.start.seq}: what came before is not here`;
        context.stderr.write(`${path}: ${missing}. Verify that file too, and say --continues for this one.\n`);
        return context.exitCode(1);
      }
      context.stdout.write(`${path}: ${found.lines} records, unbroken to ${found.head.hash.slice(0, 16)}\n`);
      if (!found.anchored) context.stderr.write('no anchor file beside it: a cut tail would not be seen\n');
      return;
    }
    const { line, why } = found.firstBad ?? { line: 0, why: 'not verifiable' };
    context.stderr.write(`${path}:${line}: ${why}\n`);
    context.exitCode(1);
  });
}
