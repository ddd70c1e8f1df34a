import type { IncomingHttpHeaders } from 'node:http';
import type { Message } from '../jsonrpc/message.ts';
import type { HttpCall } from './http-call.ts';
import type { Failure } from './http-failure.ts';
import type { HttpTarget } from './http-target.ts';
import type { Resumption } from './resumption.ts';

/** What a lane decides about its calls: all that differs between the eras. */
export interface CallOwner {
  readonly target: HttpTarget;
  /** Requests of the server on a call's stream: part of the legacy era, a violation on the modern one. */
  readonly takesServerRequests: boolean;
  /** Several messages of the server as one array: part of 2025-03-26 alone. */
  readonly takesBatches: boolean;
  /** The status and headers of an answer, before anything else is made of them. A failure ends the call. */
  onHead(call: HttpCall, status: number, headers: IncomingHttpHeaders): Failure | undefined;
  /** The body of an HTTP error, undefined when it is no message. A failure ends the call in place of what was said. */
  onError(call: HttpCall, said: Message | undefined): Failure | undefined;
  /** A well-formed answer with the right id. A failure is reported in its place. */
  judge(call: HttpCall, answer: Message): Failure | undefined;
  /** The call failed by itself, with this. */
  onFailure(call: HttpCall, failure: Failure): void;
  /** Nobody waits for this call any more: tells the server in its era's way, then `call.drop()`. */
  withdraw(call: HttpCall, reason: string): void;
  /** The stream broke. True when the lane will ask for the rest with this call as handler. */
  resumes(call: HttpCall, resumption: Resumption): boolean;
}
