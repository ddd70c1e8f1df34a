import { describe, expect, it } from 'vitest';
import type { ObjectView } from './message.ts';
import { isScanFailure, scanMessage, scanUpstream } from './scan.ts';

function paramsOf(json: string): ObjectView {
  const message = scanMessage(Buffer.from(`{"jsonrpc":"2.0","method":"m","params":${json}}`));
  if (isScanFailure(message)) throw new Error(message.detail);
  return message.params!;
}

function resultOf(json: string): ObjectView {
  const message = scanUpstream(Buffer.from(`{"jsonrpc":"2.0","id":1,"result":${json}}`));
  if (isScanFailure(message)) throw new Error(message.detail);
  return message.result!;
}

describe('a view of an object', () => {
  const view = paramsOf(
    '{ "s" : "a\\nb", "n": 12, "t": true, "f": false, "z": null, "o": {"x": {"y": 1}}, "a": [1, {"b": 2}, "c"] }',
  );

  it('gives each member in its own type and undefined for any other', () => {
    expect(view.string('s')).toBe('a\nb');
    expect(view.id('n')).toBe(12);
    expect([view.boolean('t'), view.boolean('f'), view.boolean('n')]).toEqual([true, false, undefined]);
    expect([view.isNull('z'), view.isNull('n'), view.isNull('gone')]).toEqual([true, false, false]);
    expect([view.string('n'), view.id('t'), view.object('a'), view.array('o')]).toEqual(Array(4).fill(undefined));
    expect([view.string('gone'), view.id('gone'), view.json('gone'), view.spanOf('gone')]).toEqual(
      Array(4).fill(undefined),
    );
  });

  it('lists names in their order', () => {
    expect(view.keys()).toEqual(['s', 'n', 't', 'f', 'z', 'o', 'a']);
    expect([view.size, view.has('o'), view.has('x'), view.indexOf('n'), view.indexOf('x')]).toEqual([
      7,
      true,
      false,
      1,
      -1,
    ]);
  });

  it('opens objects and arrays', () => {
    expect(view.object('o')?.object('x')?.id('y')).toBe(1);
    const elements = view.array('a')!;
    expect(elements.map(({ start, end }) => view.bytes.toString('utf8', start, end))).toEqual(['1', '{"b": 2}', '"c"']);
    expect(view.objectAt(elements[1]!)?.id('b')).toBe(2);
    expect(view.objectAt(elements[0]!)).toBeUndefined();
  });

  it('gives spans that hold exactly the value', () => {
    const span = view.spanOf('s')!;
    expect(view.bytes.toString('utf8', span.start, span.end)).toBe('"a\\nb"');
    expect(view.bytes.toString('utf8', view.span.start, view.span.end)).toMatch(/^\{ "s".*\}$/);
  });

  it('finds names in any script and any escape', () => {
    const odd = paramsOf('{"\\u0061b":1,"größe":2,"\\ud83d\\ude00":3,"":4,"q\\"":5}');
    expect(['ab', 'größe', '😀', '', 'q"'].map((key) => odd.id(key))).toEqual([1, 2, 3, 4, 5]);
    expect(odd.has('\\u0061b')).toBe(false);
  });

  it('does not find a non-ASCII name by its bytes', () => {
    expect(paramsOf('{"é":1}').has('Ã©')).toBe(false);
  });
});

describe('a view into what a server sent', () => {
  it('opens what is sound', () => {
    const view = resultOf('{"tools":[{"name":"a"},{"name":"b"}]}');
    expect(view.array('tools')!.map((span) => view.objectAt(span)?.string('name'))).toEqual(['a', 'b']);
    expect(view.json('tools')).toEqual([{ name: 'a' }, { name: 'b' }]);
  });

  it.each([
    ['a name twice', '{"tools":[{"name":"a","name":"b"}]}'],
    ['a missing comma', '{"tools":[{"name":"a"} {"name":"b"}]}'],
    ['__proto__', '{"tools":[{"__proto__":1}]}'],
    ['a bad escape', '{"tools":[{"name":"\\x"}]}'],
  ])('opens nothing that holds %s', (_what, json) => {
    const view = resultOf(json);
    expect(view.has('tools')).toBe(true);
    expect(view.array('tools')).toBeUndefined();
    expect(view.json('tools')).toBeUndefined();
  });

  it('gives no text and no id that is not sound', () => {
    const view = resultOf('{"s":"\\x","t":"\\u0041"}');
    expect([view.string('s'), view.id('s'), view.string('t')]).toEqual([undefined, undefined, 'A']);
  });
});
