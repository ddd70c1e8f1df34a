// `npm run check`: what must hold besides the tests. Each step is timed; the output of a step is shown only when it fails.
// Ends with `N passed, N failed`. `npm run check -- --json FILE` also writes { passed, failed }.
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

const node = process.execPath;
const bin = (name) => `node_modules/${name}`;

/** Generated files are compared with what the compiled schema says now, so compiling comes before the rest. */
const first = { name: 'build', command: [node, 'scripts/build.mjs'] };
const steps = [
  { name: 'types', command: [node, bin('typescript/bin/tsc'), '-p', 'tsconfig.json'] },
  { name: 'format and lint', command: [node, bin('@biomejs/biome/bin/biome'), 'ci', '.'] },
  { name: 'floors', command: [node, bin('vitest/vitest.mjs'), 'run', '--project', 'unit', 'test/architecture'] },
  { name: 'generated files', command: [node, 'scripts/generate.mjs', '--check'] },
  { name: 'unused code', command: [node, bin('knip/bin/knip.js'), '--no-progress'] },
];

/** Runs one step to its end. Never rejects: a step that cannot start has failed. */
function run({ name, command: [program, ...args] }) {
  return new Promise((resolve) => {
    const began = performance.now();
    let output = '';
    let done = false;
    const finish = (ok) => {
      if (done) return;
      done = true;
      const seconds = ((performance.now() - began) / 1000).toFixed(1);
      console.log(`${ok ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)${ok ? '' : `\n${output.trimEnd()}\n`}`);
      resolve(ok);
    };
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, NO_COLOR: '1' } });
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
    child.on('error', (error) => {
      output += error.message;
      finish(false);
    });
    child.on('close', (code) => finish(code === 0));
  });
}

const results = [await run(first)];
const queue = [...steps];
const worker = async () => {
  for (let step = queue.shift(); step !== undefined; step = queue.shift()) results.push(await run(step));
};
await Promise.all(Array.from({ length: Math.max(1, Math.min(4, availableParallelism())) }, worker));

const passed = results.filter(Boolean).length;
const failed = results.length - passed;
const at = process.argv.indexOf('--json');
if (at !== -1) writeFileSync(process.argv[at + 1], JSON.stringify({ passed, failed }));
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
