import { z } from 'zod';
import { allowAddress, denyAddress, listAddresses, removeAddress } from './address-commands.ts';
import { explainAddress } from './address-explain.ts';
import { addressReport } from './address-report.ts';
import { CommandError, type ControlServices, command, type GatewayStatus, readInput } from './command.ts';
import { createToken, listTokens, revokeToken, rotateToken } from './token-commands.ts';

/** Every command, once. What the socket, and later the admin API, can be asked. */
export const COMMANDS = {
  ping: command(z.strictObject({}), (): { pid: number } => ({ pid: process.pid })),
  status: command(z.strictObject({}), (_input, { status }): GatewayStatus => {
    if (status === undefined) throw new CommandError('failed', 'No gateway is running.');
    return status();
  }),
  'ip.allow': allowAddress,
  'ip.deny': denyAddress,
  'ip.explain': explainAddress,
  'ip.list': listAddresses,
  'ip.remove': removeAddress,
  'ip.report': addressReport,
  'token.create': createToken,
  'token.list': listTokens,
  'token.revoke': revokeToken,
  'token.rotate': rotateToken,
};

export type CommandName = keyof typeof COMMANDS;
export type CommandInput<C extends CommandName> = z.input<(typeof COMMANDS)[C]['input']>;
export type CommandResult<C extends CommandName> = Awaited<ReturnType<(typeof COMMANDS)[C]['run']>>;

export function isCommandName(text: unknown): text is CommandName {
  return typeof text === 'string' && Object.hasOwn(COMMANDS, text);
}

/**
 * Checks the input and carries the command out.
 *
 * @throws CommandError when it is refused; whatever the services throw when they fail
 */
export async function runCommand<C extends CommandName>(
  name: C,
  input: CommandInput<C>,
  services: ControlServices,
): Promise<CommandResult<C>> {
  const { input: schema, run } = COMMANDS[name];
  // The table pairs each schema with its own function; only the compiler cannot follow the pair through a union.
  return (run as (input: unknown, services: ControlServices) => Promise<CommandResult<C>>)(
    readInput(schema, input),
    services,
  );
}
