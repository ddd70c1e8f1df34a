import { parentPort, workerData } from 'node:worker_threads';
import { keptInputs } from './inputs.ts';
import { TARGETS } from './targets/all.ts';
import { type Job, runJob } from './work.ts';

/** One job after another; the number of the input at hand lies where the main thread can see it even if this one hangs. */
const shown = new Int32Array(workerData as SharedArrayBuffer);

parentPort!.on('message', (job: Job) => {
  const target = TARGETS.find(({ name }) => name === job.target)!;
  void runJob(target, keptInputs(process.cwd(), job.target), job, (index) => Atomics.store(shown, 0, index)).then(
    (findings) => parentPort!.postMessage(findings),
  );
});
