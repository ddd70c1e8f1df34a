import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { type FolderLock, lockStateFolder } from '../storage/folder-lock.ts';
import { callGateway } from './client.ts';
import { CommandError, type ControlServices } from './command.ts';
import { type CommandInput, type CommandName, isCommandName, runCommand } from './commands.ts';
import { type Answer, LineReader, MAX_REQUEST_BYTES, socketPath } from './wire.ts';

const MAX_CONNECTIONS = 16;
const IDLE_MS = 30_000;

export interface ControlSettings {
  readonly stateDir: string;
  /** Told about a command that failed for reasons of ours, and about a socket that broke. The peer learns only that it failed. */
  readonly onError: (error: unknown) => void;
}

/**
 * The running gateway's end of the control socket. Holding it means being the only gateway on the state folder.
 * The socket is 0600 from the moment it exists, so the peer is this user or root; there is no other check.
 */
export class ControlServer {
  readonly path: string;
  readonly #server: Server;
  readonly #lock: FolderLock;
  readonly #connections = new Set<Connection>();

  private constructor(path: string, lock: FolderLock, services: ControlServices, onError: (error: unknown) => void) {
    this.path = path;
    this.#lock = lock;
    this.#server = createServer((socket) => {
      const connection = new Connection(socket, services, onError);
      this.#connections.add(connection);
      socket.once('close', () => this.#connections.delete(connection));
    });
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  /**
   * @throws CommandError `conflict` when another gateway runs on the folder, `failed` when the path is too long;
   * StorageError when the folder is not fit; Error when the socket cannot be made
   */
  static async open(settings: ControlSettings, services: ControlServices): Promise<ControlServer> {
    const path = socketPath(settings.stateDir);
    const lock = lockStateFolder(settings.stateDir);
    if (lock === undefined) throw await anotherGateway(settings.stateDir);
    try {
      rmSync(path, { force: true }); // left by a gateway that was killed: a live one would hold the lock
      const server = new ControlServer(path, lock, services, settings.onError);
      await server.#listen();
      server.#server.on('error', settings.onError);
      return server;
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /** Stops accepting, lets commands under way be answered, and gives the state folder free. Idempotent. */
  async close(): Promise<void> {
    const closed = new Promise<void>((done) => this.#server.close(() => done()));
    for (const connection of this.#connections) connection.finish();
    await closed; // Node removes the socket file
    this.#lock.release();
  }

  #listen(): Promise<void> {
    return new Promise<void>((done, failed) => {
      this.#server.once('error', failed);
      const umask = process.umask(0o177);
      try {
        this.#server.listen(this.path, () => {
          this.#server.off('error', failed);
          done();
        });
      } finally {
        process.umask(umask); // a Unix socket is bound within `listen`
      }
    }).then(() => chmodSync(this.path, 0o600));
  }
}

/** One peer. Its commands are carried out one after the other. */
class Connection {
  readonly #socket: Socket;
  readonly #services: ControlServices;
  readonly #onError: (error: unknown) => void;
  readonly #reader = new LineReader(MAX_REQUEST_BYTES);
  #busy = false;
  #finishing = false;

  constructor(socket: Socket, services: ControlServices, onError: (error: unknown) => void) {
    this.#socket = socket;
    this.#services = services;
    this.#onError = onError;
    socket.setTimeout(IDLE_MS, () => {
      if (!this.#busy) socket.destroy();
    });
    socket.on('error', () => socket.destroy()); // the peer went away: nobody is left to tell
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
  }

  /** Ends the connection, after the command under way has been answered. */
  finish(): void {
    this.#finishing = true;
    if (!this.#busy) this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    const read = this.#reader.push(chunk);
    if (read === undefined) return;
    if (read === 'overlong') {
      this.#socket.pause();
      this.#socket.end(render(refusal('invalid', `A command may have ${MAX_REQUEST_BYTES} bytes.`)), () =>
        this.#socket.destroy(),
      );
      return;
    }
    this.#busy = true;
    this.#socket.pause();
    if (read.rest.length > 0) this.#socket.unshift(read.rest);
    void this.#answer(read.line);
  }

  async #answer(line: string): Promise<void> {
    const answer = render(await carryOut(line, this.#services, this.#onError));
    this.#busy = false;
    if (this.#finishing) this.#socket.end(answer, () => this.#socket.destroy());
    else if (this.#socket.write(answer)) this.#socket.resume();
    else this.#socket.once('drain', () => this.#socket.resume());
  }
}

async function carryOut(line: string, services: ControlServices, onError: (error: unknown) => void): Promise<Answer> {
  const request = parse(line);
  if (request === undefined)
    return refusal('invalid', 'Not a command: one line of JSON, {"command": "…", "input": {…}}.');
  const { command, input } = request;
  if (!isCommandName(command)) return refusal('invalid', `There is no command ${JSON.stringify(command ?? null)}.`);
  try {
    // Whatever the peer sent: runCommand checks it.
    return { ok: true, result: await runCommand(command, (input ?? {}) as CommandInput<CommandName>, services) };
  } catch (error) {
    if (error instanceof CommandError) return refusal(error.code, error.message);
    onError(error);
    return refusal('failed', `The gateway could not carry out ${command}; its log says why.`);
  }
}

function parse(line: string): { command?: unknown; input?: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function refusal(code: CommandError['code'], message: string): Answer {
  return { ok: false, error: { code, message } };
}

function render(answer: Answer): string {
  return `${JSON.stringify(answer)}\n`;
}

async function anotherGateway(stateDir: string): Promise<CommandError> {
  const answer = await callGateway(stateDir, 'ping', {}).catch(() => 'not-running' as const);
  const who = answer === 'not-running' ? '' : `, pid ${answer.pid}`;
  return new CommandError(
    'conflict',
    `Another gateway is running on the state folder ${stateDir}${who}. Stop it, or give this one a folder of its own with --state-dir.`,
  );
}
