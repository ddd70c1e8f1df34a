import type { Message } from '../jsonrpc/message.ts';
import { errorCode } from './era.ts';
import type { HttpCall } from './http-call.ts';

/** What servers say when they do not know a session; the specification names the status alone. */
const SESSION_NOT_FOUND = -32001;
const SERVER_ERROR = -32000;
const ABOUT_SESSION = /\bsession\b|not initialized/i;

/** Whether an error says that there is no such session. */
export function speaksOfSession(error: Message): boolean {
  return ABOUT_SESSION.test(error.error?.string('message') ?? '');
}

/** Whether what was said under HTTP 404 is what became of this call, such as an unknown method. */
export function isAnswerTo(call: HttpCall, said: Message | undefined): boolean {
  if (said?.kind !== 'error' || said.id !== call.upstreamId) return false;
  const code = errorCode(said);
  return code !== SESSION_NOT_FOUND && !(code === SERVER_ERROR && speaksOfSession(said));
}
