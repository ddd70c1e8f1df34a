import { describe, expect, it } from 'vitest';
import { callOf } from '../../test/support/judged.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import { ProblemError } from '../problem/problem.ts';
import { mirroredParameters as parametersOf, type ToolFacts } from '../protocol/mirrored-parameters.ts';
import { ModernFacts } from './call.ts';
import { mirroredParameters } from './mirrored-parameters.ts';

const step = mirroredParameters();
const mirrored = parametersOf({ properties: { region: { type: 'string', 'x-mcp-header': 'Region' } } });
if (typeof mirrored === 'string') throw new Error(mirrored);
const QUERY: ToolFacts = { mirrored, fault: undefined };
const PLAIN: ToolFacts = { mirrored: [], fault: undefined };

function judge(
  facts: ToolFacts | undefined | Promise<ToolFacts | undefined>,
  params: readonly string[],
  method?: string,
) {
  const modern = new ModernFacts({ mcpMethod: 'tools/call', mcpName: 'query', params });
  const call = callOf({
    ...(method === undefined ? {} : { method }),
    name: 'query',
    params: { name: 'query', arguments: { region: 'eu' } },
    tools: { lists: () => true, facts: () => facts },
    modern,
  });
  return { modern, verdict: step.evaluate(call) };
}
const EU = ['Mcp-Param-Region', 'eu'];

describe('a call of a tool that mirrors arguments', () => {
  it('passes when headers and arguments agree, and knows then what to send', () => {
    const { verdict, modern } = judge(QUERY, EU);
    expect(verdict).toMatchObject({ pass: 'mirrored-parameters.agree' });
    expect(modern.parameters).toBe(mirrored);
  });

  it('is refused when they do not, also when the list comes later', async () => {
    const refused = { deny: { rpcCode: -32020 }, reason: 'protocol.header-mismatch' };
    expect(judge(QUERY, []).verdict).toMatchObject(refused);
    expect(await judge(Promise.resolve(QUERY), ['Mcp-Param-Region', 'us']).verdict).toMatchObject(refused);
  });

  it('is answered as if there were no such tool when its annotations are unfit', () => {
    expect(judge({ mirrored: [], fault: 'twice' }, EU).verdict).toMatchObject({
      deny: { code: 'UNKNOWN_TOOL', text: 'Unknown tool: query', status: 200 },
      reason: 'tool.unfit',
      detail: 'twice',
    });
  });
});

describe('every other call passes', () => {
  it.each([
    ['of a tool that mirrors nothing', judge(PLAIN, EU)],
    ['of a tool the server does not list', judge(undefined, [])],
    ['that is no call of a tool', judge(QUERY, [], 'prompts/get')],
  ])('%s', (_, { verdict, modern }) => {
    expect(verdict).toHaveProperty('pass');
    expect(modern.parameters).toEqual([]);
  });

  it('of a server that has no list at all; one that cannot be asked cannot be called', async () => {
    const failing = (problem: (typeof PROBLEMS)[keyof typeof PROBLEMS]) =>
      judge(Promise.reject(new ProblemError(problem, 'why')), []).verdict;
    expect(await failing(PROBLEMS.UPSTREAM_INVALID)).toHaveProperty('pass');
    expect(await failing(PROBLEMS.ERA_MISMATCH)).toHaveProperty('pass');
    expect(await failing(PROBLEMS.UPSTREAM_TIMEOUT)).toMatchObject({
      deny: PROBLEMS.UPSTREAM_TIMEOUT,
      reason: 'tool.list-unavailable',
      detail: 'why',
    });
  });
});
