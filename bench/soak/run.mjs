// `npm run soak`: what needs time. Ten minutes by default, `--minutes N` for another length, `--streams N` for another crowd;
// `--write` puts the tables into docs/performance.md.
//
// Streams that tick every 200 ms: how much later an event arrives through the gateway than at a client of the server itself.
// Streams that say nothing: whether they live, and their keep-alives. Idle streams by the thousand: memory for each.
// Ends with 1 when a stream did not live, or more than one event in a thousand came over 50 ms later than at the other client.
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startGateway } from '../contenders.mjs';
import { MEASURING, rssOf, start, stopAll } from '../process.mjs';
import { publish } from '../publish.mjs';
import { table } from '../report.mjs';
import { Client } from './client.mjs';

const SERVER = fileURLToPath(new URL('server.mjs', import.meta.url));
const LATE_MS = 50;
const ERAS = ['modern', 'legacy'];

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    streams: { type: 'string', default: '2000' },
    write: { type: 'boolean', default: false },
  },
});
const length = Number(values.minutes) * 60_000;
// A call that says nothing is given a stream after two keep-alive intervals: before that there is nothing to see.
if (!(length >= 45_000)) throw new Error('--minutes must be at least 0.75');
const crowd = Number(values.streams);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const fixed = (number, digits = 1) => (Number.isFinite(number) ? number.toFixed(digits) : '–');
let failed = false;
const said = [];

function say(text) {
  said.push(text);
  console.log(text);
}

function demand(isSo) {
  if (!isSo) failed = true;
  return isSo ? 'yes' : '**no**';
}

function serverSettings(era, transport, port) {
  const call_timeout_ms = length + 600_000;
  const tools = { allow: ['tick', 'wait', 'ring'] };
  const settings = { id: `${era}-${transport}`, era, tools, call_timeout_ms, limits: { pending_calls: crowd + 1_000 } };
  if (transport === 'http') return { ...settings, transport: 'streamable-http', url: `http://127.0.0.1:${port}/mcp` };
  const command = { transport: 'stdio', command: process.execPath, args: [SERVER, era], child: 'shared' };
  return { ...settings, ...command };
}

/** Every kind of stream at once. @returns what was seen on each */
async function openStreams(gateway, ports) {
  const streams = [];
  for (const era of ERAS) {
    for (const transport of ['http', 'stdio']) {
      const path = `/mcp/${era}-${transport}`;
      const client = new Client({ ...gateway.target, path }, era);
      await client.open();
      const listening = client.listen();
      const calls = [client.stream('tick', length), client.stream('wait', length)];
      // A call over stdio has no stream before the server says something, or waits long.
      const [session, ticking, waiting] = await Promise.all([listening, ...calls]);
      let direct;
      if (transport === 'http') {
        const other = new Client({ port: ports[era], path: '/mcp' }, era);
        await other.open();
        direct = await other.stream('tick', length);
      }
      streams.push({ name: `${era}, ${transport}`, client, session, ticking, waiting, direct });
    }
  }
  return streams;
}

const isTick = ({ message }) => message.method === 'notifications/progress';
const isAnswer = ({ message }) => message.result !== undefined;

/** The moment each tick came, by what it says: the moment it was said, in nanoseconds. */
const ticksOf = (stream) =>
  new Map(stream.events.filter(isTick).map(({ at, message }) => [message.params.message, at]));

/** How late events came; later than at a client of the server itself where there is one, else than they were said. */
function tickRow({ name, ticking, direct }) {
  const through = ticksOf(ticking);
  const beside = direct === undefined ? undefined : ticksOf(direct);
  const delays = (ticks) => [...ticks].map(([said, at]) => Number(at - BigInt(said)) / 1e6).sort((a, b) => a - b);
  const behind = [...through].map(([said, at]) => Number(at - (beside?.get(said) ?? BigInt(said))) / 1e6);
  const late = behind.filter((ms) => ms > LATE_MS).length;
  const shown = (all) =>
    [0.5, 0.99, 1].map((share) => fixed(all[Math.min(all.length - 1, Math.floor(all.length * share))]));
  const isPunctual = demand(late <= through.size / 1_000);
  const isWhole = demand(ticking.events.some(isAnswer) && through.size > 0);
  const there = beside === undefined ? ['–', '–', '–'] : shown(delays(beside));
  return [name, through.size, ...there, ...shown(delays(through)), late, isPunctual, isWhole];
}

