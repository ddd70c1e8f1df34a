import { describe, expect, it } from 'vitest';
import { Edits, onOneLine, withId } from './edits.ts';
import type { Message } from './message.ts';
import { isScanFailure, scanMessage } from './scan.ts';

function message(text: string): Message {
  const scanned = scanMessage(Buffer.from(text));
  if (isScanFailure(scanned)) throw new Error(scanned.detail);
  return scanned;
}

const call = (params: string) => message(`{"jsonrpc":"2.0","id":1,"method":"m","params":${params}}`);

/** The params after an edit, as text. */
function edited(params: string, edit: (edits: Edits, message: Message) => void): string {
  const before = call(params);
  const edits = new Edits(before.bytes);
  edit(edits, before);
  const after = edits.toBuffer();
  const text = after.toString();
  expect(text.startsWith('{"jsonrpc":"2.0","id":1,"method":"m","params":')).toBe(true);
  expect(isScanFailure(scanMessage(after))).toBe(false);
  return text.slice(46, -1);
}

describe('edits', () => {
  it('give back the same buffer when there are none', () => {
    const before = call('{}');
    const edits = new Edits(before.bytes);
    expect(edits.isEmpty).toBe(true);
    expect(edits.removeMember(before.params!, 'absent').isEmpty).toBe(true);
    expect(edits.toBuffer()).toBe(before.bytes);
  });

  it('replace a value and leave every other byte alone', () => {
    expect(edited('{ "a" : 1e2 ,"b":"\\u0041" }', (e, m) => e.replace(m.params!.spanOf('a')!, '[]'))).toBe(
      '{ "a" : [] ,"b":"\\u0041" }',
    );
  });

  it('set a member in place, or after the last one', () => {
    expect(edited('{"a":1,"b":2}', (e, m) => e.setMember(m.params!, 'a', '"ü"'))).toBe('{"a":"ü","b":2}');
    expect(edited('{"a":1 }', (e, m) => e.setMember(m.params!, 'b', '2'))).toBe('{"a":1,"b":2 }');
  });

  it('set the first members of an empty object', () => {
    expect(edited('{ }', (e, m) => e.setMember(m.params!, 'a', '1').setMember(m.params!, 'q"', '2'))).toBe(
      '{"a":1,"q\\"":2 }',
    );
  });

  it('count the last word about one member', () => {
    expect(edited('{}', (e, m) => e.setMember(m.params!, 'a', '1').setMember(m.params!, 'a', '2'))).toBe('{"a":2}');
    expect(edited('{"a":0}', (e, m) => e.removeMember(m.params!, 'a').setMember(m.params!, 'a', '2'))).toBe('{"a":2}');
    expect(edited('{"b":0}', (e, m) => e.setMember(m.params!, 'a', '1').removeMember(m.params!, 'a'))).toBe('{"b":0}');
    const twice = (e: Edits, m: Message) => e.replace(m.idSpan!, '5').replace(m.idSpan!, '1');
    expect(edited('{}', twice)).toBe('{}');
  });

  it.each([
    ['the only one', ['a'], '{"a":1}', '{}'],
    ['the first', ['a'], '{"a":1, "b":2, "c":3}', '{"b":2, "c":3}'],
    ['one in the middle', ['b'], '{"a":1, "b":2, "c":3}', '{"a":1, "c":3}'],
    ['the last', ['c'], '{"a":1, "b":2, "c":3 }', '{"a":1, "b":2 }'],
    ['the first two', ['a', 'b'], '{"a":1, "b":2, "c":3}', '{"c":3}'],
    ['the last two', ['b', 'c'], '{"a":1, "b":2, "c":3}', '{"a":1}'],
    ['the outer two', ['c', 'a'], '{"a":1, "b":2, "c":3}', '{"b":2}'],
    ['all', ['a', 'b', 'c'], '{"a":1, "b":2, "c":3}', '{}'],
  ])('remove %s with the commas', (_which, keys, before, after) => {
    const remove = (e: Edits, m: Message) => {
      for (const key of keys) e.removeMember(m.params!, key);
    };
    expect(edited(before, remove)).toBe(after);
    const removeAndAdd = (e: Edits, m: Message) => {
      remove(e, m);
      e.setMember(m.params!, 'new', '0');
    };
    expect(JSON.parse(edited(before, removeAndAdd))).toEqual({ ...JSON.parse(after), new: 0 });
  });

  it('work in nested objects at once, in whatever order they are asked for', () => {
    const edit = (e: Edits, m: Message) =>
      e
        .setMember(m.params!, 'z', '0')
        .setMember(m.meta!, 'progressToken', '9')
        .removeMember(m.params!, 'a')
        .setMember(m.params!.object('o')!, 'x', '1')
        .removeMember(m.meta!, 'k');
    expect(edited('{"a":1,"_meta":{"k":1,"progressToken":"p"},"o":{}}', edit)).toBe(
      '{"_meta":{"progressToken":9},"o":{"x":1},"z":0}',
    );
  });

  it('treat two views of one object as one', () => {
    const edit = (e: Edits, m: Message) =>
      e.setMember(m.params!.object('o')!, 'x', '1').setMember(m.params!.object('o')!, 'x', '2');
    expect(edited('{"o":{}}', edit)).toBe('{"o":{"x":2}}');
  });

  it('refuse to touch the same bytes twice', () => {
    const { bytes, params, meta } = call('{"_meta":{"a":1}}');
    const edits = new Edits(bytes).removeMember(params!, '_meta').setMember(meta!, 'a', '2');
    expect(() => edits.toBuffer()).toThrow('two edits touch byte');
    expect(new Edits(bytes).removeMember(params!, '_meta').toBuffer().toString()).toContain('"params":{}');
  });

  it('never write to the original', () => {
    const before = call('{"a":1}');
    const copy = Buffer.from(before.bytes);
    new Edits(before.bytes).setMember(before.params!, 'a', '2').replace(before.idSpan!, '99').toBuffer();
    withId(before, 5);
    expect(before.bytes.equals(copy)).toBe(true);
  });
});

describe('another id', () => {
  it.each([5, -5, 9007199254740991, '', 'x', '"\\', 'ключ', '😀'])('%j takes the place of the old one', (id) => {
    const long = 'x'.repeat(200);
    for (const text of [
      '{"jsonrpc":"2.0","id":1,"method":"m"}',
      '{ "id" : "old" , "method":"é","jsonrpc":"2.0"}',
      `{"jsonrpc":"2.0","method":"m","params":{"a":"${long}"},"id":12345}`,
    ]) {
      const after = withId(message(text), id);
      expect(JSON.parse(after.toString())).toEqual({ ...JSON.parse(text), id });
      expect(message(after.toString()).id).toBe(id);
    }
  });

  it('is never given to a notification', () => {
    expect(() => withId(message('{"jsonrpc":"2.0","method":"m"}'), 1)).toThrow();
  });
});

describe('one line', () => {
  it('has the same meaning and no line breaks', () => {
    const bytes = Buffer.from('{\r\n"jsonrpc":"2.0",\n"method":"a\\nb"\r}\n');
    const line = onOneLine(bytes);
    expect(line.toString()).toBe('{  "jsonrpc":"2.0", "method":"a\\nb" } ');
    expect(bytes.includes('\n')).toBe(true);
  });

  it('is the same buffer when it was one already', () => {
    const bytes = Buffer.from('{"jsonrpc":"2.0","method":"m"}');
    expect(onOneLine(bytes)).toBe(bytes);
  });
});
