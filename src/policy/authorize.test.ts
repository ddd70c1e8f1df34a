import { describe, expect, it } from 'vitest';
import { callOf, principalOf } from '../../test/support/judged.ts';
import { compileAuthorizer } from '../access/authorizer.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import { ProblemError } from '../problem/problem.ts';
import { authorize } from './authorize.ts';
import type { Call, ToolDirectory } from './call.ts';

const step = authorize(
  compileAuthorizer([{ id: 'crm' }, { id: 'search', tools: { allow: ['search_*'], deny: ['search_admin'] } }]),
);

/** A server's tool list that counts how often it is asked. */
class Listed implements ToolDirectory {
  asked = 0;
  private readonly names: ReadonlySet<string>;
  private readonly slow: boolean;
  readonly facts = (): undefined => undefined;

  constructor(names: readonly string[], slow = false) {
    this.names = new Set(names);
    this.slow = slow;
  }

  lists(name: string): boolean | Promise<boolean> {
    this.asked += 1;
    return this.slow ? Promise.resolve(this.names.has(name)) : this.names.has(name);
  }
}

const tool = (name: string, facts: Partial<Call> = {}) =>
  callOf({ server: 'search', name, params: { name }, tools: new Listed(['search_docs', 'search_admin']), ...facts });

describe('a call of an unrestricted server', () => {
  it('passes, names its rule, and does not ask the server for its list', () => {
    const tools = new Listed([]);
    const call = callOf({ name: 'anything', tools });
    expect(step.evaluate(call)).toEqual({ pass: 'authorize.role:user' });
    expect(call.rule).toBe('authorize.role:user');
    expect(tools.asked).toBe(0);
  });

  it('shares one verdict for each rule', () => {
    expect(step.evaluate(callOf())).toBe(step.evaluate(callOf({ method: 'tools/list' })));
  });

  it('is denied without a role, and without a name for the tool', () => {
    expect(step.evaluate(callOf({ principal: principalOf({ roles: [] }) }))).toMatchObject({
      deny: PROBLEMS.ROLE_REQUIRED,
      reason: 'role.missing',
    });
    expect(step.evaluate(callOf({ name: undefined }))).toMatchObject({ reason: 'tool.unnamed' });
  });
});

describe('a call of a restricted server', () => {
  it.each([false, true])('passes for a tool that is served and listed (the list comes later: %s)', async (slow) => {
    const call = tool('search_docs', { tools: new Listed(['search_docs'], slow) });
    expect(await step.evaluate(call)).toEqual({ pass: 'authorize.tools.allow:search_*' });
    expect(call.rule).toBe('authorize.tools.allow:search_*');
  });

  it('answers a hidden tool and one that does not exist alike', async () => {
    const hidden = await step.evaluate(tool('search_admin'));
    const unknown = await step.evaluate(tool('search_nothing'));
    const elsewhere = await step.evaluate(tool('drop_table'));
    for (const [verdict, name] of [
      [hidden, 'search_admin'],
      [unknown, 'search_nothing'],
      [elsewhere, 'drop_table'],
    ] as const) {
      expect(verdict).toMatchObject({ deny: { rpcCode: -32602, status: 200, text: `Unknown tool: ${name}` } });
    }
    expect(hidden).toMatchObject({ reason: 'tool.not-served' });
    expect(unknown).toMatchObject({ reason: 'tool.unknown' });
  });

  it('does not ask the server about a name that is hidden', () => {
    const tools = new Listed(['search_admin']);
    expect(step.evaluate(tool('search_admin', { tools }))).toHaveProperty('deny');
    expect(tools.asked).toBe(0);
  });

  it('is denied with the reason of the server when its list cannot be had', async () => {
    const failure = new ProblemError(PROBLEMS.UPSTREAM_TIMEOUT, 'no answer in 5000 ms');
    const tools = { lists: () => Promise.reject(failure), facts: () => undefined };
    expect(await step.evaluate(tool('search_docs', { tools }))).toEqual({
      deny: PROBLEMS.UPSTREAM_TIMEOUT,
      reason: 'tool.list-unavailable',
      detail: 'no answer in 5000 ms',
    });
  });

  it('lets the engine have what nobody foresaw', async () => {
    const tools = { lists: () => Promise.reject(new RangeError('boom')), facts: () => undefined };
    await expect(step.evaluate(tool('search_docs', { tools }))).rejects.toThrow('boom');
  });
});

describe('a method', () => {
  it('the revision does not know is refused: 404 on the modern era, in band on the older ones', () => {
    const unknown = { method: 'tools/drop', name: undefined, params: {} };
    expect(step.evaluate(callOf({ ...unknown, revision: '2026-07-28' }))).toMatchObject({
      deny: { rpcCode: -32601, status: 404, text: 'Method not found: tools/drop' },
      reason: 'method.unknown',
    });
    expect(step.evaluate(callOf({ ...unknown, revision: '2025-11-25' }))).toMatchObject({
      deny: { rpcCode: -32601, status: 200 },
    });
  });

  it('is known to one revision and not to another', () => {
    const ping = (revision: Call['revision']) => step.evaluate(callOf({ method: 'ping', params: {}, revision }));
    expect(ping('2025-11-25')).toHaveProperty('pass');
    expect(ping('2026-07-28')).toMatchObject({ reason: 'method.unknown' });
  });

  it('of a request does not pass as a notification, nor the other way round', () => {
    const { received } = callOf();
    const notification = callOf({ method: 'notifications/progress', params: {} });
    expect(received.kind).toBe('request');
    expect(step.evaluate(notification)).toMatchObject({ reason: 'method.unknown' });
  });

  it('of absurd length is not repeated whole', () => {
    const verdict = step.evaluate(callOf({ method: 'x'.repeat(10_000), name: undefined, params: {} }));
    expect((verdict as { deny: { text: string } }).deny.text.length).toBeLessThan(200);
  });
});

describe('what a server asks of its client', () => {
  const ask = (method: string, capabilities: readonly string[], revision: Call['revision'] = '2025-11-25') => {
    const call = callOf({
      method,
      name: undefined,
      params: {},
      direction: 'server-to-client',
      capabilities: new Set(capabilities),
      revision,
    });
    return { call, verdict: step.evaluate(call) };
  };

  it.each([
    ['sampling/createMessage', 'sampling'],
    ['elicitation/create', 'elicitation'],
    ['roots/list', 'roots'],
  ])('%s passes when the client declared %s, and only then', (method, capability) => {
    const { call, verdict } = ask(method, [capability]);
    expect(verdict).toEqual({ pass: 'authorize.server-to-client' });
    expect(call.rule).toBe('authorize.server-to-client');
    expect(ask(method, ['experimental']).verdict).toMatchObject({ reason: 'capability.not-declared' });
  });

  it('may always be a ping', () => {
    expect(ask('ping', []).verdict).toHaveProperty('pass');
  });

  it('may not be a method of clients, or one its revision does not have', () => {
    expect(ask('tools/call', ['sampling']).verdict).toMatchObject({ reason: 'method.unknown' });
    expect(ask('elicitation/create', ['elicitation'], '2025-03-26').verdict).toMatchObject({
      reason: 'method.unknown',
    });
  });

  it('is nothing at all on the modern era, where servers do not ask', () => {
    expect(ask('sampling/createMessage', ['sampling'], '2026-07-28').verdict).toMatchObject({
      reason: 'method.unknown',
    });
  });
});
