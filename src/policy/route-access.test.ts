import { describe, expect, it } from 'vitest';
import { exchangeOf, principalOf, type RequestFacts } from '../../test/support/judged.ts';
import { NO_LIVE_ENTRIES } from '../../test/support/live-entries.ts';
import { compileAuthorizer } from '../access/authorizer.ts';
import type { Principal } from '../identity/principal.ts';
import { parseAddress } from '../net/parse-address.ts';
import { knownCidr } from '../net/trust-grammar.ts';
import { AddressList } from '../perimeter/address-list.ts';
import { Layer, NetworkRules } from '../perimeter/network-rules.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import { routeAccess } from './route-access.ts';

function judge(principal: Principal | undefined, route: RequestFacts['route'] = {}, from = '203.0.113.7') {
  const x = exchangeOf({ route, peer: from });
  x.client = parseAddress(from);
  x.principal = principal;
  return ACCESS.evaluate(x);
}

const SERVERS = ['files', 'search'];
const denied = { cidr: knownCidr('198.51.100.7'), place: 'ip_blacklist[0]', note: undefined, expiresAt: undefined };
const layer = (deny: AddressList | undefined) =>
  new Layer({ place: 'security', allow: undefined, deny, localhost: 'listed', unknown: 'block', mode: 'enforce' });
const NETWORK = new NetworkRules(
  layer(undefined),
  new Map([['files', layer(new AddressList([denied], []))]]),
  NO_LIVE_ENTRIES,
);
const ACCESS = routeAccess(compileAuthorizer(SERVERS.map((id) => ({ id }))), SERVERS, NETWORK);

const ALLOWED = { pass: 'route-access.role' };
const NO_ROLE = { deny: PROBLEMS.ROLE_REQUIRED, reason: 'role.missing' };

describe('a route', () => {
  it('that asks for no role is open, also to nobody', () => {
    expect(judge(undefined, { role: undefined })).toEqual({ pass: 'route-access.open' });
  });

  it('of a server is open to users and to nobody else', () => {
    expect(judge(principalOf())).toEqual(ALLOWED);
    expect(judge(principalOf({ roles: [] }))).toMatchObject(NO_ROLE);
    expect(judge(principalOf({ roles: ['admin'] }))).toMatchObject(NO_ROLE);
    expect(judge(undefined)).toMatchObject(NO_ROLE);
  });

  it('for administrators is closed to users', () => {
    expect(judge(principalOf({ roles: ['admin'] }), { role: 'admin' })).toEqual(ALLOWED);
    expect(judge(principalOf(), { role: 'admin' })).toMatchObject(NO_ROLE);
  });

  it('of a server the credential does not open looks like one that does not exist', () => {
    const narrow = principalOf({ servers: new Set(['search']) });
    const elsewhere = { status: 404, text: 'No MCP server here. Yours are at: /mcp/search' };
    expect(judge(narrow)).toMatchObject({ deny: elsewhere, reason: 'server.not-visible' });
    const unknown = { name: 'unknown-mcp', server: undefined } as const;
    expect(judge(narrow, unknown)).toMatchObject({ deny: elsewhere, reason: 'route.unknown-server' });
    expect(judge(narrow, { server: 'search' })).toEqual(ALLOWED);
  });

  it('of a hidden server names none that is closed to the address', () => {
    const unknown = { name: 'unknown-mcp', server: undefined } as const;
    expect(judge(principalOf(), unknown)).toMatchObject({ deny: { text: expect.stringContaining('/mcp/files') } });
    const elsewhere = { text: 'No MCP server here. Yours are at: /mcp/search' };
    expect(judge(principalOf(), unknown, '198.51.100.7')).toMatchObject({ deny: elsewhere });
  });

  it('of a hidden server names no server to a caller who may see none', () => {
    expect(judge(principalOf({ servers: new Set() }))).toMatchObject({ deny: { text: 'No such MCP server' } });
  });

  it('about no server is open to a credential for some', () => {
    expect(judge(principalOf({ servers: new Set() }), { server: undefined })).toEqual(ALLOWED);
  });

  it('refused for want of a role tells the operator which settings give one, and the caller nothing of it', () => {
    const verdict = judge(principalOf({ roles: [] }));
    expect(verdict).toHaveProperty('detail', expect.stringContaining('auth.methods[].roles'));
    expect(PROBLEMS.ROLE_REQUIRED.text).not.toContain('auth.');
  });
});
