// What an idle stream keeps in memory, and how long the gateway takes until it is ready.
import { startDemo, startGateway } from './contenders.mjs';
import { rssOf, stop } from './process.mjs';
import { median, targetOf } from './rounds.mjs';

/**
 * KiB a legacy session (with its own stream to the server) and its idle GET stream add to the gateway, all layers on.
 * A first batch is not counted: it pays for code and heap that later ones use too.
 */
export async function idleStreams(load, upstream, build, { count, settleMs }) {
  const settle = () => new Promise((resolve) => setTimeout(resolve, settleMs));
  const gateway = await startGateway('on', upstream, { build, name: 'streams' });
  const { pid } = gateway.process;
  const target = targetOf(gateway, 'legacy');
  const batch = async (name, sessions) => {
    await load.do('hold', { name, target, sessions });
    await settle();
    const held = rssOf(pid);
    const opened = await load.do('openStreams', { name, target });
    if (opened !== sessions) throw new Error(`${opened} of ${sessions} streams opened`);
    await settle();
    return { held, streaming: rssOf(pid) };
  };
  const first = await batch('first', Math.ceil(count / 2));
  const second = await batch('second', count);
  for (const name of ['first', 'second']) await load.do('close', { name });
  await stop(gateway.process);
  const session = (second.held - first.streaming) / count;
  const stream = (second.streaming - second.held) / count;
  return { count, session, stream, proxied: session + stream };
}

/** Milliseconds from spawning the process to its ready line, and what it then has resident, as the median of some starts. */
export async function coldStart(build, times) {
  const starts = [];
  for (let i = 0; i < times; i++) {
    const began = performance.now();
    const gateway = await startDemo(build);
    starts.push({ ms: performance.now() - began, rss: rssOf(gateway.pid) / 1024 });
    await stop(gateway);
  }
  return { times, ms: median(starts.map(({ ms }) => ms)), rss: median(starts.map(({ rss }) => rss)) };
}
