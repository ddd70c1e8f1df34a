import type { Command } from 'commander';
import type { CliContext } from './context.ts';
import { ipEntryCommands } from './ip-entries.ts';
import { ipReportCommand } from './ip-report.ts';

/** Adds `sallyport ip …`: from where callers may come. */
export function ipCommands(program: Command, context: CliContext): void {
  const ip = program.command('ip').description('from where callers may come: entries made while the gateway runs');
  ipEntryCommands(ip, context);
  ipReportCommand(ip, context);
}
