import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const RUN = fileURLToPath(new URL('../../bench/run.mjs', import.meta.url));
const LOADS = [1, 16, 128].flatMap((n) => ['modern', 'legacy'].map((era) => `small call, ${era}, ${n} connection`));

it('the benchmark runs to its end with every row', { timeout: 120_000 }, async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [RUN, '--quick']);
  for (const load of [...LOADS, '100 KB result, modern, 16 connections']) expect(stdout).toContain(`### ${load}`);
  for (const row of ['direct', 'beside', 'floor', 'off', 'on']) {
    expect(stdout.match(new RegExp(`^\\| ${row} \\| [1-9]`, 'gm'))).toHaveLength(7);
  }
  expect(stdout).toContain('### Against the targets');
  expect(stdout).not.toMatch(/NaN|–/);
});
