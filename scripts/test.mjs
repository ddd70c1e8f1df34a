// `npm test`: everything. Compiles, makes sure the system has what the tests need, installs the conformance suites when they are
// missing, runs both vitest projects with one summary.
// `npm test -- --json FILE` also writes vitest's JSON report; other arguments go to vitest (`npm test -- src/net`).
import { spawnSync } from 'node:child_process';
import { installRunner } from './conformance-runner.mjs';

const args = process.argv.slice(2);
const at = args.indexOf('--json');
const report = at === -1 ? [] : ['--reporter=default', '--reporter=json', `--outputFile.json=${args.splice(at, 2)[1]}`];

/** Runs a step in the foreground; the first that fails ends the run with its code. */
function must(command, commandArgs) {
  const { status, error } = spawnSync(command, commandArgs, { stdio: 'inherit' });
  if (error) console.error(`${command}: ${error.message}`);
  if (status !== 0) process.exit(status ?? 1);
}

// The incremental compiler is the judge of what is stale; with nothing to do it takes a third of a second.
must(process.execPath, ['scripts/build.mjs']);
must('sh', ['scripts/test-setup.sh']);
installRunner();
must(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...report, ...args]);
