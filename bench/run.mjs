// `npm run bench`: what the gateway costs, beside what it is compared with, from one run.
//
//   npm run bench                        everything, under ten minutes
//   npm run bench -- --write             the same, and the tables go into docs/performance.md
//   npm run bench -- --quick             a smoke of half a minute: every row, no figure worth quoting
//   npm run bench -- --profile           where the time goes, layers off and on;  --tool large for the 100 KB result
//   npm run bench -- --compare DIR       also the compiled gateway in DIR (rows `off'` and `on'`);  --build DIR instead of dist
//   --rounds N --seconds S --warmup S    the length of each part;  --only TEXT  scenarios whose title holds it
//
// Run `npm run build` first: what is measured is dist/. `npm run bench:setup` installs what it is compared with.
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import * as bridges from './bridges.mjs';
import { besideLoad, OWN_BUILD, PATHS, startDirect, startFloor, startGateway, startUpstream } from './contenders.mjs';
import { coldStart, idleStreams } from './memory-and-start.mjs';
import * as nginx from './nginx.mjs';
import { pinned, rssOf, stop, stopAll } from './process.mjs';
import { printProfile } from './profile.mjs';
import { publish } from './publish.mjs';
import { bridgeTable, memoryTable, scenarioTable, targetTable, titleOf } from './report.mjs';
import { Load, of, runScenario } from './rounds.mjs';

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    build: { type: 'string', default: OWN_BUILD },
    compare: { type: 'string' },
    only: { type: 'string', default: '' },
    era: { type: 'string', default: 'modern' },
    tool: { type: 'string', default: 'echo' },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    warmup: { type: 'string' },
  },
});
const { quick, build, compare } = values;
const length = {
  rounds: Number(values.rounds ?? (quick ? 1 : 11)),
  seconds: Number(values.seconds ?? (quick ? 0.1 : 0.5)),
  warmup: Number(values.warmup ?? (quick ? 0.1 : 1.2)),
};
const small = (connections, era = 'modern') => ({ era, tool: 'echo', connections });
const large = (connections, era = 'modern') => ({ era, tool: 'large', connections });
const MAIN = small(16);
const OVER_HTTP = [MAIN, small(1), small(128), small(16, 'legacy'), large(16), large(1), large(128)];
const OVER_STDIO = [small(16), small(1), small(128), large(16)].map((scenario) => {
  return { ...scenario, era: 'legacy', oneSession: true, transport: 'stdio' };
});
/** How long a process does nothing before it counts as idle. */
const SETTLE_MS = 25_000;
const SETUP = '`npm run bench:setup` installs it';

const said = [];
function say(text) {
  said.push(text);
  console.log(`${text}\n`);
}

async function profileRun() {
  const load = await Load.start();
  const upstream = await startUpstream();
  const options = { ...MAIN, era: values.era, tool: values.tool, warmup: 4, seconds: 6, repeats: 2, functions: 30 };
  await printProfile(load, upstream, { ...options, build });
}

async function startOverHttp(upstream) {
  const contenders = [
    await startDirect(),
    besideLoad(upstream),
    await startFloor(upstream),
    ...(nginx.isInstalled() ? [await nginx.startNginx(upstream, PATHS)] : []),
    await startGateway('off', upstream, { build }),
    await startGateway('on', upstream, { build }),
  ];
  if (compare === undefined) return contenders;
  const other = (layers) => startGateway(layers, upstream, { build: compare, name: `${layers}'` });
  return [...contenders, await other('off'), await other('on')];
}

async function startOverStdio() {
  const contenders = [];
  for (const name of bridges.BRIDGES) if (bridges.isInstalled(name)) contenders.push(await bridges.startBridge(name));
  for (const layers of ['off', 'on']) contenders.push(await bridges.startStdioGateway(layers, build));
  return contenders;
}

