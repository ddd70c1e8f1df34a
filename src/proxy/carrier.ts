import type { ReceivedCall } from './received-call.ts';

/** What takes a call's messages to its client: the answer to its POST, or the stream of an HTTP+SSE session. */
export interface Carrier {
  /** Nothing more reaches the client this way. */
  readonly isDone: boolean;
  /** The client is gone, and may come back for what is written now. */
  readonly isKept: boolean;
  join(call: ReceivedCall): void;
  /** Takes back a header of an answer that has not begun. */
  dropHeader(name: string): void;
  /** The server has begun a stream. */
  open(): void;
  /** A message before the final one. Returns false when the client does not keep up. */
  message(bytes: Buffer): boolean;
  /** A final message. `status` counts where the answer has one of its own; so do the seconds after which to ask again. */
  finish(bytes: Buffer, status: number, retryAfter?: number): void;
  /** The client no longer wants the final message; it still gets it where it would otherwise wait for an answer. */
  cancelled(bytes: Buffer, status: number): void;
}
