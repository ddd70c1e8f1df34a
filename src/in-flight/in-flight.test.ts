import { describe, expect, it } from 'vitest';
import { InFlight, type Linked } from './in-flight.ts';

class Named implements Linked<Named> {
  previous: Named | undefined = undefined;
  next: Named | undefined = undefined;
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

const names = (line: InFlight<Named>) => line.members().map(({ name }) => name);

describe('what is in flight', () => {
  it.each([
    ['first', ['b', 'c']],
    ['middle', ['a', 'c']],
    ['last', ['a', 'b']],
  ])('keeps the others in order when the %s one leaves', (which, left) => {
    const line = new InFlight<Named>();
    const [a, b, c] = [new Named('a'), new Named('b'), new Named('c')];
    for (const member of [a, b, c]) line.add(member);
    const leaving = { first: a, middle: b, last: c }[which]!;
    line.delete(leaving);
    expect(names(line)).toEqual(left);
    expect(line.size).toBe(2);
    expect(line.has(leaving)).toBe(false);
    expect([leaving.previous, leaving.next]).toEqual([undefined, undefined]);
  });

  it('counts a member once however often it is added or removed', () => {
    const line = new InFlight<Named>();
    const only = new Named('only');
    line.add(only);
    line.add(only);
    expect([line.size, names(line)]).toEqual([1, ['only']]);
    line.delete(only);
    line.delete(only);
    expect([line.size, names(line), line.some(() => true)]).toEqual([0, [], false]);
  });

  it('may be changed by those who go through it', () => {
    const line = new InFlight<Named>();
    for (const name of ['a', 'b', 'c']) line.add(new Named(name));
    for (const member of line.members()) {
      line.delete(member);
      if (member.name === 'b') line.add(new Named('d'));
    }
    expect(names(line)).toEqual(['d']);
  });

  it('agrees with a Set whatever the order of events', () => {
    const line = new InFlight<Named>();
    const set = new Set<Named>();
    const all = Array.from({ length: 20 }, (_, i) => new Named(`${i}`));
    for (let step = 0, seed = 7; step < 2_000; step++) {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      const member = all[seed % all.length]!;
      if (set.delete(member)) line.delete(member);
      else {
        set.add(member);
        line.add(member);
      }
      expect(line.size).toBe(set.size);
    }
    expect(line.members()).toEqual([...set]);
  });
});
