#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { ConfigurationError } from '../config/fault.ts';
import { FLAGS } from '../config/flags.ts';
import { VERSION } from '../version.ts';
import { auditCommands } from './audit.ts';
import { certCommands } from './cert.ts';
import { check } from './check.ts';
import { clientConfigCommand } from './client-config-command.ts';
import { ipCommands } from './ip.ts';
import { processContext } from './process-context.ts';
import { ProcessOutput } from './process-output.ts';
import { serve } from './serve.ts';
import { statusCommand } from './status.ts';
import { processTerminal, type Terminal } from './terminal.ts';
import { tokenCommands } from './token.ts';

const HELP = `
Examples:
  sallyport                                   a demo server behind the gate, to look around
  sallyport -- npx -y @modelcontextprotocol/server-everything
                                              that program behind the gate
  sallyport serve --config sallyport.yaml     the servers of a configuration
  sallyport check --config sallyport.yaml     every fault of a configuration at once
  sallyport token create --name laptop        another token, also while the gateway runs
  sallyport ip deny 203.0.113.7 --for 2h      keep an address out, at once
  sallyport ip explain 203.0.113.7            why it is let in or kept out
  sallyport client-config cursor              what to paste into a client
  sallyport cert dev --host mcp.test          a certificate to try TLS with

State (tokens, the audit record, the control socket) lives in one folder, 0700: --state-dir or SALLYPORT_STATE_DIR;
else .sallyport beside the configuration file; without one, sallyport in the user's data folder
($XDG_DATA_HOME or ~/.local/share).`;

interface Outcome {
  readonly exitCode: number;
  /** A gateway ran: whoever reads its log must not keep it from ending. */
  readonly served: boolean;
}

async function run(argv: readonly string[], terminal: Terminal): Promise<Outcome> {
  const divide = argv.indexOf('--');
  const own = divide === -1 ? argv : argv.slice(0, divide);
  const command = divide === -1 ? [] : argv.slice(divide + 1);
  let [exitCode, served] = [0, false];
  const program = new Command('sallyport')
    .description('A security gateway for Model Context Protocol servers.')
    .version(VERSION)
    .addHelpText('after', HELP)
    .showHelpAfterError('(sallyport --help shows what there is)')
    .exitOverride();
  const serving = program
    .command('serve', { isDefault: true })
    .description('run the gateway; without a configuration, with a demo server')
    .usage('[options] [-- COMMAND [ARGS...]]')
    .option('--config <file>', 'the configuration file (default: sallyport.yaml, .yml or .json here, if it is yours)');
  const checking = program
    .command('check')
    .description('judge a configuration: every fault at once, no side effects')
    .option('--config <file>', 'the configuration file');
  for (const flag of FLAGS) {
    serving.option(flag.notation, flag.description);
    checking.option(flag.notation, flag.description);
  }
  serving.action(async (options: Record<string, unknown>) => {
    if (divide !== -1 && command.length === 0)
      throw new Error('nothing follows --: give the command that starts the server');
    exitCode = await serve({ file: options.config as string | undefined, flags: options, command }, terminal);
    served = true;
  });
  checking.action(async (options: Record<string, unknown>) => {
    exitCode = await check(options.config as string | undefined, options, terminal);
  });
  const context = processContext(terminal, (exit) => {
    exitCode = exit;
  });
  tokenCommands(program, context);
  ipCommands(program, context);
  statusCommand(program, context);
  clientConfigCommand(program, context);
  auditCommands(program, context);
  certCommands(program, context);
  await program.parseAsync([...own], { from: 'user' });
  return { exitCode, served };
}

/** What a listener throws when it cannot have its address. */
type BindError = NodeJS.ErrnoException & {
  readonly address?: string;
  readonly port?: number;
  readonly listener?: string;
};

/** Errors for the operator: what is wrong and what to do, without a stack. */
function explain(error: unknown): string {
  if (error instanceof ConfigurationError) return `sallyport: ${error.message}`;
  const { code, message, address, port, listener } = error as BindError;
  const [place, flag] = listener === 'admin' ? ['admin', '--admin-port'] : ['server', '--port'];
  if (code === 'EADDRINUSE') {
    return `sallyport: ${address}:${port} is in use (${place}.port); stop what uses it, or choose another with ${flag}`;
  }
  if (code === 'EACCES' && port !== undefined) {
    return `sallyport: not allowed to bind ${address}:${port} (${place}.port); choose a port above 1023 with ${flag}`;
  }
  if (code === 'EADDRNOTAVAIL') return `sallyport: ${address} is not an address of this machine (${place}.host)`;
  return `sallyport: ${message ?? String(error)}`;
}

/** How long the last lines of a gateway's log may wait for their reader, in milliseconds. */
const LOG_GRACE = 2000;

const output = new ProcessOutput();
const terminal = processTerminal();
let served = false;
try {
  const outcome = await run(process.argv.slice(2), terminal);
  served = outcome.served;
  process.exitCode = outcome.exitCode;
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode;
  } else {
    terminal.complain(explain(error));
    process.exitCode = 1;
  }
}
const lost = await output.written(served ? LOG_GRACE : undefined);
if (lost !== undefined && !served) process.exitCode = lost;
// What is still open after an orderly stop (a client that holds its connection) must not keep the process.
process.exit();
