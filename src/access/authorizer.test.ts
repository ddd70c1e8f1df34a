import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Principal, PrincipalId } from '../identity/principal.ts';
import type { RoleName } from '../identity/roles.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import { compileAuthorizer } from './authorizer.ts';
import { compileToolRules, type ToolSettings } from './tool-rules.ts';

function principal(roles: readonly RoleName[], servers?: readonly string[]): Principal {
  return {
    id: 'token:1' as PrincipalId,
    name: 'somebody',
    method: 'token',
    roles,
    servers: servers === undefined ? undefined : new Set(servers),
    expiresAt: undefined,
  };
}

const user = principal(['user']);
const authorizer = compileAuthorizer([
  { id: 'crm' },
  { id: 'search', tools: { allow: ['search_*'], deny: ['search_admin'] } },
  { id: 'closed', tools: { allow: [] } },
  { id: 'denies', tools: { deny: ['drop_*'] } },
  { id: 'default', tools: { allow: ['*'], deny: [] } },
  { id: 'almost', tools: { allow: ['*'], deny: ['drop_*'] } },
]);
const call = (server: string, name?: string, who = user) =>
  authorizer.decide({ principal: who, server, method: 'tools/call', name });

describe('a caller', () => {
  it('with the role user may use every server, and the rule says why', () => {
    expect(authorizer.decide({ principal: user, server: 'crm', method: 'tools/list' })).toEqual({
      allow: true,
      rule: 'authorize.role:user',
    });
    expect(call('crm', 'anything')).toEqual({ allow: true, rule: 'authorize.role:user' });
  });

  it('without a role may do nothing, and the record says which settings give one', () => {
    const decision = call('crm', 'x', principal([]));
    expect(decision).toMatchObject({ allow: false, reason: 'role.missing', problem: PROBLEMS.ROLE_REQUIRED });
    expect(decision).toHaveProperty(
      'detail',
      expect.stringMatching(/auth\.methods\[\]\.roles.*auth\.anonymous\.roles/),
    );
  });

  it('with the role admin alone may use no server', () => {
    expect(call('crm', 'x', principal(['admin']))).toMatchObject({ allow: false, reason: 'role.admin-only' });
    expect(call('crm', 'x', principal(['admin', 'user']))).toMatchObject({ allow: true });
  });

  it("is kept to its credential's servers; others look as if they did not exist", () => {
    const narrow = principal(['user'], ['crm']);
    expect(call('crm', 'x', narrow)).toMatchObject({ allow: true });
    expect(call('search', 'search_a', narrow)).toMatchObject({ allow: false, problem: PROBLEMS.SERVER_NOT_ALLOWED });
    expect(call('nowhere', 'x')).toEqual(call('search', 'search_a', narrow));
    expect(call('crm', 'x', principal(['user'], []))).toMatchObject({ allow: false });
  });

  it('sees the servers it may use, in the order asked', () => {
    const ids = ['search', 'crm', 'nowhere', 'closed'];
    expect(authorizer.visibleServers(user, ids)).toEqual(['search', 'crm', 'closed']);
    expect(authorizer.visibleServers(principal(['user'], ['crm', 'nowhere']), ids)).toEqual(['crm']);
    expect(authorizer.visibleServers(principal(['admin']), ids)).toEqual([]);
    expect(authorizer.visibleServers(principal([]), ids)).toEqual([]);
  });
});

describe('a server with credentials of its own', () => {
  it('is not told of to callers of the gateway, while its own callers may use it', () => {
    const apart = compileAuthorizer([{ id: 'open' }, { id: 'guarded', auth: {} }]);
    expect(apart.visibleServers(user, ['open', 'guarded'])).toEqual(['open']);
    expect(apart.decide({ principal: user, server: 'guarded', method: 'tools/list' })).toMatchObject({ allow: true });
  });
});

describe('a tool', () => {
  it('outside mcps[].tools is answered as unknown, and inside it names the rule', () => {
    expect(call('search', 'search_people')).toEqual({ allow: true, rule: 'authorize.tools.allow:search_*' });
    expect(call('search', 'search_admin')).toMatchObject({ allow: false, problem: PROBLEMS.UNKNOWN_TOOL });
    expect(call('search', 'drop')).toMatchObject({ allow: false, problem: PROBLEMS.UNKNOWN_TOOL });
    expect(call('denies', 'drop_all')).toMatchObject({ allow: false, detail: 'mcps[].tools.deny:drop_*' });
    expect(call('denies', 'read')).toMatchObject({ allow: true });
  });

  it('is never served from an empty allow list', () => {
    fc.assert(fc.property(fc.string(), (name) => !call('closed', name).allow));
    expect(authorizer.decide({ principal: user, server: 'closed', method: 'tools/list' }).allow).toBe(true);
  });

  it('must be named', () => {
    expect(call('crm')).toMatchObject({ allow: false, problem: PROBLEMS.INVALID_PARAMS });
  });

  it('may be hidden where a server has rules, and only there', () => {
    const restricts = (id: string) => authorizer.restricts(user, id);
    expect(['crm', 'default'].filter(restricts)).toEqual([]);
    expect(['search', 'closed', 'denies', 'almost', 'nowhere'].every(restricts)).toBe(true);
  });

  it.each([['allow'], ['deny']])('pattern that is none is refused, naming the server and the list %s', (list) => {
    expect(() => compileAuthorizer([{ id: 'crm', tools: { [list]: ['ok', ''] } }])).toThrow(
      `mcps[crm].tools.${list}: an empty pattern`,
    );
  });
});

describe('whatever the rules', () => {
  const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), minLength: 1, maxLength: 5 });
  const patterns = fc.array(pattern, { maxLength: 6 });
  const name = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 6 });

  it('a name that a deny pattern matches is refused', () => {
    fc.assert(
      fc.property(fc.option(patterns, { nil: undefined }), patterns, name, (allow, deny, tool) => {
        const denied = compileToolRules({ deny }).judge(tool).served === false;
        return !denied || !compileToolRules({ allow, deny }).judge(tool).served;
      }),
      { numRuns: 2000 },
    );
  });

  it('a name is served exactly when an allow pattern matches it and no deny pattern does', () => {
    fc.assert(
      fc.property(patterns, patterns, name, (allow, deny, tool) => {
        const matchedBy = (list: string[]) => list.some((one) => compileToolRules({ allow: [one] }).judge(tool).served);
        return compileToolRules({ allow, deny }).judge(tool).served === (matchedBy(allow) && !matchedBy(deny));
      }),
      { numRuns: 2000 },
    );
  });

  it('their order in the file changes neither the decision nor the rule it names', () => {
    const shuffled = (list: string[]) => fc.shuffledSubarray(list, { minLength: list.length });
    const twice = fc
      .tuple(patterns, patterns)
      .chain(([allow, deny]) => fc.tuple(fc.constant({ allow, deny }), shuffled(allow), shuffled(deny)));
    fc.assert(
      fc.property(twice, name, ([settings, allow, deny], tool) => {
        const judge = (rules: ToolSettings) => compileToolRules(rules).judge(tool);
        expect(judge({ allow, deny })).toEqual(judge(settings));
      }),
    );
  });
});
