import type { AccessDecision, Authorizer } from '../access/authorizer.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import type { Problem } from '../problem/problem.ts';
import { ProblemError, particular } from '../problem/problem.ts';
import { CAPABILITY_OF_SERVER_REQUEST, METHODS } from '../protocol/methods.ts';
import { eraOf } from '../protocol/revisions.ts';
import type { Call } from './call.ts';
import type { Decision } from './engine.ts';
import { type Denial, type Pass, pass, refuse, type Verdict } from './verdict.ts';

/** Requests beside those of the revision, by server: of extensions that are allowed there. */
export type ExtendedMethods = ReadonlyMap<string, ReadonlySet<string>>;

const NOTHING: ExtendedMethods = new Map();

/**
 * May this principal make this call? Denied unless a rule allows it: the method must be one this revision knows, the
 * caller must have a role for it, and the tool must be one the caller is shown.
 *
 * To a restricted caller a hidden tool and one that does not exist are the same: the gateway answers both itself, so
 * neither the answer nor its timing tells which names are real.
 */
export function authorize(authorizer: Authorizer, extended: ExtendedMethods = NOTHING): Decision {
  // One pass for each rule: a finite set, made as it is met and then shared.
  const passes = new Map<string, Pass>();
  const passOf = (rule: string): Pass => {
    let known = passes.get(rule);
    if (known === undefined) {
      known = pass(rule);
      passes.set(rule, known);
    }
    return known;
  };
  return {
    name: 'authorize',
    evaluate(call) {
      const unknown = refuseMethod(call, extended);
      if (unknown !== undefined) return unknown;
      if (call.direction === 'server-to-client') {
        call.rule = SERVER_ASKS.pass;
        return SERVER_ASKS;
      }
      const decision = authorizer.decide({
        principal: call.principal,
        server: call.server,
        method: call.method,
        name: call.name,
      });
      if (!decision.allow) return denial(decision, call);
      call.rule = decision.rule;
      const allowed = passOf(decision.rule);
      if (call.method !== 'tools/call' || call.name === undefined) return allowed;
      return authorizer.restricts(call.principal, call.server) ? listed(call, allowed) : allowed;
    },
  };
}

function listed(call: Call, allowed: Pass): Verdict | Promise<Verdict> {
  const name = call.name as string;
  const answer = call.tools.lists(name, call);
  if (answer instanceof Promise) {
    return answer.then((known) => (known ? allowed : unknownTool(name, 'tool.unknown')), unlisted);
  }
  return answer ? allowed : unknownTool(name, 'tool.unknown');
}

/** The list cannot be had, so nothing can be said of the name: the caller is told what is wrong with the server. */
function unlisted(error: unknown): Verdict {
  if (error instanceof ProblemError) return refuse(error.problem, 'tool.list-unavailable', { detail: error.detail });
  throw error;
}

/** The method allow-list of the revision, in the direction the message travels. */
function refuseMethod(call: Call, extended: ExtendedMethods): Denial | undefined {
  const table = METHODS[call.revision];
  const notification = call.received.kind === 'notification';
  if (call.direction === 'server-to-client') return refuseServerMethod(call, notification);
  const known = notification ? table.clientNotifications : table.clientRequests;
  if (known.has(call.method)) return undefined;
  if (!notification && call.modern !== undefined && extended.get(call.server)?.has(call.method)) return undefined;
  return refuse(methodNotFound(call), 'method.unknown');
}

function refuseServerMethod(call: Call, notification: boolean): Denial | undefined {
  const table = METHODS[call.revision];
  if (!(notification ? table.serverNotifications : table.serverRequests).has(call.method)) {
    return refuse(methodNotFound(call), 'method.unknown');
  }
  const capability = CAPABILITY_OF_SERVER_REQUEST.get(call.method);
  if (capability === undefined || call.capabilities?.has(capability) === true) return undefined;
  return refuse(methodNotFound(call), 'capability.not-declared');
}

/** 404 on the modern era (streamable-http "Protocol Version Header"), in band on the older ones. */
function methodNotFound(call: Call): Problem {
  const problem = particular(PROBLEMS.METHOD_NOT_FOUND, `Method not found: ${call.method.slice(0, 128)}`);
  return eraOf(call.revision) === 'modern' ? problem : { ...problem, status: 200 };
}

function denial(decision: Extract<AccessDecision, { allow: false }>, call: Call): Denial {
  if (call.method === 'tools/call' && call.name !== undefined && decision.problem.code === 'UNKNOWN_TOOL') {
    return unknownTool(call.name, decision.reason);
  }
  return refuse(decision.problem, decision.reason);
}

function unknownTool(name: string, reason: string): Denial {
  return refuse(particular(PROBLEMS.UNKNOWN_TOOL, `Unknown tool: ${name}`), reason);
}

const SERVER_ASKS = pass('authorize.server-to-client');
