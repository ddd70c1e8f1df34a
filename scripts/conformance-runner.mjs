// The official conformance suites have a package tree of their own (test/conformance/runner): they need a newer Node than the
// gateway, and what they depend on must not reach its lock file.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../test/conformance/runner/', import.meta.url));
const stamp = `${folder}node_modules/.installed-from`;

/** Installs the suites exactly as locked, when they are missing or locked differently. Says so; ends the process on failure. */
export function installRunner() {
  const locked = createHash('sha256')
    .update(readFileSync(`${folder}package-lock.json`))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === locked) return;
  console.log(
    'Installing the official conformance suites, with a Node of their own, into test/conformance/runner (once)',
  );
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const { status } = spawnSync('npm', args, { cwd: folder, stdio: 'inherit' });
  if (status !== 0) {
    console.error('the conformance suites could not be installed; once the registry can be reached, run it again');
    process.exit(status ?? 1);
  }
  writeFileSync(stamp, locked);
}