function quietRow({ name, session, waiting }) {
  const least = Math.max(0, Math.floor(length / 15_000) - 3);
  const rung = session.events.some(({ message }) => message.method === 'notifications/resources/list_changed');
  const answered = waiting.events.some(isAnswer);
  const beats = [session.comments, waiting.comments];
  return [name, ...beats, demand(beats.every((count) => count >= least)), demand(rung), demand(answered)];
}

/** Idle streams of one kind in a gateway of its own. */
async function openCrowd(era, servers, count) {
  const gateway = await startGateway('on', undefined, { servers, name: `${era} crowd` });
  const streams = [];
  for (let i = 0; i < count; i++) {
    const client = new Client({ ...gateway.target, path: `/mcp/${era}-http` }, era);
    await client.open();
    streams.push(await client.listen());
  }
  return { gateway, streams };
}

/**
 * What each stream keeps, after all this time: held against a gateway just as old that holds a tenth of them, for what a process
 * keeps resident right after the streams were opened is garbage for the greater part.
 */
function crowdRow({ era, few, many }) {
  const open = many.streams.filter(({ isOver }) => !isOver).length;
  const [small, large] = [few, many].map(({ gateway }) => rssOf(gateway.process.pid));
  const each = (large - small) / (many.streams.length - few.streams.length);
  const kind = era === 'modern' ? 'subscriptions, modern' : 'session streams, legacy';
  const mib = (kib) => fixed(kib / 1024, 0);
  return [kind, many.streams.length, `${fixed(each)} KiB`, mib(small), mib(large), demand(open === crowd)];
}

async function soak() {
  const ports = {};
  for (const era of ERAS) ports[era] = (await start(SERVER, { args: [era, 'http'], cpu: MEASURING })).ready.port;
  const servers = ERAS.flatMap((era) => ['http', 'stdio'].map((kind) => serverSettings(era, kind, ports[era])));
  const crowds = [];
  for (const era of ERAS) {
    const few = await openCrowd(era, servers, Math.ceil(crowd / 10));
    crowds.push({ era, few, many: await openCrowd(era, servers, crowd) });
  }
  const gateway = await startGateway('on', undefined, { servers, name: 'soak' });
  const streams = await openStreams(gateway, ports);
  await pause(length);
  for (const { client } of streams) await client.ring();
  await pause(3_000);

  say(`Node ${process.version}, ${values.minutes} minutes.\n\n### Events every 200 ms\n`);
  const ms = ['direct: p50 ms', 'p99', 'worst', 'through: p50 ms', 'p99', 'worst'];
  const head = ['', 'events', ...ms, `over ${LATE_MS} ms later`, 'punctual', 'to its end'];
  say(table(head, streams.map(tickRow)));
  say('\n### Streams that say nothing\n');
  const beats = [
    'keep-alives, own stream',
    'of a call',
    'as often as promised',
    'own stream lives',
    'call is answered',
  ];
  say(table(['', ...beats], streams.map(quietRow)));
  say('\n### Idle streams by the thousand\n');
  const columns = ['streams', 'memory for each', 'RSS with a tenth, MiB', 'RSS with all, MiB', 'all open'];
  say(table(['', ...columns], crowds.map(crowdRow)));
  if (values.write) publish('soak', said.join('\n'));
}

for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => stopAll().then(() => process.exit(1)));
try {
  await soak();
} finally {
  await stopAll();
}
process.exit(failed ? 1 : 0);
