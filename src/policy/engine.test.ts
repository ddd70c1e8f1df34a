import { describe, expect, it } from 'vitest';
import { callOf, exchangeOf } from '../../test/support/judged.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import { type Admission, compileAdmission, compileDecision, type Decision, isStopped } from './engine.ts';
import type { FactName } from './exchange.ts';
import { pass, refuse, type Verdict } from './verdict.ts';

const quiet = (): void => {};
const DENIED = refuse(PROBLEMS.FORBIDDEN, 'test.denied');

function admission(name: string, needs: readonly FactName[], provides: readonly FactName[]): Admission {
  return { name, needs, provides, evaluate: () => pass(name) };
}

function decision(name: string, evaluate: () => Verdict | Promise<Verdict>): Decision {
  return { name, evaluate };
}

describe('the order of admission steps', () => {
  const identify = admission('identify', ['clientAddress'], ['principal']);
  const address = admission('address', [], ['clientAddress']);

  it('is refused when a step needs what nobody has provided yet, naming both', () => {
    expect(() => compileAdmission([identify, address], quiet)).toThrow(/step identify needs clientAddress/);
  });

  it('is refused when a step needs what it provides itself', () => {
    expect(() => compileAdmission([admission('loop', ['inbound'], ['inbound'])], quiet)).toThrow(/step loop/);
  });

  it('is kept and frozen when every need is met before', () => {
    const steps = [address, identify];
    const chain = compileAdmission(steps, quiet);
    steps.length = 0;
    expect(chain.names).toEqual(['address', 'identify']);
    expect(Object.isFrozen(chain)).toBe(true);
    expect(Object.isFrozen(chain.names)).toBe(true);
    expect(chain.run(exchangeOf())).toEqual(pass('identify'));
  });
});

describe('a chain', () => {
  it('without steps does not compile, for it would allow everything', () => {
    expect(() => compileAdmission([], quiet)).toThrow(/would allow everything/);
    expect(() => compileDecision([], quiet)).toThrow(/would allow everything/);
  });

  it('passes with the rule of its last step', () => {
    const chain = compileDecision([decision('a', () => pass('a.1')), decision('b', () => pass('b.2'))], quiet);
    expect(chain.run(callOf())).toEqual({ pass: 'b.2' });
  });

  it('stops at the first denial, names the step, and asks nobody after it', () => {
    let asked = 0;
    const after = decision('c', () => {
      asked += 1;
      return pass('c');
    });
    const chain = compileDecision([decision('a', () => pass('a')), decision('b', () => DENIED), after], quiet);
    expect(chain.run(callOf())).toEqual({ step: 'b', verdict: DENIED });
    expect(asked).toBe(0);
  });

  it('stops at an answer too', () => {
    const answer = { answer: { status: 204, headers: [], body: undefined }, rule: 'test.preflight' };
    const chain = compileDecision([decision('a', () => answer)], quiet);
    expect(chain.run(callOf())).toEqual({ step: 'a', verdict: answer });
  });

  it('of steps that do not wait answers at once, not in a promise', () => {
    const chain = compileDecision([decision('a', () => pass('a'))], quiet);
    expect(chain.run(callOf())).not.toBeInstanceOf(Promise);
  });

  it('waits for a step that does, and goes on in order', async () => {
    const order: string[] = [];
    const step = (name: string, waits: boolean) =>
      decision(name, () => {
        order.push(name);
        return waits ? Promise.resolve(pass(name)) : pass(name);
      });
    const chain = compileDecision([step('a', false), step('b', true), step('c', false), step('d', true)], quiet);
    const result = chain.run(callOf());
    expect(result).toBeInstanceOf(Promise);
    expect(await result).toEqual({ pass: 'd' });
    expect(order).toEqual(['a', 'b', 'c', 'd']);
  });

  it('denies after a step that waited', async () => {
    const chain = compileDecision(
      [decision('a', () => Promise.resolve(pass('a'))), decision('b', () => Promise.resolve(DENIED))],
      quiet,
    );
    expect(await chain.run(callOf())).toEqual({ step: 'b', verdict: DENIED });
  });
});

describe('a step that throws', () => {
  const thrown = new Error('boom');
  const ways: readonly (readonly [string, Decision])[] = [
    [
      'at once',
      decision('bad', () => {
        throw thrown;
      }),
    ],
    ['later', decision('bad', () => Promise.reject(thrown))],
  ];

  it.each(ways)('%s is a denial, and the operator is told which step it was', async (_, bad) => {
    const told: [string, unknown][] = [];
    const chain = compileDecision(
      [decision('ok', () => pass('ok')), bad, decision('never', () => pass('never'))],
      (step, error) => told.push([step, error]),
    );
    const result = await chain.run(callOf());
    expect(isStopped(result)).toBe(true);
    expect(result).toMatchObject({
      step: 'bad',
      verdict: { deny: PROBLEMS.INTERNAL, reason: 'step.threw', close: true },
    });
    expect(told).toEqual([['bad', thrown]]);
  });

  it('after one that waited is named itself', async () => {
    const told: string[] = [];
    const slow = decision('slow', () => Promise.resolve(pass('slow')));
    const chain = compileDecision([slow, (ways[0] as (typeof ways)[0])[1]], (step) => told.push(step));
    expect(await chain.run(callOf())).toMatchObject({ step: 'bad', verdict: { reason: 'step.threw' } });
    expect(told).toEqual(['bad']);
  });

  it.each([
    ['nothing', undefined],
    ['an empty object', {}],
    ['true', true],
  ])('and one that says %s instead of a verdict are alike', async (_, said) => {
    const mute = said as unknown as Verdict;
    const now = compileDecision([decision('mute', () => mute)], quiet);
    const later = compileDecision([decision('mute', () => Promise.resolve(mute))], quiet);
    for (const chain of [now, later]) {
      expect(await chain.run(callOf())).toMatchObject({ step: 'mute', verdict: { reason: 'step.threw' } });
    }
  });

  it('keeps nobody else out: the same chain passes without it', async () => {
    const chain = compileDecision([decision('ok', () => pass('ok')), decision('also', () => pass('also'))], quiet);
    expect(await chain.run(callOf())).toEqual({ pass: 'also' });
  });
});
