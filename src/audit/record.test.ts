import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Chain, GENESIS, inspect } from './chain.ts';
import { type AuditFields, type AuditRow, bodyOf, MAX_LINE, prefixOf, Timestamps } from './record.ts';

const TIME = '2026-11-21T07:50:00.123Z';

function seal(row: AuditRow): string {
  return new Chain(GENESIS).seal(bodyOf(row, TIME));
}

function parse(row: AuditRow): Record<string, unknown> {
  return JSON.parse(seal(row)) as Record<string, unknown>;
}

const TEXT_FIELDS = [
  'decision_id',
  'request_id',
  'client_request_id',
  'session_id',
  'peer',
  'client',
  'user_agent',
  'principal',
  'principal_name',
  'route',
  'server',
  'method',
  'http_method',
  'tool',
  'jsonrpc_id',
  'policy',
  'rule',
  'reason',
  'upstream_error',
  'detail',
] as const;

const NUMBERS = ['status', 'rpc_code', 'bytes_in', 'bytes_out', 'duration_ms', 'dropped', 'count'] as const;

const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({
    unit: fc.constantFrom('\0', '\r\n', '\u2028', '\u2029', '\u0085', '\u001b[31m', '\ud800', '"', '\\', '😀'),
  }),
  fc.string({ unit: 'binary', minLength: 100, maxLength: 3000 }),
);

describe('an audit record', () => {
  it('holds the fields given, under their names, and no others', () => {
    expect(
      parse({ type: 'decision', server: 'crm', tool: 'search', verdict: 'allow', status: 200, rule: undefined }),
    ).toEqual({
      seq: 1,
      time: TIME,
      type: 'decision',
      source: 'sallyport',
      server: 'crm',
      tool: 'search',
      verdict: 'allow',
      status: 200,
      prev: GENESIS.hash,
      hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  it('keeps JSON-RPC ids 1 and "1" apart, and writes numbers JSON can hold', () => {
    expect(parse({ type: 'outcome', jsonrpc_id: 1, duration_ms: 1.23456, bytes_in: Number.NaN })).toMatchObject({
      jsonrpc_id: 1,
      duration_ms: 1.235,
      bytes_in: null,
    });
    expect(parse({ type: 'outcome', jsonrpc_id: '1' })).toMatchObject({ jsonrpc_id: '1' });
  });

  it('is exactly one line of valid ASCII JSON with the same values, whatever strings a caller sends', () => {
    const fields = Object.fromEntries(TEXT_FIELDS.map((name) => [name, anyText]));
    fc.assert(
      fc.property(fc.record(fields, { requiredKeys: [] }), (values) => {
        const line = seal({ type: 'decision', ...(values as AuditFields) });
        expect(line).toMatch(/^[\x20-\x7e]*\n$/);
        expect(line.length).toBeLessThanOrEqual(MAX_LINE);
        expect(inspect(Buffer.from(line.slice(0, -1)))).toMatchObject({ seq: 1 });
        const read = JSON.parse(line) as Record<string, string>;
        for (const [name, value] of Object.entries(values)) expectSameOrCut(read[name]!, value!);
      }),
      { numRuns: 200 },
    );
  });

  it('stays under 8 KiB with every field at its worst', () => {
    const worst = Object.fromEntries([
      ...TEXT_FIELDS.map((name) => [name, '\0'.repeat(1 << 20)]),
      ...NUMBERS.map((name) => [name, -Number.MAX_VALUE]),
    ]) as AuditFields;
    const row: AuditRow = { type: 'stream_start', verdict: 'allow', outcome: 'tool_error', ...worst };
    expect(new Chain({ seq: 999_999_999_999, hash: GENESIS.hash }).seal(bodyOf(row, TIME)).length).toBeLessThanOrEqual(
      MAX_LINE,
    );
  });

  it('cuts a long field and says how long it was and what its digest is; a short one is left alone', () => {
    const long = `${'a'.repeat(5000)}\r\n{"type":"control"}`;
    const cut = parse({ type: 'decision', tool: long, server: 'crm' });
    const digest = createHash('sha256').update(long).digest('hex').slice(0, 16);
    expect(cut.tool).toMatch(new RegExp(`^a+\\.\\.\\.\\[${long.length} chars sha256:${digest}\\]$`));
    expect(cut.server).toBe('crm');
  });

  it('writes a prefix made once as it would write the fields themselves', () => {
    const who = prefixOf({ principal: 'token:1', principal_name: 'J\u00fcrgen\n' });
    const where = prefixOf({ server: 'crm', route: 'mcp' });
    const { hash: _, prev: __, ...read } = parse({ type: 'decision', who, where, tool: 'x' });
    expect(read).toMatchObject({
      principal: 'token:1',
      principal_name: 'J\u00fcrgen\n',
      server: 'crm',
      route: 'mcp',
      tool: 'x',
    });
  });

  it('never writes a key twice when prefixes and row name the same field: who wins, then where', () => {
    const who = prefixOf({ principal: 'who', server: 'who' });
    const where = prefixOf({ server: 'where', route: 'where' });
    const line = seal({ type: 'decision', who, where, principal: 'row', route: 'row', tool: 'row' });
    for (const key of ['principal', 'server', 'route', 'tool']) expect(line.split(`"${key}":`)).toHaveLength(2);
    expect(JSON.parse(line)).toMatchObject({ principal: 'who', server: 'who', route: 'where', tool: 'row' });
  });
});

describe('timestamps', () => {
  it('say what Date says, forwards and backwards', () => {
    const times = new Timestamps();
    for (const at of [0, 7, 99, 999, 1000, 1_795_247_400_123, 1_795_243_800_004, 1_795_243_800_005]) {
      expect(times.at(at)).toBe(new Date(at).toISOString());
    }
  });
});

function expectSameOrCut(read: string, sent: string): void {
  if (read === sent) return;
  const mark = read.lastIndexOf('...[');
  expect(read.slice(mark)).toMatch(new RegExp(`^\\.\\.\\.\\[${sent.length} chars sha256:[0-9a-f]{16}\\]$`));
  expect(sent.startsWith(read.slice(0, mark))).toBe(true);
}
