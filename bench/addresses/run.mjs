// `npm run bench:addresses`: what the address of a caller costs in a list, beside what others do. `--write` puts the tables in
// docs/performance.md. Run `npm run build` and `npm run bench:setup` first.
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { BlockList } from 'node:net';
import ipaddr from 'ipaddr.js';
import { parseCidr } from '../../dist/src/net/cidr.js';
import { compileCidrSet } from '../../dist/src/net/cidr-set.js';
import { parseAddress } from '../../dist/src/net/parse-address.js';
import { publish } from '../publish.mjs';
import { table } from '../report.mjs';
import { sample } from './networks.mjs';

const ROUNDS = 9;
const ROUND_MS = 40;
const OURS = 'sallyport';
const LISTS_OF_OBJECTS = ['ipaddr.js', 'proxy-addr'];

/** From the text of an address to whether the list holds it, as each would be used. */
const CONTENDERS = {
  [OURS](texts) {
    const set = compileCidrSet(texts.map((text) => ({ cidr: parseCidr(text) })));
    return (text) => {
      const address = parseAddress(text);
      return address !== undefined && set.find(address) !== -1;
    };
  },
  'net.BlockList'(texts) {
    const list = new BlockList();
    const family = texts[0].includes(':') ? 'ipv6' : 'ipv4';
    for (const text of texts) {
      const [base, prefix] = text.split('/');
      list.addSubnet(base, Number(prefix), family);
    }
    return (text) => list.check(text, family);
  },
  'ipaddr.js'(texts) {
    const ranges = texts.map((text) => ipaddr.parseCIDR(text));
    return (text) => {
      const address = ipaddr.process(text);
      return ranges.some((range) => address.kind() === range[0].kind() && address.match(range));
    };
  },
  'proxy-addr'(texts) {
    const trust = proxyAddr().compile(texts);
    return (text) => trust(text, 0);
  },
};

function proxyAddr() {
  return createRequire(new URL('../peers/package.json', import.meta.url))('proxy-addr');
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];

const cpuMs = () => process.cpuUsage().user / 1000;

/** Nanoseconds of processor time of one lookup in one round: what else the machine does meanwhile is not in it. */
function round(holds, addresses, from) {
  const began = cpuMs();
  let [count, held, elapsed, batch] = [0, 0, 0, 2];
  while (elapsed < ROUND_MS) {
    for (let i = 0; i < batch; i++) if (holds(addresses[(from + count++) % addresses.length])) held++;
    elapsed = cpuMs() - began;
    if (elapsed < ROUND_MS / 8) batch = Math.min(1_000, batch * 2);
  }
  if (count > 1_000 && (held === 0 || held === count))
    throw new Error('a list that holds all or nothing measures nothing');
  return (elapsed / count) * 1e6;
}

function lookups(family, count) {
  const { texts, addresses } = sample(family, count);
  const ready = Object.entries(CONTENDERS).flatMap(([name, make]) => {
    // A million networks as objects, searched one by one: the row of a hundred thousand says enough.
    if (count > 100_000 && LISTS_OF_OBJECTS.includes(name)) return [];
    try {
      return [{ name, holds: make(texts), rounds: [] }];
    } catch (error) {
      if (error.code === 'MODULE_NOT_FOUND') return [];
      throw error;
    }
  });
  for (let n = -1; n < ROUNDS; n++) {
    const order = ready.map((_, i) => ready[(i + n + 1) % ready.length]);
    for (const contender of order) {
      const ns = round(contender.holds, addresses, (n + 1) * 997);
      if (n >= 0) contender.rounds.push(ns);
    }
  }
  const ours = ready[0].rounds;
  return ready.map(({ name, rounds }) => {
    const ratio = median(rounds.map((ns, i) => ns / ours[i]));
    const us = median(rounds) / 1000;
    return [
      name,
      `IPv${family}`,
      count.toLocaleString('en'),
      us.toFixed(us < 10 ? 2 : 0),
      ratio.toFixed(ratio < 10 ? 2 : 0),
    ];
  });
}

function loading(family, count) {
  const script = new URL('load.mjs', import.meta.url).pathname;
  const runs = Array.from({ length: 3 }, () =>
    JSON.parse(execFileSync(process.execPath, ['--expose-gc', script, family, count], { encoding: 'utf8' })),
  );
  const of = (key, digits) => median(runs.map((run) => run[key])).toFixed(digits);
  return [`IPv${family}`, count.toLocaleString('en'), of('ms', 0), of('mib', 1), of('longest', 1)];
}

const SIZES = [100_000, 1_000_000];
const sizes = SIZES.flatMap((count) => [4, 6].map((family) => [family, count]));
const said = [
  table(
    ['from text to verdict', 'family', 'networks', 'µs', '× sallyport'],
    sizes.flatMap((size) => lookups(...size)),
  ),
  table(
    ['a list file loaded', 'networks', 'ms', 'kept, MiB', 'longest block, ms'],
    sizes.map((size) => loading(...size)),
  ),
].join('\n\n');
console.log(said);
if (process.argv.includes('--write')) publish('addresses', said);
