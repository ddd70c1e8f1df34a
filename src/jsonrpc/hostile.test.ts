import { describe, expect, it } from 'vitest';
import { FOLDS_TO_ASCII, foldCase } from './control-keys.ts';
import type { Message } from './message.ts';
import { isScanFailure, type ScanFailure, scanBody, scanMessage, scanUpstream } from './scan.ts';

const call = (params: string) => Buffer.from(`{"jsonrpc":"2.0","id":1,"method":"m","params":{${params}}}`);
const escaped = (text: string) =>
  Array.from({ length: text.length }, (_, i) => `\\u${text.charCodeAt(i).toString(16).padStart(4, '0')}`).join('');
const members = (count: number, name: (i: number) => string) =>
  Array.from({ length: count }, (_, i) => `"${name(i)}":0`).join(',');

function verdict(scanned: Message | ScanFailure): string {
  return isScanFailure(scanned) ? scanned.problem.code : 'accepted';
}

describe('a message over a limit', () => {
  it.each([
    ['10,000 brackets', '['.repeat(10_000), 'more than 64 levels deep'],
    ['100,000 brackets', '['.repeat(100_000), 'more than 64 levels deep'],
    ['1,000,000 brackets', '['.repeat(1_000_000), 'more than 64 levels deep'],
    ['a batch of something too deep', `[${'{"a":'.repeat(100)}`, 'more than 64 levels deep'],
    ['1,000,000 members', `{${members(1_000_000, (i) => `k${i}`)}}`, 'more than 200000 members and elements'],
    ['1,000,000 elements', `{"a":[${'0,'.repeat(1_000_000)}0]}`, 'more than 200000 members and elements'],
  ])('is a parse error that names the limit: %s', (_, text, limit) => {
    const scanned = scanBody(Buffer.from(text)) as ScanFailure;
    expect(scanned.problem).toMatchObject({ status: 400, rpcCode: -32700, text: `Parse error: ${limit}` });
  });

  it('names the limit that is in force', () => {
    const limits = { maxDepth: 3, maxMembers: 9 };
    const text = (params: string) => (scanMessage(call(params), limits) as ScanFailure).problem.text;
    expect(text('"a":[[0]]')).toBe('Parse error: more than 3 levels deep');
    expect(text('"a":[1,2,3,4,5]')).toBe('Parse error: more than 9 members and elements');
    expect(verdict(scanMessage(call('"a":[1,2,3,4]'), limits))).toBe('accepted');
  });

  it('is not what a long text is: 10 MB of string are read, a million digits refused', () => {
    expect(verdict(scanMessage(call(`"a":"${'x'.repeat(10_000_000)}"`)))).toBe('accepted');
    expect(verdict(scanMessage(call(`"a":${'1'.repeat(1_000_000)}`)))).toBe('INVALID_REQUEST');
    expect(verdict(scanMessage(Buffer.from(`{"jsonrpc":"2.0","id":${'1'.repeat(1_000_000)},"method":"m"}`)))).toBe(
      'INVALID_REQUEST',
    );
  });
});

describe('a hundred thousand escaped names', () => {
  const name = (i: number) => `\\u0061${i.toString(36)}`;

  it('are told apart, and what stands among them is found', () => {
    const scanned = scanMessage(call(`${members(100_000, name)},"n\\u0061me":"tool","é":1`)) as Message;
    expect(scanned.params?.string('name')).toBe('tool');
    expect(scanned.params?.id('é')).toBe(1);
    expect([scanned.params?.has('a0'), scanned.params?.has('a'), scanned.params?.has('namex')]).toEqual([
      true,
      false,
      false,
    ]);
  });

  it('are refused when two of them are the same in different spellings', () => {
    const twice = (last: string) => verdict(scanMessage(call(`${members(100_000, name)},"${last}":0`)));
    expect(twice(`\\u0061${(99_999).toString(36)}`)).toBe('INVALID_REQUEST');
    expect(twice(escaped(`a${(99_999).toString(36)}`))).toBe('INVALID_REQUEST');
    expect(twice(`b${(99_999).toString(36)}`)).toBe('accepted');
  });

  it('do not hide what is wrong behind the first thing that is wrong', () => {
    const before = `{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":1,"a":2}`;
    expect(scanMessage(Buffer.from(`${before}}`))).toMatchObject({ id: 1, problem: { code: 'INVALID_REQUEST' } });
    // Once the top level has two ids, the refusal may name neither.
    expect((scanMessage(Buffer.from(`${before},"\\u0069d":2}`)) as ScanFailure).id).toBeUndefined();
    expect(verdict(scanMessage(Buffer.from(`${before},"x":}`)))).toBe('PARSE_ERROR');
  });
});

