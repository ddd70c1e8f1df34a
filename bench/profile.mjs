// Where the time goes: a CPU profile of the gateway with its layers off and on under the same load.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { newFolder, startGateway } from './contenders.mjs';
import { stop } from './process.mjs';
import { profileTable } from './report.mjs';
import { measure, targetOf } from './rounds.mjs';

const INTERVAL_US = 200;
const now = () => Number(process.hrtime.bigint() / 1_000n);

/** @returns microseconds of self time per request, by module and by function */
async function profile(load, upstream, layers, { era, tool, connections, seconds, warmup, build }) {
  const folder = newFolder('profile-');
  const flags = ['--cpu-prof', '--cpu-prof-dir', folder, '--cpu-prof-interval', String(INTERVAL_US)];
  const gateway = await startGateway(layers, upstream, { execArgv: flags, build });
  const target = targetOf(gateway, era);
  await load.do('open', { name: gateway.name, target, connections, tool, legacy: era === 'legacy' });
  await measure(load, gateway, warmup);
  const from = now();
  const { requests, cpu } = await measure(load, gateway, seconds);
  const to = now();
  await load.do('close', { name: gateway.name });
  await stop(gateway.process);
  const file = readdirSync(folder).find((name) => name.endsWith('.cpuprofile'));
  const times = selfTimes(JSON.parse(readFileSync(join(folder, file), 'utf8')), from, to);
  return { cpu, byModule: sum(times, requests, 'module'), byFunction: sum(times, requests, 'name') };
}

/** Self time of every node within the window. The profiler's clock is the one of `process.hrtime`. */
function selfTimes({ nodes, samples, timeDeltas, startTime }, from, to) {
  const byId = new Map(nodes.map((node) => [node.id, { ...node, self: 0 }]));
  for (const node of nodes) for (const child of node.children ?? []) byId.get(child).parent = byId.get(node.id);
  let at = startTime;
  for (let i = 0; i < samples.length; i++) {
    at += timeDeltas[i];
    if (at >= from && at <= to) byId.get(samples[i]).self += timeDeltas[i];
  }
  return [...byId.values()].filter(({ self }) => self > 0).map((node) => ({ self: node.self, ...placeOf(node) }));
}

/** A native function belongs to the module that calls it. */
function placeOf(node) {
  const { functionName, url, lineNumber } = node.callFrame;
  if (url === '' && /^\((?:program|garbage collector|idle|root)\)$/.test(functionName)) {
    return { module: functionName, name: functionName };
  }
  if (url === '') {
    let caller = node.parent;
    while (caller !== undefined && caller.callFrame.url === '') caller = caller.parent;
    const module = caller === undefined ? 'native' : moduleOf(caller.callFrame.url);
    return { module, name: `${functionName} (native, for ${module})` };
  }
  return { module: moduleOf(url), name: `${functionName || 'anonymous'} (${fileOf(url)}:${lineNumber + 1})` };
}

function moduleOf(url) {
  const own = /\/dist[^/]*\/src\/([^/]+)\//.exec(url);
  if (own !== null) return own[1];
  const dependency = /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url);
  if (dependency !== null) return dependency[1];
  if (/^node:(?:_http|internal\/http)/.test(url)) return 'node:http';
  if (/^node:(?:net|stream|internal\/(?:stream|streams|net|js_stream))/.test(url)) return 'node:net, node:stream';
  return url.startsWith('node:') ? 'node, the rest' : 'app';
}

function fileOf(url) {
  return url.replace(/^.*\/dist[^/]*\/src\//, '').replace(/^.*\/node_modules\//, '');
}

function sum(times, requests, key) {
  const total = new Map();
  for (const time of times) total.set(time[key], (total.get(time[key]) ?? 0) + time.self / requests);
  return total;
}

function compare(off, on) {
  const names = new Set([...off.keys(), ...on.keys()]);
  return [...names].map((name) => ({ name, off: off.get(name) ?? 0, on: on.get(name) ?? 0 }));
}

/** Prints both tables. The order off, on, off, on evens out what else the machine does. */
export async function printProfile(load, upstream, options) {
  const runs = { off: [], on: [] };
  for (let i = 0; i < options.repeats; i++) {
    for (const layers of ['off', 'on']) runs[layers].push(await profile(load, upstream, layers, options));
  }
  const mean = (key, layers) => {
    const total = new Map();
    for (const run of runs[layers])
      for (const [name, value] of run[key]) total.set(name, (total.get(name) ?? 0) + value / runs[layers].length);
    return total;
  };
  const cpu = (layers) => runs[layers].reduce((total, run) => total + run.cpu, 0) / runs[layers].length;
  const modules = compare(mean('byModule', 'off'), mean('byModule', 'on')).filter(({ name }) => name !== '(idle)');
  modules.sort((a, b) => b.on - a.on);
  modules.push({ name: 'CPU of the process, all threads', off: cpu('off'), on: cpu('on') });
  console.log(`${profileTable('µs per request, self time by module', modules)}\n`);
  const functions = compare(mean('byFunction', 'off'), mean('byFunction', 'on'));
  const byGrowth = functions.filter(({ name }) => name !== '(idle)').sort((a, b) => b.on - b.off - (a.on - a.off));
  console.log(`${profileTable('functions that grow most', byGrowth.slice(0, options.functions))}\n`);
  const own = functions.filter(({ name }) => !name.startsWith('(')).sort((a, b) => b.on - a.on);
  console.log(profileTable('dearest functions', own.slice(0, options.functions)));
}
