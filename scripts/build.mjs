// Compiles the server into dist/. Runs on `npm ci` (prepare), so a fresh clone is runnable at once.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync } from 'node:fs';

const compiler = 'node_modules/typescript/bin/tsc';
if (!existsSync(compiler)) {
  // An install without development packages (npm ci --omit=dev) keeps the dist/ it was shipped with.
  if (existsSync('dist/src/cli/main.js')) process.exit(0);
  console.error('sallyport: the compiler is missing; run `npm ci` without --omit=dev to build dist/');
  process.exit(1);
}
const { status } = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.build.json'], { stdio: 'inherit' });
if (status === 0) chmodSync('dist/src/cli/main.js', 0o755);
process.exit(status ?? 1);
