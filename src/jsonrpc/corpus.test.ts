import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isScanFailure, scanBody, scanMessage, scanUpstream } from './scan.ts';

/** One kept input per file. The part of the name before the first dot says what a client that sends it is told. */
const folder = new URL('../../fuzz/corpus/jsonrpc/', import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
const VERDICTS = new Map([
  ['PARSE_ERROR', 'parse-error'],
  ['INVALID_REQUEST', 'invalid-request'],
]);

function verdict(scanned: ReturnType<typeof scanMessage>): string {
  return isScanFailure(scanned) ? VERDICTS.get(scanned.problem.code)! : 'accepted';
}

describe('the kept corpus', () => {
  it('is there, and holds all three verdicts', () => {
    expect(new Set(files.map((name) => name.split('.')[0]))).toEqual(new Set(['accepted', ...VERDICTS.values()]));
  });

  it.each(files)('%s', (name) => {
    const bytes = readFileSync(new URL(name, folder));
    const expected = name.split('.')[0];
    expect(verdict(scanMessage(bytes))).toBe(expected);
    if (expected !== 'accepted') return void [scanUpstream(bytes), scanBody(bytes)];
    expect(verdict(scanUpstream(bytes))).toBe('accepted');
    expect(scanBody(bytes)).toMatchObject({ batch: false });
    expect(() => JSON.parse(bytes.toString())).not.toThrow();
  });
});
