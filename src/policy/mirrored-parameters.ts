import { PROBLEMS } from '../problem/catalogue.ts';
import { ProblemError, particular } from '../problem/problem.ts';
import type { ToolFacts } from '../protocol/mirrored-parameters.ts';
import { parameterDisagreement } from '../protocol/parameter-headers.ts';
import type { Call, ModernFacts } from './call.ts';
import type { Decision } from './engine.ts';
import { pass, refuse, type Verdict } from './verdict.ts';

const NONE = pass('mirrored-parameters.none');
const AGREE = pass('mirrored-parameters.agree');
const UNKNOWN = pass('mirrored-parameters.unknown-tool');

/**
 * The arguments a tool wants repeated in `Mcp-Param-*` headers must be there and say the same (MCP 2026-07-28, streamable-http
 * "Server Behavior for Custom Headers"). Something on the way may have judged by the headers; the server acts on the body.
 *
 * A tool whose annotations are unfit was never offered, so it is answered as if it did not exist.
 */
export function mirroredParameters(): Decision {
  return {
    name: 'mirrored-parameters',
    evaluate(call) {
      const { modern, name } = call;
      if (modern === undefined || name === undefined || call.method !== 'tools/call') return NONE;
      const facts = call.tools.facts(name, call);
      return facts instanceof Promise
        ? facts.then((known) => judge(call, modern, known), unlisted)
        : judge(call, modern, facts);
    },
  };
}

function judge(call: Call, modern: ModernFacts, facts: ToolFacts | undefined): Verdict {
  if (facts === undefined) return UNKNOWN;
  if (facts.fault !== undefined) {
    const unknown = particular(PROBLEMS.UNKNOWN_TOOL, `Unknown tool: ${call.name}`);
    return refuse(unknown, 'tool.unfit', { detail: facts.fault });
  }
  if (facts.mirrored.length === 0) return NONE;
  modern.parameters = facts.mirrored;
  const problem = parameterDisagreement(facts.mirrored, call.received, modern.headers.params);
  return problem === undefined ? AGREE : refuse(problem, 'protocol.header-mismatch');
}

/** Such a server has no list: it answers the call in its own way. */
const WITHOUT_LIST: ReadonlySet<string> = new Set(['UPSTREAM_INVALID', 'ERA_MISMATCH']);

/** A server that has no list has no annotations either; one that cannot be asked now cannot be called now. */
function unlisted(error: unknown): Verdict {
  if (!(error instanceof ProblemError)) throw error;
  if (WITHOUT_LIST.has(error.problem.code)) return UNKNOWN;
  return refuse(error.problem, 'tool.list-unavailable', { detail: error.detail });
}
