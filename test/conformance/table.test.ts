import { expect, it } from 'vitest';
import type { Check, Outcome } from './suites.ts';
import { losses, passes } from './table.ts';

const check = (id: string, status: Check['status'], errorMessage?: string): Check => ({
  id,
  status,
  description: `${id} holds`,
  ...(errorMessage !== undefined && { errorMessage }),
});
const outcome = (scenario: string, ...checks: Check[]): Outcome => ({ scenario, checks });
const good = outcome('ping', check('a', 'SUCCESS'), check('b', 'SUCCESS'));

it('finds nothing lost where the same passes', () => {
  expect(losses([good], [good])).toEqual([]);
  expect(losses([good], [outcome('ping', check('a', 'SUCCESS'))])).toEqual([]);
});

it.each<[string, Outcome, string]>([
  ['a check fails', outcome('ping', check('a', 'SUCCESS'), check('b', 'FAILURE', 'no b')), 'ping: b: no b'],
  ['a check only warns', outcome('ping', check('a', 'SUCCESS'), check('b', 'WARNING')), 'ping: b (WARNING): b holds'],
  ['a check is skipped', outcome('ping', check('a', 'SUCCESS'), check('b', 'SKIPPED')), 'ping: b (SKIPPED): b holds'],
  ['nothing is checked', outcome('ping'), 'ping: nothing was checked'],
  ['the scenario is missing', outcome('pong', check('a', 'SUCCESS')), 'ping: was not run'],
])('names the scenario, the check and the words of the runner when %s', (_, through, loss) => {
  expect(losses([good], [through])).toEqual([loss]);
});

it('asks nothing of the gateway that the server alone does not pass, but for DNS rebinding', () => {
  const failed = (name: string) => outcome(name, check('a', 'FAILURE', 'no a'));
  expect(losses([failed('ping')], [failed('ping')])).toEqual([]);
  expect(losses([failed('dns-rebinding-protection')], [failed('dns-rebinding-protection')])).toEqual([
    'dns-rebinding-protection: a: no a',
  ]);
});

it('calls a scenario that found nothing to check no pass', () => {
  expect(passes(good)).toBe(true);
  expect(passes(outcome('ping', check('a', 'SKIPPED')))).toBe(false);
});
