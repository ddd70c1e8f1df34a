import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const RUN = fileURLToPath(new URL('../../bench/run.mjs', import.meta.url));
const SMALL = [1, 16, 128].map((n) => `small call, modern, HTTP, ${n} connection`);
const LARGE = [1, 16, 128].map((n) => `100 KB result, modern, HTTP, ${n} connection`);
const OVER_STDIO = [1, 16, 128].map((n) => `small call, legacy, stdio, ${n} connection`);
const LOADS = [...SMALL, ...LARGE, ...OVER_STDIO, 'small call, legacy, HTTP, 16', '100 KB result, legacy, stdio, 16'];

it('the benchmark runs to its end with every row', { timeout: 120_000 }, async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [RUN, '--quick']);
  for (const load of LOADS) expect(stdout).toContain(`### ${load}`);
  const rowsOf = (name: string) => stdout.match(new RegExp(`^\\| ${name} \\| [1-9]`, 'gm')) ?? [];
  for (const row of ['direct', 'beside', 'floor']) expect(rowsOf(row)).toHaveLength(8);
  for (const row of ['off', 'on']) expect(rowsOf(row)).toHaveLength(12);
  // What it is compared with need not be installed; then the table says so.
  for (const [row, times] of [
    ['nginx', 8],
    ['mcp-proxy', 4],
    ['supergateway', 4],
  ] as const) {
    const isAbsent = stdout.includes(`${row}: not measured, it is not installed`);
    expect(rowsOf(row)).toHaveLength(isAbsent ? 0 : times);
  }
  expect(stdout).toContain('### Against the targets');
  expect(stdout).not.toMatch(/NaN|–/);
});
