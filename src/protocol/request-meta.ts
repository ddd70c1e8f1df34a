import type { ObjectView } from '../jsonrpc/view.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import { type Problem, particular } from '../problem/problem.ts';

const LOG_LEVEL = 'io.modelcontextprotocol/logLevel';
const CLIENT_INFO = 'io.modelcontextprotocol/clientInfo';
const TRACE = ['traceparent', 'tracestate', 'baggage'];
const LEVELS: ReadonlySet<string> = new Set([
  'debug',
  'info',
  'notice',
  'warning',
  'error',
  'critical',
  'alert',
  'emergency',
]);

/**
 * The optional reserved keys of a request's `_meta` must be what the revision says they are (MCP 2026-07-28, basic/index
 * "_meta"). Every other key is the sender's own, or of a version to come, and passes.
 */
export function wrongMeta(meta: ObjectView): Problem | undefined {
  // The two required keys alone: the usual case.
  if (meta.size <= 2) return undefined;
  if (meta.has('progressToken') && meta.id('progressToken') === undefined) return wrong('progressToken');
  if (meta.has(LOG_LEVEL) && !LEVELS.has(meta.string(LOG_LEVEL) ?? '')) return wrong(LOG_LEVEL);
  if (meta.has(CLIENT_INFO) && meta.object(CLIENT_INFO) === undefined) return wrong(CLIENT_INFO);
  const trace = TRACE.find((key) => meta.has(key) && meta.string(key) === undefined);
  return trace === undefined ? undefined : wrong(trace);
}

function wrong(key: string): Problem {
  return particular(PROBLEMS.INVALID_PARAMS, `Wrong value of _meta key: ${key}`);
}
