import type { Principal } from '../identity/principal.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import type { Problem } from '../problem/problem.ts';
import { compileToolRules, type ToolRules, type ToolSettings, type ToolVerdict } from './tool-rules.ts';

/** One configured server, as far as access goes. */
export interface ServerAccessSettings {
  readonly id: string;
  readonly tools?: ToolSettings | undefined;
  /** Present when the server accepts only credentials of its own: no other caller is told of it. */
  readonly auth?: object | undefined;
}

export interface AccessRequest {
  readonly principal: Principal;
  readonly server: string;
  readonly method: string;
  /** The tool, prompt, resource or task the method names, if it names one. */
  readonly name?: string | undefined;
}

export type AccessDecision =
  | { readonly allow: true; readonly rule: string }
  | {
      readonly allow: false;
      readonly reason: string;
      readonly problem: Problem;
      /** For the log and the record: what would have to be written down for it to be allowed. */
      readonly detail?: string;
    };

/** Pure and synchronous: the same question always has the same answer, and asking changes nothing. */
export interface Authorizer {
  decide(request: AccessRequest): AccessDecision;
  /** Whether some tool names of the server are refused to the principal, so that the gateway must answer unknown ones itself. */
  restricts(principal: Principal, server: string): boolean;
  /** Those of `ids` a caller of the gateway's own methods may know of, in their order. */
  visibleServers(principal: Principal, ids: readonly string[]): readonly string[];
}

const ROLE_USER: AccessDecision = { allow: true, rule: 'authorize.role:user' };
const NO_ROLE: AccessDecision = {
  allow: false,
  reason: 'role.missing',
  problem: PROBLEMS.ROLE_REQUIRED,
  detail:
    'The caller has no role, so nothing is allowed. These give one: auth.methods[].roles, auth.methods[].tokens[].roles, ' +
    '`sallyport token create --role user`, and auth.anonymous.roles where authentication is off.',
};
const ADMIN_ONLY: AccessDecision = {
  allow: false,
  reason: 'role.admin-only',
  problem: PROBLEMS.ROLE_REQUIRED,
  detail: 'The role admin opens the admin listener and no server. The role user opens servers.',
};
const NOT_VISIBLE: AccessDecision = {
  allow: false,
  reason: 'server.not-visible',
  problem: PROBLEMS.SERVER_NOT_ALLOWED,
  detail: "The server is not among those the caller's credential opens (its `servers`), or is not configured.",
};
const UNNAMED_TOOL: AccessDecision = { allow: false, reason: 'tool.unnamed', problem: PROBLEMS.INVALID_PARAMS };

/** @throws TypeError naming the server and the tool pattern that is none */
export function compileAuthorizer(servers: readonly ServerAccessSettings[]): Authorizer {
  const apart = new Set(servers.filter((server) => server.auth !== undefined).map((server) => server.id));
  return new CompiledAuthorizer(new Map(servers.map((server) => [server.id, compileServer(server)])), apart);
}

class CompiledAuthorizer implements Authorizer {
  readonly #servers: ReadonlyMap<string, ToolRules>;
  readonly #apart: ReadonlySet<string>;
  /** One decision for each verdict of the tool rules: a finite set, made as it is met and then shared. */
  readonly #decisions = new Map<ToolVerdict, AccessDecision>();

  constructor(servers: ReadonlyMap<string, ToolRules>, apart: ReadonlySet<string>) {
    this.#servers = servers;
    this.#apart = apart;
  }

  decide({ principal, server, method, name }: AccessRequest): AccessDecision {
    if (!principal.roles.includes('user')) return principal.roles.includes('admin') ? ADMIN_ONLY : NO_ROLE;
    const tools = this.#servers.get(server);
    if (tools === undefined || !opens(principal, server)) return NOT_VISIBLE;
    if (method !== 'tools/call') return ROLE_USER;
    if (name === undefined) return UNNAMED_TOOL;
    return tools.restricts ? this.#ofVerdict(tools.judge(name)) : ROLE_USER;
  }

  restricts(_principal: Principal, server: string): boolean {
    return this.#servers.get(server)?.restricts ?? true;
  }

  visibleServers(principal: Principal, ids: readonly string[]): readonly string[] {
    if (!principal.roles.includes('user')) return [];
    return ids.filter((id) => this.#servers.has(id) && !this.#apart.has(id) && opens(principal, id));
  }

  #ofVerdict(verdict: ToolVerdict): AccessDecision {
    let decision = this.#decisions.get(verdict);
    if (decision === undefined) {
      decision = verdict.served
        ? { allow: true, rule: `authorize.${verdict.rule}` }
        : { allow: false, reason: 'tool.not-served', problem: PROBLEMS.UNKNOWN_TOOL, detail: `mcps[].${verdict.rule}` };
      this.#decisions.set(verdict, decision);
    }
    return decision;
  }
}

function opens(principal: Principal, server: string): boolean {
  return principal.servers === undefined || principal.servers.has(server);
}

function compileServer({ id, tools }: ServerAccessSettings): ToolRules {
  try {
    return compileToolRules(tools);
  } catch (error) {
    throw new TypeError(`mcps[${id}].${(error as Error).message}`);
  }
}
