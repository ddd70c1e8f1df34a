// `npm run bench`: what the gateway costs, beside what it is compared with, from one run.
//
//   npm run bench                        everything, about six minutes
//   npm run bench -- --quick             a smoke of twenty seconds: every row, no figure worth quoting
//   npm run bench -- --profile           where the time goes, layers off and on
//   npm run bench -- --compare DIR       also the compiled gateway in DIR (rows `off'` and `on'`);  --build DIR instead of dist
//   --rounds N --seconds S --warmup S    the length of each part;  --only TEXT  scenarios whose title holds it
//
// Run `npm run build` first: what is measured is dist/.
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { besideLoad, OWN_BUILD, startDirect, startFloor, startGateway, startUpstream } from './contenders.mjs';
import { coldStart, idleStreams } from './memory-and-start.mjs';
import { pinned, rssOf, stopAll } from './process.mjs';
import { printProfile } from './profile.mjs';
import { scenarioTable, targetTable, titleOf } from './report.mjs';
import { Load, of, runScenario } from './rounds.mjs';

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
    build: { type: 'string', default: OWN_BUILD },
    compare: { type: 'string' },
    only: { type: 'string', default: '' },
    era: { type: 'string', default: 'modern' },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    warmup: { type: 'string' },
  },
});
const { quick } = values;
const length = {
  rounds: Number(values.rounds ?? (quick ? 1 : 15)),
  seconds: Number(values.seconds ?? (quick ? 0.1 : 0.6)),
  warmup: Number(values.warmup ?? (quick ? 0.1 : 1.5)),
};
const MAIN = { era: 'modern', tool: 'echo', connections: 16 };
const SCENARIOS = [
  MAIN,
  { era: 'modern', tool: 'echo', connections: 1 },
  { era: 'modern', tool: 'echo', connections: 128 },
  { era: 'legacy', tool: 'echo', connections: 16 },
  { era: 'legacy', tool: 'echo', connections: 1 },
  { era: 'legacy', tool: 'echo', connections: 128 },
  { era: 'modern', tool: 'large', connections: 16 },
];

async function profileRun() {
  const load = await Load.start();
  const upstream = await startUpstream();
  const options = { ...MAIN, era: values.era, warmup: 4, seconds: 6, repeats: 2, functions: 30 };
  await printProfile(load, upstream, { ...options, build: values.build });
}

async function startContenders(upstream) {
  const contenders = [
    await startDirect(),
    besideLoad(upstream),
    await startFloor(upstream),
    await startGateway('off', upstream, { build: values.build }),
    await startGateway('on', upstream, { build: values.build }),
  ];
  if (values.compare === undefined) return contenders;
  const build = values.compare;
  const other = (layers) => startGateway(layers, upstream, { build, name: `${layers}'` });
  return [...contenders, await other('off'), await other('on')];
}

async function fullRun() {
  const load = await Load.start();
  const upstream = await startUpstream();
  const contenders = await startContenders(upstream);
  const names = contenders.map(({ name }) => name);
  const gateway = contenders.find(({ name }) => name === 'on');
  const idleRss = rssOf(gateway.process.pid) / 1024;
  console.log(`Node ${process.version}, ${availableParallelism()} processors, ${pinned ? 'pinned' : 'NOT pinned'}.`);
  console.log(
    `Medians of ${length.rounds} interleaved rounds of ${length.seconds} s; ratios are taken inside a round.\n`,
  );
  const results = {};
  for (const scenario of SCENARIOS.filter((each) => titleOf(each).includes(values.only))) {
    const rounds = await runScenario(load, contenders, scenario, length);
    results[titleOf(scenario)] = rounds;
    console.log(`### ${titleOf(scenario)}\n\n${scenarioTable(rounds, names)}\n`);
  }
  const main = results[titleOf(MAIN)];
  if (values.only !== '' || main === undefined) return save({ results });
  const last = Object.values(results).at(-1);
  const streams = await idleStreams(
    load,
    upstream,
    values.build,
    quick ? { count: 40, settleMs: 100 } : { count: 500, settleMs: 1_000 },
  );
  const start = await coldStart(values.build, quick ? 1 : 7);
  const facts = { main, idleRss, loadedRss: of(last, 'on', 'rss'), streams, start };
  console.log(`### Against the targets\n\n${targetTable(facts)}\n`);
  const { session, stream, count } = streams;
  console.log(`Of an idle stream ${session.toFixed(1)} KiB are the session and its stream to the server, \
${stream.toFixed(1)} KiB the client's (${count} of them). RSS at the end of a cold start: ${start.rss.toFixed(0)} MiB.`);
  return save({ results, idleRss, streams, start });
}

function save(figures) {
  const folder = new URL('results/', import.meta.url);
  mkdirSync(folder, { recursive: true });
  const file = new URL(`${new Date().toISOString().replaceAll(':', '-')}.json`, folder);
  writeFileSync(file, JSON.stringify({ node: process.version, pinned, length, ...figures }, undefined, 1));
}

for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => stopAll().then(() => process.exit(1)));
try {
  await (values.profile ? profileRun() : fullRun());
} finally {
  await stopAll();
}
