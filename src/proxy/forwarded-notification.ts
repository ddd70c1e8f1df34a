import type { Principal } from '../identity/principal.ts';
import type { Message } from '../jsonrpc/message.ts';
import type { Call, CallOrigin } from '../policy/call.ts';
import { isStopped } from '../policy/engine.ts';
import type { Exchange } from '../policy/exchange.ts';
import { isDenial } from '../policy/verdict.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import { type Problem, ProblemError } from '../problem/problem.ts';
import { eraOf, type Revision } from '../protocol/revisions.ts';
import type { Lane } from '../upstream/lane.ts';
import { nameOf, recordDenial, recordOutcome } from './call-record.ts';
import type { LaneSource } from './forwarded-call.ts';
import { LegacySession } from './legacy-session.ts';
import type { Estate, Generation, ServerPlan } from './services.ts';

interface NotificationParts {
  readonly message: Message;
  readonly revision: Revision;
  readonly origin: CallOrigin;
  readonly x: Exchange;
}

/**
 * One client notification: judged and recorded like a call, then handed to the server.
 * @returns why it was refused or not delivered; undefined when it was taken
 */
export async function forwardNotification(
  estate: Estate,
  rules: Generation,
  plan: ServerPlan,
  source: LaneSource,
  parts: NotificationParts,
): Promise<Problem | undefined> {
  const call = callOf(plan, source, parts);
  const startedAt = performance.now();
  const judged = await rules.decide.run(call);
  if (isStopped(judged)) {
    if (!isDenial(judged.verdict)) throw new Error(`step ${judged.step} answered a notification`);
    recordDenial(estate, rules, call, judged.step, judged.verdict);
    const { deny } = judged.verdict;
    // A refused notification is a 4xx; only requests are answered in band.
    return deny.status === 200 ? { ...deny, status: PROBLEMS.INVALID_REQUEST.status } : deny;
  }
  const failure = await deliver(source, parts);
  recordOutcome(
    estate,
    rules,
    { ...call, startedAt, bytesOut: 0 },
    {
      outcome: { ending: failure === undefined ? 'ok' : 'failed', rpcCode: failure?.problem.rpcCode },
      status: failure?.problem.status ?? 202,
      detail: failure?.detail,
      reason: undefined,
    },
  );
  return failure?.problem;
}

async function deliver(source: LaneSource, parts: NotificationParts): Promise<ProblemError | undefined> {
  const { message, revision } = parts;
  if (message.method === 'notifications/cancelled') {
    cancel(source, message);
    return undefined;
  }
  let lane: Lane | undefined;
  try {
    lane = await source.lane();
    await lane.send(message, revision);
    return undefined;
  } catch (error) {
    return error instanceof ProblemError ? error : new ProblemError(PROBLEMS.INTERNAL, String(error));
  } finally {
    // A modern lane was leased for this message alone.
    if (eraOf(revision) === 'modern') lane?.release();
  }
}

/**
 * The client names its own id, which the server has never seen: the call under way knows how to tell the server.
 * On the modern era closing the stream is what cancels, so over HTTP there is nothing to do.
 */
function cancel(source: LaneSource, message: Message): void {
  const id = message.params?.id('requestId');
  if (id === undefined || !(source instanceof LegacySession)) return;
  source.callOf(id)?.cancelledByClient(message.params?.string('reason') ?? 'cancelled by the client');
}

function callOf(plan: ServerPlan, source: LaneSource, parts: NotificationParts): Call {
  return {
    received: parts.message,
    method: parts.message.method as string,
    name: nameOf(parts.message),
    principal: parts.x.principal as Principal,
    server: plan.id,
    revision: parts.revision,
    direction: 'client-to-server',
    origin: parts.origin,
    capabilities: undefined,
    tools: source.tools,
    rule: undefined,
  };
}
