import type { Command } from 'commander';
import type { ConfiguredContext } from './context.ts';
import { ipEntryCommands } from './ip-entries.ts';
import { ipExplainCommand } from './ip-explain.ts';
import { ipExportCommand } from './ip-export.ts';
import { ipImportCommand } from './ip-import.ts';
import { ipReportCommand } from './ip-report.ts';

/** Adds `sallyport ip …`: from where callers may come. */
export function ipCommands(program: Command, context: ConfiguredContext): void {
  const ip = program.command('ip').description('from where callers may come: entries made while the gateway runs');
  ipEntryCommands(ip, context);
  ipExplainCommand(ip, context);
  ipReportCommand(ip, context);
  ipImportCommand(ip, context);
  ipExportCommand(ip, context);
}
