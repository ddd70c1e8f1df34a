import type { Message } from '../jsonrpc/message.ts';
import type { Problem } from '../problem/problem.ts';
import type { Log } from '../telemetry/log.ts';
import type { ChildExit, ChildTiming } from './child-process.ts';
import type { StdioConnection } from './stdio-connection.ts';

/** A request that any server of an era answers at once, without harm: it tells one that is slow from one that hangs. */
export interface Question {
  readonly method: string;
  /** JSON text of an object. */
  readonly rawParams?: string;
}

/** Present in 2024-11-05 and every legacy revision since; 2026-07-28 has none. */
export const PING: Question = { method: 'ping' };

/** What callers are told from the end of a connection on. */
export interface Ending {
  readonly problem: Problem;
  readonly detail: string;
}

/** What becomes of messages that no id, progress token or subscription id assigns to a call. */
export interface Unassigned {
  /** Whether the server may write several messages as one array: part of 2025-03-26 alone. */
  readonly takesBatches: boolean;
  readonly signOfLife: Question;
  notification(message: Message): void;
  /** A request of the server. It must be answered, or the server waits. */
  request(message: Message): void;
  /** The connection is over and no call is pending. Called once. */
  closed(problem: Problem, detail: string): void;
}

/** Who started the connection and keeps the books. */
export interface ConnectionOwner {
  /** The child gave its first valid answer. */
  answered(connection: StdioConnection): void;
  /** The process is gone. Called before any call is failed, so that a new lease already finds a clean house. */
  exited(connection: StdioConnection, exit: ChildExit): void;
}

export interface ConnectionServices {
  readonly log: Log;
  readonly now: () => number;
  readonly timing: ChildTiming;
  readonly pendingCalls: number;
}
