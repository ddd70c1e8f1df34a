import { Edits } from '../jsonrpc/edits.ts';
import type { Message } from '../jsonrpc/message.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import { particular } from '../problem/problem.ts';
import { removeUnlistedExtensions } from '../protocol/extensions.ts';
import { MODERN_REVISIONS } from '../protocol/revisions.ts';
import { type AnsweredCall, invalid, type Objection } from './answered-call.ts';
import { objectionToInput } from './input-answer.ts';
import { mayBecomeTask } from './task-answer.ts';

/** HeaderMismatch and UnsupportedProtocolVersion speak of the request the gateway made, not of the client's. */
const ABOUT_OUR_HOP: ReadonlySet<unknown> = new Set([-32020, -32022]);
const SERVED: ReadonlySet<string> = new Set(MODERN_REVISIONS);

/** What of a modern server's answer must never reach a client (MCP 2026-07-28, basic/index "ResultType", patterns/mrtr). */
export function objectionTo(call: AnsweredCall, response: Message): Objection | undefined {
  const { result } = response;
  if (result === undefined) {
    const code = response.error?.id('code');
    if (code === PROBLEMS.MISSING_CLIENT_CAPABILITY.rpcCode) return objectionToDemand(call, response);
    if (!ABOUT_OUR_HOP.has(code)) return undefined;
    return invalid(`JSON-RPC ${code}: the server objects to the request as this gateway wrote it`);
  }
  const type = result.has('resultType') ? result.string('resultType') : 'complete';
  if (type === 'complete') return undefined;
  if (type === 'input_required') return objectionToInput(call.received, result);
  if (type === 'task' && mayBecomeTask(call)) return undefined;
  return invalid(
    'a resultType that may not answer this call: of no revision served here, and not a task it may become',
  );
}

/**
 * A server that demands an extension the operator did not allow: the client may have declared it, and the gateway took it out.
 * Told to declare it, the client would try in vain.
 */
function objectionToDemand({ plan }: AnsweredCall, response: Message): Objection | undefined {
  const demanded = response.error?.object('data')?.object('requiredCapabilities')?.object('extensions');
  for (const extension of demanded?.keys() ?? []) {
    if (plan.extensions.has(extension)) continue;
    const name = extension.slice(0, 128);
    const text = `The server requires the extension ${name}, which this gateway does not carry for it`;
    const problem = particular(PROBLEMS.EXTENSION_NOT_CARRIED, text, { extension: name });
    return { problem, detail: `the server requires ${name}, which mcps[].extensions does not name` };
  }
  return undefined;
}

/**
 * The edits of a `server/discover` answer: extensions that are not allowed are taken out, and so is every version that cannot
 * be spoken through this gateway to this server.
 */
export function editsOfDiscovery(call: AnsweredCall, response: Message): Edits | Objection {
  const edits = new Edits(response.bytes);
  const { result } = response;
  removeUnlistedExtensions(edits, result?.object('capabilities'), call.plan.extensions);
  const span = result?.spanOf('supportedVersions');
  const versions = result?.json('supportedVersions');
  if (span === undefined || !Array.isArray(versions)) return invalid('server/discover without supportedVersions');
  const both = versions.filter((version) => SERVED.has(version));
  if (both.length === 0) return invalid('server/discover names no version that is served here');
  if (both.length < versions.length) edits.replace(span, JSON.stringify(both));
  return edits;
}
