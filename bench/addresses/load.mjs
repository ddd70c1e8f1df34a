// A child of run.mjs: loads a list as the gateway does, and says how long it took, what it kept, how long the loop was blocked.
import { setTimeout as sleep } from 'node:timers/promises';
import { cidrSetOf } from '../../dist/src/net/cidr-set.js';
import { readNetworkText } from '../../dist/src/net/network-text.js';
import { inSlices } from '../../dist/src/net/slices.js';
import { sample } from './networks.mjs';

async function kept() {
  for (let i = 0; i < 3; i++) {
    globalThis.gc();
    await sleep(100);
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

const bytesOf = () => Buffer.from(sample(Number(process.argv[2]), Number(process.argv[3])).texts.join('\n'));

// A process that loads has served before: the code is warm.
await inSlices(
  cidrSetOf((await inSlices(readNetworkText(Buffer.from('10.0.0.0/8\n2001:db8::/32\n'.repeat(5_000))))).columns),
);
let bytes = bytesOf();
const before = await kept();

const cpuMs = () => process.cpuUsage().user / 1000;
let [longest, last, on] = [0, cpuMs(), true];
const turn = () => {
  const now = cpuMs();
  longest = Math.max(longest, now - last);
  last = now;
  if (on) setImmediate(turn);
};
turn();
const began = cpuMs();
let list = await inSlices(readNetworkText(bytes));
const set = await inSlices(cidrSetOf(list.columns));
const ms = cpuMs() - began;
on = false;
const { lines } = list;
const given = bytes.length;
list = undefined;
bytes = undefined;
const mib = ((await kept()) - before + given) / 2 ** 20;
console.log(JSON.stringify({ ms, mib, longest, size: set.size, line: lines.lineOf(0) }));
