import { closeSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openRegular } from './record-file.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-record-file-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the file of a record', () => {
  it.each([
    ['a new one', undefined],
    ['an empty one', ''],
    ['one with a record', '{"seq":1,"time":"x"}\n'],
    ['one whose first line a crash cut short', '{"se'],
  ])('is opened when it is %s, and nobody else may read it', (_, text) => {
    const path = join(folder, 'audit.jsonl');
    if (text !== undefined) writeFileSync(path, text, { mode: 0o644 });
    closeSync(openRegular(path));
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readFileSync(path, 'utf8')).toBe(text ?? '');
  });

  it('is not taken for one when it holds something else, and that is left as it was', () => {
    const path = join(folder, 'notes.txt');
    writeFileSync(path, 'something precious\n', { mode: 0o644 });
    expect(() => openRegular(path)).toThrow(/no audit record.*audit\.file/);
    expect(readFileSync(path, 'utf8')).toBe('something precious\n');
    expect(statSync(path).mode & 0o777).toBe(0o644);
  });

  it('is never reached through a link', () => {
    const target = join(folder, 'target');
    writeFileSync(target, '');
    symlinkSync(target, join(folder, 'audit.jsonl'));
    expect(() => openRegular(join(folder, 'audit.jsonl'))).toThrow(/symbolic link.*audit\.file/);
  });
});
