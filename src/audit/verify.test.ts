import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Chain, inspect } from './chain.ts';
import { bodyOf } from './record.ts';
import { Trail } from './trail.ts';
import { verifyFile } from './verify.ts';

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'audit-verify-'));
  file = join(folder, 'audit.jsonl');
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function body(tool: string): string {
  return bodyOf({ type: 'decision', tool, verdict: 'allow' }, '2026-11-21T07:50:00.123Z');
}

/** Ten records and the anchor of a clean stop. */
async function tenRecords(): Promise<string[]> {
  const trail = new Trail(file, []);
  trail.append(Array.from({ length: 10 }, (_, i) => body(`tool-${i + 1}`)));
  await trail.close();
  return readFileSync(file, 'utf8').split('\n').slice(0, -1);
}

function rewrite(lines: readonly string[]): void {
  writeFileSync(file, lines.map((line) => `${line}\n`).join(''));
}

/** What a forger who knows the format would append. */
function forged(lines: readonly string[], tool: string): string {
  const links = inspect(Buffer.from(lines.at(-1)!));
  if ('fault' in links) throw new Error(links.fault);
  return new Chain({ seq: links.seq, hash: links.hash }).seal(body(tool)).slice(0, -1);
}

describe('verifying an audit file', () => {
  it('finds nothing wrong with a file as it was written', async () => {
    await tenRecords();
    const result = await verifyFile(file);
    expect(result).toMatchObject({
      ok: true,
      lines: 10,
      anchored: true,
      incomplete: 0,
      head: { seq: 10 },
      start: { seq: 0 },
    });
    expect(result).not.toHaveProperty('firstBad');
  });

  it('finds nothing wrong with a file nothing was written to', async () => {
    await new Trail(file, []).close();
    expect(await verifyFile(file)).toMatchObject({ ok: true, lines: 0, head: { seq: 0 } });
  });

  it('finds nothing wrong with a file the gateway was killed on, whose anchor is behind', async () => {
    const lines = await tenRecords();
    const early = inspect(Buffer.from(lines[3]!));
    const anchor = JSON.parse(readFileSync(join(folder, 'audit.head'), 'utf8')) as object;
    writeFileSync(join(folder, 'audit.head'), JSON.stringify({ ...anchor, ...early, prev: undefined, closed: false }));
    expect(await verifyFile(file)).toMatchObject({ ok: true, lines: 10 });
  });

  it('names the line of every single changed byte', async () => {
    await tenRecords();
    const original = readFileSync(file);
    const line5 = original.indexOf('"seq":5') - 1;
    const line6 = original.indexOf('"seq":6') - 1;
    for (let at = line5; at < line6 - 1; at += 7) {
      const changed = Buffer.from(original);
      changed[at]! ^= 1;
      writeFileSync(file, changed);
      expect(await verifyFile(file)).toMatchObject({ ok: false, firstBad: { line: 5 } });
    }
    writeFileSync(file, original);
    expect(await verifyFile(file)).toMatchObject({ ok: true });
  });

  it.each([
    ['a line taken out', (l: string[]) => l.splice(4, 1), 5, 'records 5 to 5 are missing'],
    ['two lines swapped', (l: string[]) => l.splice(4, 2, l[5]!, l[4]!), 5, 'records 5 to 5 are missing'],
    ['a line repeated', (l: string[]) => l.splice(5, 0, l[4]!), 6, 'record 5 stands where record 6 belongs'],
    ['a line put in', (l: string[]) => l.splice(5, 0, forged(l.slice(0, 5), 'evil')), 7, 'record 6 stands where'],
    ['a forged record after the clean stop', (l: string[]) => l.push(forged(l, 'evil')), 11, 'added after the gateway'],
    ['a line of something else', (l: string[]) => l.splice(2, 0, 'hello'), 3, 'not an audit record'],
    ['an empty line', (l: string[]) => l.splice(2, 0, ''), 3, 'not an audit record'],
    ['an endless line', (l: string[]) => l.splice(2, 0, 'x'.repeat(1 << 20)), 3, 'longer than 8192'],
    ['the tail cut off', (l: string[]) => l.splice(7), 8, 'ends after record 7; records up to 10'],
    ['the start cut off', (l: string[]) => l.splice(0, 2), 1, 'began with record 1'],
    ['everything removed', (l: string[]) => l.splice(0), 1, 'ends after record 0; records up to 10'],
  ] as const)('finds %s', async (_, tamper, line, why) => {
    const lines = await tenRecords();
    tamper(lines);
    rewrite(lines);
    const result = await verifyFile(file);
    expect(result).toMatchObject({ ok: false, firstBad: { line, why: expect.stringContaining(why) } });
  });

  it('finds a whole chain forged anew by what the anchor names', async () => {
    await tenRecords();
    const chain = new Chain({ seq: 0, hash: '0'.repeat(64) });
    writeFileSync(file, Array.from({ length: 10 }, (_, i) => chain.seal(body(`evil-${i}`))).join(''));
    expect(await verifyFile(file)).toMatchObject({
      ok: false,
      firstBad: { line: 10, why: expect.stringContaining('anchor') },
    });
    expect(await verifyFile(file, { anchor: false })).toMatchObject({ ok: true, anchored: false });
  });

  it('says that an old file was put back in its place', async () => {
    await tenRecords();
    const old = readFileSync(file);
    const trail = new Trail(file, []);
    trail.append([body('later')]);
    await trail.close();
    expect(await verifyFile(file)).toMatchObject({ ok: true, lines: 11 });
    writeFileSync(file, old);
    expect(await verifyFile(file)).toMatchObject({
      ok: false,
      firstBad: { line: 11, why: expect.stringContaining('cut off') },
    });
  });

  it('says that the anchor itself is damaged', async () => {
    await tenRecords();
    writeFileSync(join(folder, 'audit.head'), '{"seq":');
    expect(await verifyFile(file)).toMatchObject({ ok: false, firstBad: { line: 0 } });
  });

  it('verifies a file rotated away, from where it starts', async () => {
    const lines = await tenRecords();
    rewrite(lines.slice(4));
    expect(await verifyFile(file, { anchor: false })).toMatchObject({
      ok: true,
      lines: 6,
      start: { seq: 4 },
      head: { seq: 10 },
    });
  });

  it('reports bytes after the last newline without calling the records before them bad', async () => {
    const lines = await tenRecords();
    writeFileSync(file, `${lines.join('\n')}\n{"seq":11,"ti`);
    expect(await verifyFile(file)).toMatchObject({ ok: true, lines: 10, incomplete: 13 });
  });
});
