import type { Command } from 'commander';
import { callGateway } from '../control/client.ts';
import { CommandError, type ControlServices } from '../control/command.ts';
import { type CommandInput, type CommandName, type CommandResult, runCommand } from '../control/commands.ts';
import { openSqlite } from '../storage/sqlite.ts';
import { inspectStateFolder } from '../storage/state-folder.ts';
import { StorageError } from '../storage/storage.ts';
import type { CliContext } from './context.ts';

export interface Applied<C extends CommandName> {
  readonly result: CommandResult<C>;
  /** A running gateway carried it out; otherwise it was done to the store. */
  readonly live: boolean;
}

/**
 * Has the running gateway carry out a command, or does the same to the store when none runs. A gateway that starts in between
 * reads the store, and goes on reading it, so a change is never missed.
 *
 * @throws CommandError, StorageError
 */
export async function apply<C extends CommandName>(
  stateDir: string,
  name: C,
  input: CommandInput<C>,
): Promise<Applied<C>> {
  // First, because whoever can write to the folder could answer in the gateway's place.
  const exists = inspectStateFolder(stateDir);
  const answer = exists ? await callGateway(stateDir, name, input) : 'not-running';
  if (answer !== 'not-running') return { result: answer, live: true };
  if (!exists && !MAKES_THE_FOLDER.has(name)) {
    throw new CommandError(
      'not-found',
      `There is no state folder ${stateDir}. Name the gateway's own with --state-dir, or its --config.`,
    );
  }
  const storage = openSqlite(stateDir);
  try {
    const alone: ControlServices = {
      storage,
      registry: undefined,
      perimeter: undefined,
      status: undefined,
      serverIds: undefined,
      record: () => undefined, // the audit record belongs to the gateway, and none runs
    };
    return { result: await runCommand(name, input, alone), live: false };
  } finally {
    await storage.close();
  }
}

/** What may be prepared before a gateway has ever run. */
const MAKES_THE_FOLDER: ReadonlySet<CommandName> = new Set<CommandName>(['token.create', 'ip.allow', 'ip.deny']);

/** Adds what says which gateway is meant. */
export function addTargetOptions(command: Command): Command {
  return command
    .option('--state-dir <folder>', "the gateway's state folder (default: found as `sallyport serve` finds it)")
    .option('--config <file>', 'the configuration file whose state folder is meant');
}

/** Runs the body of a command; a refusal is told to the person and ends the process with 1. Other errors are bugs and go on. */
export async function attempt(context: CliContext, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof CommandError || error instanceof StorageError)) throw error;
    context.stderr.write(`error: ${error.message}\n`);
    context.exitCode(1);
  }
}
