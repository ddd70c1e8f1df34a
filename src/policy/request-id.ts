import type { Admission } from './engine.ts';
import type { Exchange } from './exchange.ts';
import { pass } from './verdict.ts';

/** Anything else could break a log line or pose as another system's id. */
const WELL_FORMED = /^[A-Za-z0-9._-]{1,128}$/;
/** What is kept of a client's own id that is not well formed. */
const KEPT = 128;

/** Keeps a well-formed X-Request-ID, else takes our own; what the client sent is recorded apart either way. */
export function requestId(): Admission {
  const own = pass('request-id.own');
  const kept = pass('request-id.kept');
  return {
    name: 'request-id',
    needs: ['responseHeaders'],
    provides: ['requestId'],
    evaluate(x) {
      const sent = x.headers.requestId;
      const keep = sent !== undefined && WELL_FORMED.test(sent);
      x.requestId = keep ? sent : x.id;
      x.clientRequestId = sent?.slice(0, KEPT);
      x.responseHeaders = withRequestId(x);
      return keep ? kept : own;
    },
  };
}

function withRequestId(x: Exchange): readonly string[] {
  return [...x.responseHeaders, 'X-Request-Id', x.requestId];
}
