// Runs the fuzz targets: `npm run fuzz`. Options and what they mean: fuzz/README.md.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { inputAt, keptInputs } from './inputs.ts';
import { randomOf } from './random.ts';
import type { Target } from './target.ts';
import { TARGETS } from './targets/all.ts';
import type { Finding, Job } from './work.ts';

const ROOT = process.cwd();
const FINDINGS = join(ROOT, 'fuzz', 'findings');
const JOB_INPUTS = 20_000;
/** Longer than this with one input is a hang. */
const PATIENCE_MS = 30_000;

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    target: { type: 'string' },
    inputs: { type: 'string', default: '1050000' },
    workers: { type: 'string', default: String(Math.min(4, availableParallelism())) },
    replay: { type: 'string' },
  },
});

function chosen(): readonly Target[] {
  const names = values.target?.split(',') ?? TARGETS.map(({ name }) => name);
  return names.map((name) => {
    const target = TARGETS.find((each) => each.name === name);
    if (target === undefined) throw new Error(`no target ${name}: ${TARGETS.map((each) => each.name).join(', ')}`);
    return target;
  });
}

/** The biggest targets first, those with a process of their own in one piece. */
function jobsOf(targets: readonly Target[], seed: number, inputs: number): Job[] {
  const weights = targets.reduce((sum, { weight }) => sum + weight, 0);
  return targets.flatMap((target) => {
    const count = Math.ceil((inputs * target.weight) / weights);
    const size = target.start === undefined ? JOB_INPUTS : count;
    const starts = Array.from({ length: Math.ceil(count / size) }, (_, i) => i * size);
    return starts.map((from) => ({ target: target.name, seed, from, to: Math.min(from + size, count) }));
  });
}

/** Does jobs until none is left, each in a worker of its own, which is ended when it hangs. */
async function work(jobs: Job[], report: (job: Job, findings: readonly Finding[]) => void): Promise<void> {
  for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) {
    const shown = new Int32Array(new SharedArrayBuffer(4));
    const worker = new Worker(new URL('worker.js', import.meta.url), { workerData: shown.buffer });
    report(job, await outcome(worker, job, shown));
    await worker.terminate();
  }
}

function outcome(worker: Worker, job: Job, shown: Int32Array): Promise<readonly Finding[]> {
  return new Promise((resolve) => {
    let [last, since] = [-1, performance.now()];
    const fail = (what: string): void => {
      clearInterval(watch);
      const index = Atomics.load(shown, 0);
      const target = TARGETS.find(({ name }) => name === job.target)!;
      const bytes = inputAt(target, keptInputs(ROOT, job.target), job.seed, index);
      resolve([{ target: job.target, index, bytes, what }]);
    };
    const watch = setInterval(() => {
      const now = Atomics.load(shown, 0);
      if (now !== last) [last, since] = [now, performance.now()];
      else if (performance.now() - since > PATIENCE_MS) fail(`hangs: nothing for ${PATIENCE_MS / 1000} s`);
    }, 500);
    worker.once('message', (findings: readonly Finding[]) => {
      clearInterval(watch);
      resolve(findings);
    });
    worker.once('error', (error) => fail(`crashes: ${error.stack ?? error.message}`));
    worker.postMessage(job);
  });
}

/** Keeps the input, and says how to see it again. */
function tell({ target, index, bytes, what }: Finding, seed: number): void {
  console.error(`\n${target}${index === undefined ? '' : ` input ${index} of seed ${seed}`}: ${what}`);
  if (bytes === undefined) return;
  mkdirSync(FINDINGS, { recursive: true });
  const file = join(FINDINGS, `${target}-${seed}-${index}.bin`);
  writeFileSync(file, bytes);
  console.error(`  npm run fuzz -- --target ${target} --replay ${relative(ROOT, file)}`);
}

async function replay(file: string): Promise<void> {
  const bytes = readFileSync(file);
  for (const target of chosen()) {
    await target.start?.();
    try {
      await target.check(bytes, randomOf(bytes));
      console.log(`${target.name}: nothing found`);
    } finally {
      await target.stop?.();
    }
  }
}

async function run(): Promise<void> {
  const seed = Number(values.seed ?? Date.now() % 2 ** 31);
  const began = performance.now();
  const inputs = Number(values.inputs);
  const jobs = jobsOf(chosen(), seed, inputs);
  const [counts, found] = [new Map<string, number>(), [] as Finding[]];
  console.log(`seed ${seed}: npm run fuzz -- --seed ${seed} does the same again`);
  const report = (job: Job, findings: readonly Finding[]): void => {
    counts.set(job.target, (counts.get(job.target) ?? 0) + job.to - job.from);
    found.push(...findings);
    for (const finding of findings) tell(finding, seed);
  };
  await Promise.all(Array.from({ length: Number(values.workers) }, () => work(jobs, report)));
  for (const [name, count] of counts) console.log(`${name.padEnd(10)} ${count.toLocaleString('en')} inputs`);
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const seconds = Math.round((performance.now() - began) / 1000);
  console.log(`${total.toLocaleString('en')} inputs in ${seconds} s, ${found.length} findings`);
  if (found.length > 0) process.exitCode = 1;
}

await (values.replay === undefined ? run() : replay(values.replay));
