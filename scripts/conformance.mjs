// `npm run conformance`: the official suites against the conformance server, directly and through the gateway, over HTTP and
// stdio; compares with docs/conformance.md. `npm run conformance -- --write` writes it instead.
import { spawnSync } from 'node:child_process';
import { installRunner } from './conformance-runner.mjs';

installRunner();
const env = { ...process.env, CONFORMANCE_WRITE: process.argv.includes('--write') ? '1' : '' };
const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--project', 'e2e', '--reporter=verbose'];
for (const args of [['scripts/build.mjs'], [...vitest, '--disableConsoleIntercept', 'test/conformance']]) {
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit', env: { ...env, CONFORMANCE_TABLE: '1' } });
  if (status !== 0) process.exit(status ?? 1);
}