describe('another spelling of a control name', () => {
  it.each([
    ['capitals', 'Name', 'other'],
    ['escaped capitals', '\\u004eame', '\\u006fther'],
    ['a long s', 'reque\u017ftState', 'reque\u0161tState'],
    ['an escaped long s', 'reque\\u017ftState', 'reque\\u0161tState'],
    ['a ligature', 'reque\ufb06State', 'reque\ufb07State'],
    ['an escaped ligature', 'reque\\ufb06State', 'reque\\ufb07State'],
    ['the Kelvin sign', 'tas\u212aId', 'tas\u212bId'],
    ['a dotless i', 'task\u0131d', 'task\u00efd'],
  ])('is refused: %s', (_, bad, twin) => {
    expect(verdict(scanMessage(call(`"${bad}":0`)))).toBe('INVALID_REQUEST');
    expect(verdict(scanMessage(call(`"${twin}":0`)))).toBe('accepted');
  });

  it('is refused from a server too', () => {
    const result = (name: string) => Buffer.from(`{"jsonrpc":"2.0","id":1,"result":{"${name}":0}}`);
    for (const bad of ['TaskId', 'tas\\u212aId', 'reque\ufb06State']) {
      expect(verdict(scanUpstream(result(bad)))).toBe('INVALID_REQUEST');
    }
    expect(verdict(scanUpstream(result('taskId')))).toBe('accepted');
  });

  it('is the name itself when only escapes tell them apart', () => {
    const scanned = scanMessage(call(`"${escaped('_meta')}":{"${escaped('progressToken')}":7}`)) as Message;
    expect(scanned.meta?.id('progressToken')).toBe(7);
  });

  it('is looked for among all characters that fold into ASCII, and no other does', () => {
    const folding: number[] = [];
    for (let point = 0x80; point < 0x20000; point++) {
      if (point >= 0xd800 && point < 0xe000) continue;
      if (/^[\0-\x7f]*$/.test(foldCase(String.fromCodePoint(point)))) folding.push(point);
    }
    expect([...FOLDS_TO_ASCII.keys()].sort((a, b) => a - b)).toEqual(folding);
    for (const [point, folded] of FOLDS_TO_ASCII) expect(String(folded)).toBe(foldCase(String.fromCodePoint(point)));
  });

  it('is another name when it only begins like one, however long it is', () => {
    expect(verdict(scanMessage(call(`"${escaped('Name')}${'x'.repeat(500)}":0,"\\u004e":1`)))).toBe('accepted');
  });
});

/** What an id is: exactly what was sent, or refused. */
describe('ids that could be taken for one another', () => {
  const request = (id: string) => Buffer.from(`{"jsonrpc":"2.0","id":${id},"method":"m"}`);
  const response = (id: string) => Buffer.from(`{"jsonrpc":"2.0","id":${id},"result":{}}`);

  it.each<[string, string | number]>([
    ['1', 1],
    ['"1"', '1'],
    ['"1.0"', '1.0'],
    ['"null"', 'null'],
    ['""', ''],
    ['0', 0],
    ['-1', -1],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
    ['"\\u0031"', '1'],
  ])('%s is itself, of its own type', (token, id) => {
    expect((scanMessage(request(token)) as Message).id).toBe(id);
    expect((scanUpstream(response(token)) as Message).id).toBe(id);
  });

  it.each([
    ...['1.0', '1e0', '1E0', '-0', '0.0', '1.5', '9007199254740992', '-9007199254740992', '1e400'],
    ...['null', 'true', 'false', '{}', '[]', '[1]', '{"id":1}'],
  ])('%s is refused, and the refusal has no id', (token) => {
    for (const scanned of [scanMessage(request(token)), scanMessage(response(token)), scanUpstream(response(token))]) {
      expect(verdict(scanned)).toBe('INVALID_REQUEST');
      expect((scanned as ScanFailure).id).toBeUndefined();
    }
  });
});
