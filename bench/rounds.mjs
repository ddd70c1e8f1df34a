// Interleaved rounds: every contender in turn inside each round, the order rotated, ratios taken inside a round.
import { fileURLToPath } from 'node:url';
import { cpuOf, MEASURING, rssOf, start } from './process.mjs';

/** The load generator as an object: each command is one message and its answer. */
export class Load {
  #process;

  static async start() {
    const load = new Load();
    load.#process = await start(fileURLToPath(new URL('load.mjs', import.meta.url)), { cpu: MEASURING });
    return load;
  }

  /** One command at a time. @throws Error with what the generator says */
  async do(command, args) {
    const { child, ended } = this.#process;
    const gone = ended.then(() => ({ error: `the load generator ended:\n${this.#process.output}` }));
    const answered = new Promise((resolve) => child.once('message', resolve));
    child.send({ command, args });
    const { value, error } = await Promise.race([answered, gone]);
    if (error !== undefined) throw new Error(`${command} ${args.name}: ${error}`);
    return value;
  }
}

export function targetOf({ target }, era) {
  return { port: target.port, path: target.paths[era], token: target.token };
}

/** What one contender does under one load for a while. CPU is that of the contender alone. */
export async function measure(load, contender, seconds) {
  const { pid } = contender.process;
  const before = cpuOf(pid);
  const { requests, failed, sample, ...rest } = await load.do('run', { name: contender.name, seconds });
  const cpu = (cpuOf(pid) - before) / requests;
  if (failed > 0)
    throw new Error(`${contender.name}: ${failed} of ${requests} calls failed, the first with\n${sample}`);
  return { requests, rps: requests / rest.seconds, cpu, p50: rest.p50, p99: rest.p99, rss: rssOf(pid) / 1024 };
}

/**
 * Runs one scenario. @returns the rounds, each a record of measurements by contender
 */
export async function runScenario(load, contenders, scenario, { rounds, seconds, warmup }) {
  const { era, tool, connections, oneSession = false } = scenario;
  for (const contender of contenders) {
    const target = targetOf(contender, era);
    await load.do('open', { name: contender.name, target, connections, tool, legacy: era === 'legacy', oneSession });
  }
  for (const contender of contenders) await measure(load, contender, warmup);
  const measured = [];
  for (let round = 0; round < rounds; round++) {
    const row = {};
    for (let i = 0; i < contenders.length; i++) {
      const contender = contenders[(i + round) % contenders.length];
      row[contender.name] = await measure(load, contender, seconds);
    }
    measured.push(row);
  }
  for (const { name } of contenders) await load.do('close', { name });
  return measured;
}

export function median(numbers) {
  const sorted = numbers.filter(Number.isFinite).sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Median over rounds of one figure of one contender. */
export function of(rounds, name, figure) {
  return median(rounds.map((row) => row[name][figure]));
}

/** Median of the ratios inside each round. */
export function ratio(rounds, name, base, figure) {
  return median(rounds.map((row) => row[name][figure] / row[base][figure]));
}