/** Every scenario in turn. @returns the rounds by title, and what each contender had resident before and after */
async function runAll(load, contenders, scenarios, tableOf) {
  // What starting left behind is given back by a collection that comes only when nothing happens.
  await new Promise((resolve) => setTimeout(resolve, quick ? 0 : SETTLE_MS));
  const memory = contenders.map(({ name, process }) => ({ name, idle: rssOf(process.pid) / 1024 }));
  const results = {};
  for (const scenario of scenarios.filter((each) => titleOf(each).includes(values.only))) {
    const rounds = await runScenario(load, contenders, scenario, length);
    results[titleOf(scenario)] = rounds;
    say(`### ${titleOf(scenario)}\n\n${tableOf(rounds)}`);
    for (const row of memory) row[scenario.tool] = Math.max(row[scenario.tool] ?? 0, of(rounds, row.name, 'rss'));
  }
  return { results, memory };
}

async function fullRun() {
  const load = await Load.start();
  const upstream = await startUpstream();
  const processors = `${availableParallelism()} processors${pinned ? ', pinned' : ', NOT pinned'}`;
  const compared = bridges.BRIDGES.filter(bridges.isInstalled).map(bridges.version);
  if (nginx.isInstalled()) compared.unshift(nginx.version());
  say(`Node ${process.version}, ${[processors, ...compared].join(', ')}. Medians of ${length.rounds} interleaved rounds of ${length.seconds} s; \
ratios are taken inside a round.`);

  const contenders = await startOverHttp(upstream);
  const names = contenders.map(({ name }) => name);
  const noNginx = nginx.isInstalled() ? [] : [`nginx: not measured, it is not installed; ${SETUP}`];
  const http = await runAll(load, contenders, OVER_HTTP, (rounds) => scenarioTable(rounds, names, noNginx));
  for (const { name, process } of contenders) if (name !== 'beside') await stop(process);

  const over = await startOverStdio();
  const others = over.map(({ name }) => name);
  const absent = bridges.BRIDGES.filter((name) => !others.includes(name));
  const notes = absent.map((name) => `${name}: not measured, it is not installed; ${SETUP}`);
  const stdio = await runAll(load, over, OVER_STDIO, (rounds) => bridgeTable(rounds, others, notes));
  for (const contender of over) await stop(contender.process);

  const figures = { http, stdio };
  const main = http.results[titleOf(MAIN)];
  if (values.only !== '' || main === undefined) return save(figures);
  say(
    `### Memory\n\n${memoryTable([...http.memory, ...stdio.memory.map((row) => ({ ...row, name: `${row.name}, stdio` }))])}`,
  );
  const many = quick ? { count: 40, settleMs: 100 } : { count: 500, settleMs: 1_000 };
  const streams = await idleStreams(load, upstream, build, many);
  const start = await coldStart(build, quick ? 1 : 7);
  const memory = http.memory.find(({ name }) => name === 'on');
  const facts = { main, bridged: stdio.results[titleOf(OVER_STDIO[0])], memory, streams, start };
  say(`### Against the targets\n\n${targetTable(facts)}`);
  const { session, stream, count } = streams;
  say(`Of an idle stream ${session.toFixed(1)} KiB are the session and its stream to the server, \
${stream.toFixed(1)} KiB the client's (${count} of them). RSS at the end of a cold start: ${start.rss.toFixed(0)} MiB.`);
  return save({ ...figures, streams, start });
}

function save(figures) {
  const folder = new URL('results/', import.meta.url);
  mkdirSync(folder, { recursive: true });
  const file = new URL(`${new Date().toISOString().replaceAll(':', '-')}.json`, folder);
  writeFileSync(file, JSON.stringify({ node: process.version, pinned, length, ...figures }, undefined, 1));
  if (values.write) publish('bench', said.join('\n\n'));
}

for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => stopAll().then(() => process.exit(1)));
try {
  await (values.profile ? profileRun() : fullRun());
} finally {
  await stopAll();
}
