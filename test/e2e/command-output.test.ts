import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { CLI } from '../support/gateway.ts';
import { until } from '../support/wait.ts';
import { testFolder } from './state.ts';

/** More than any pipe holds. */
const LINES = 40_000;

/** `sallyport ip import` of that many good lines, and more. */
function importing(more = ''): ChildProcess & { stdout: Readable; stderr: Readable } {
  const file = join(testFolder(), 'list.txt');
  const line = (_: unknown, i: number): string => `10.0.${i >> 8}.${i & 255}\n`;
  writeFileSync(file, `${Array.from({ length: LINES }, line).join('')}${more}`);
  return spawn(process.execPath, [CLI, 'ip', 'import', file], {
    env: { PATH: process.env.PATH },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

describe('the output of a command', () => {
  it.each([
    ['good', '', 0],
    ['in part unreadable', 'nonsense\n'.repeat(LINES), 1],
  ])('reaches a reader that is slow to the last line, of a list that is %s', async (_, more, expected) => {
    const child = importing(more);
    const ended = once(child, 'exit');
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      stderr += chunk;
    });
    await until(() => stderr.includes('Read as plain'), 'everything but the result has been read');
    const stdout = await text(child.stdout);
    expect(await ended).toEqual([expected, null]);
    expect(stdout.match(/^ {4}- /gm)).toHaveLength(LINES);
    expect(stdout.endsWith(`    - 10.0.${(LINES - 1) >> 8}.${(LINES - 1) & 255}\n`)).toBe(true);
    expect(stderr.match(/nonsense$/gm)?.length ?? 0).toBe(more === '' ? 0 : LINES);
  });

  it('that nobody reads any more ends the command quietly, and not with 0', async () => {
    const child = importing();
    child.stdout.destroy();
    const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
    expect(code).toBe(141);
    expect(stderr).toBe(`Read as plain: ${LINES} allowed, 0 denied.\n`);
  });
});
