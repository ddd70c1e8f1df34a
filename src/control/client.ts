import { connect } from 'node:net';
import { CommandError } from './command.ts';
import type { CommandInput, CommandName, CommandResult } from './commands.ts';
import { type Answer, LineReader, MAX_ANSWER_BYTES, socketPath } from './wire.ts';

const TIMEOUT_MS = 10_000;

/** No socket, or one that a dead gateway left behind. */
const NOBODY_THERE: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ECONNREFUSED', 'ENOTDIR']);

/**
 * Asks the gateway that runs on a state folder to carry out a command.
 *
 * @returns what the command resolved to, or `not-running`
 * @throws CommandError when it was refused, when the socket may not be used, or when no answer came within 10 seconds
 */
export async function callGateway<C extends CommandName>(
  stateDir: string,
  command: C,
  input: CommandInput<C>,
): Promise<CommandResult<C> | 'not-running'> {
  const path = socketPath(stateDir);
  const line = await exchange(path, `${JSON.stringify({ command, input })}\n`);
  if (line === 'not-running') return line;
  const answer = JSON.parse(line) as Answer;
  if (!answer.ok) throw new CommandError(answer.error.code, answer.error.message);
  return answer.result as CommandResult<C>;
}

function exchange(path: string, request: string): Promise<string | 'not-running'> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const reader = new LineReader(MAX_ANSWER_BYTES);
    const fail = (message: string) => {
      socket.destroy();
      reject(new CommandError('failed', message));
    };
    socket.setTimeout(TIMEOUT_MS, () =>
      fail(`The gateway behind ${path} did not answer within ${TIMEOUT_MS / 1000} seconds.`),
    );
    socket.once('connect', () => socket.write(request));
    socket.on('data', (chunk) => {
      const read = reader.push(chunk);
      if (read === undefined) return;
      if (read === 'overlong') return fail(`The answer of the gateway behind ${path} is too long.`);
      socket.destroy();
      resolve(read.line);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (NOBODY_THERE.has(error.code)) resolve('not-running');
      else if (error.code === 'EACCES')
        fail(`The control socket ${path} may only be used by the user the gateway runs as.`);
      else fail(`The control socket ${path} cannot be used (${error.code}).`);
    });
    socket.once('close', () => fail(`The gateway behind ${path} ended the connection before it answered.`));
  });
}
