import type { Message } from '../jsonrpc/message.ts';
import { META_LOG_LEVEL } from '../protocol/classify.ts';

/** Whether a report of progress is of this request, which asked for it. */
export function isProgressOf(progress: Message, request: Message, upstreamId: number | undefined): boolean {
  return request.meta?.has('progressToken') === true && progress.params?.id('progressToken') === (upstreamId ?? null);
}

/**
 * What a modern server may say to a call before its answer, whatever the transport (MCP 2026-07-28, streamable-http "Receiving
 * Messages"; server/utilities/logging): progress of that very call, and log lines where the call asked for them. Everything
 * else belongs to a subscription or to nobody.
 * @param upstreamId what the server knows the call, and its progress, by
 */
export function belongsToCall(message: Message, request: Message, upstreamId: number | undefined): boolean {
  switch (message.method) {
    case 'notifications/progress':
      return isProgressOf(message, request, upstreamId);
    case 'notifications/message':
      return request.meta?.has(META_LOG_LEVEL) === true;
    default:
      return false;
  }
}
