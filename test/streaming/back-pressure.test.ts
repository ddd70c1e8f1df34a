import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until, within } from '../support/wait.ts';
import { type Era, Paces, type Watcher } from './paces.ts';
import type { Reader } from './reader.ts';

const MIB = 1_048_576;
/** More than all buffers on the way together can hold. */
const FLOOD = 256 * MIB;
const EVENT_BYTES = 65_536;

let paces: Paces;
beforeAll(async () => {
  paces = await Paces.start();
  // Code and heap that the first traffic makes are not the price of a stream.
  const { reader, server, event } = await opened('modern');
  reader.read();
  await server.flood(FLOOD / 4, event);
  reader.hangUp();
});
afterAll(() => paces.stop());

function memory(which: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${paces.gate.gateway.pid}/status`, 'utf8');
  return Number(new RegExp(`${which}:\\s+(\\d+) kB`).exec(status)?.[1]) * 1024;
}

/** What is resident now, from where a new peak is measured (proc(5), clear_refs). */
function memoryNow(): number {
  writeFileSync(`/proc/${paces.gate.gateway.pid}/clear_refs`, '5');
  return memory('VmRSS');
}

/** Opens a stream that nobody reads yet. */
async function opened(era: Era): Promise<{ reader: Reader; server: Watcher; event: string }> {
  const before = paces.watchers.length;
  const url = paces.gate.url(`http-${era}`);
  const session = era === 'legacy' ? (await paces.gate.caller('http-legacy').open()).headers : {};
  const reader = await paces.watch(url, era, session);
  const server = await until(() => paces.watchers[before], 'the server has begun its answer');
  return { reader, server, event: `data: ${server.progress(1, 'x'.repeat(EVENT_BYTES))}\n\n` };
}

/** Resolves when the server has been able to write nothing more for some looks in a row. */
async function blocked(server: Watcher): Promise<number> {
  let last = 0;
  let same = 0;
  await until(() => {
    same = server.blockedAt === last && last > 0 ? same + 1 : 0;
    last = server.blockedAt;
    return same === 10;
  }, 'the server is held up');
  return last;
}

describe.each(['modern', 'legacy'] as const)('a client that does not read the stream of its call (%s)', (era) => {
  it('holds its server up, takes no memory for what it does not read, and is nothing to the others', async () => {
    const { reader, server, event } = await opened(era);
    const before = memoryNow();
    const flooding = server.flood(FLOOD, event);
    const written = await blocked(server);
    expect(written).toBeLessThan(32 * MIB);
    expect(memory('VmHWM') - before).toBeLessThan(32 * MIB);
    for (let call = 0; call < 20; call++) {
      const reply = await paces.gate.caller('http-modern').tool(call, 'echo');
      expect(reply.last.result).toEqual({ ok: true });
    }
    reader.hangUp();
    // On the older era the call goes on without its client; either way the server is held up no longer.
    const all = await within(flooding, 'the server can go on', 20_000);
    expect(all >= FLOOD).toBe(era === 'legacy');
  });
});

it('a client that reads late gets all of it, in order', async () => {
  const { reader, server } = await opened('modern');
  let said = 0;
  const events = 400;
  const message = 'y'.repeat(EVENT_BYTES);
  const saying = (async () => {
    for (; said < events; said++) await server.emit(server.progress(said, message));
    await server.end();
  })();
  let last = -1;
  await until(() => {
    const still = said === last;
    last = said;
    return still;
  }, 'the server is held up');
  expect(said).toBeLessThan(events);
  reader.read();
  for (let event = 0; event < events; event++) {
    expect((await reader.next()).params).toMatchObject({ progress: event, message });
  }
  await saying;
  expect((await reader.next()).id).toBe('watching');
});
