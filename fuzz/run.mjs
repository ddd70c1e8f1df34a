// `npm run fuzz`: compiles what is tested and what tests it, then runs fuzz/main.ts. See fuzz/README.md.
import { spawnSync } from 'node:child_process';

const must = (...args) => {
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
};

must('scripts/build.mjs');
must('node_modules/typescript/bin/tsc', '-p', 'fuzz/tsconfig.json');
must('--enable-source-maps', 'fuzz/dist/fuzz/main.js', ...process.argv.slice(2));
