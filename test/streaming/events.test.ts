import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RpcMessage } from '../faults/talk.ts';
import { until } from '../support/wait.ts';
import { type Era, Paces, TOKEN, type Watcher } from './paces.ts';
import type { Reader } from './reader.ts';

const EVENTS = 12;

let paces: Paces;
beforeAll(async () => {
  paces = await Paces.start();
});
afterAll(() => paces.stop());

async function sessionOf(server: string): Promise<Record<string, string>> {
  return (await paces.gate.caller(server).open()).headers;
}

async function watching(server: string, era: Era): Promise<Reader> {
  const session = era === 'legacy' ? await sessionOf(server) : {};
  return (await paces.watch(paces.gate.url(server), era, session)).read();
}

async function lastWatcher(before: number): Promise<Watcher> {
  return until(() => paces.watchers[before], 'the server has begun its answer');
}

describe.each(['modern', 'legacy'] as const)('a stream of a call (%s)', (era) => {
  it('has its head before the first event, and says that nobody may hold it back', async () => {
    const reader = await watching(`http-${era}`, era);
    const { headers, status } = reader;
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('text/event-stream');
    expect(headers['x-accel-buffering']).toBe('no');
    expect(headers['cache-control']).toMatch(/no-store.*no-transform/);
    expect(headers['content-encoding']).toBeUndefined();
    expect(reader.waiting).toBe(0);
    reader.hangUp();
  });

  it('brings each event before the next one is said, to a client here as to one that asks the server itself', async () => {
    const before = paces.watchers.length;
    const through = await watching(`http-${era}`, era);
    const inner = await lastWatcher(before);
    const direct = (await paces.watch(paces.upstream.url, era)).read();
    const outer = await lastWatcher(before + 1);
    expect(inner.token).not.toBe(TOKEN);
    for (let event = 1; event <= EVENTS; event++) {
      await Promise.all([inner.emit(inner.progress(event)), outer.emit(outer.progress(event))]);
      const [here, there] = await Promise.all([through.next(), direct.next()]);
      expect(here).toEqual({ ...there, params: { progressToken: TOKEN, progress: event, message: `event ${event}` } });
      expect([through.waiting, direct.waiting]).toEqual([0, 0]);
    }
    await Promise.all([inner.end(), outer.end()]);
    expect((await through.next()).id).toBe('watching');
    await through.over;
    direct.hangUp();
  });

  it('brings each event of a child before the next one is said', async () => {
    const server = `stdio-${era}`;
    const session = era === 'legacy' ? await paces.gate.caller(server).open() : undefined;
    const speaker = session ?? paces.gate.caller(server);
    const opening = paces.watch(paces.gate.url(server), era, session?.headers ?? {});
    // A child says nothing that would open the stream, so the first event does.
    await until(
      async () => (await speaker.tool(1, 'emit', { progress: 1, message: 'event 1' })).last.result !== undefined,
      'the child has heard of the call',
    );
    const reader = (await opening).read();
    expect((await reader.next()).params).toEqual({ progressToken: TOKEN, progress: 1, message: 'event 1' });
    for (let progress = 2; progress <= EVENTS; progress++) {
      await speaker.tool(progress, 'emit', { progress, message: `event ${progress}` });
      expect((await reader.next()).params).toEqual({ progressToken: TOKEN, progress, message: `event ${progress}` });
      expect(reader.waiting).toBe(0);
    }
    await speaker.tool(99, 'end');
    expect(await reader.next()).toMatchObject({ id: 'watching', result: { content: [{ text: 'over' }] } });
  });
});

it('the stream of a session brings each event before the next one is said', async () => {
  const before = paces.streams.length;
  const session = await sessionOf('http-legacy');
  const reader = (await paces.listen(paces.gate.url('http-legacy'), session)).read();
  const server = await until(() => paces.streams[before], 'the server has begun the stream');
  for (let event = 1; event <= EVENTS; event++) {
    const said = { jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: `event ${event}` } };
    await server.emit(JSON.stringify(said));
    expect(await reader.next()).toEqual(said);
    expect(reader.waiting).toBe(0);
  }
  reader.hangUp();
});

describe('an event that comes in pieces', () => {
  const WORDS = 'naïve – 東京 🎈';
  const lines = (json: string, end: string) => [`data: ${json.slice(0, 30)}`, `${json.slice(30)}${end}${end}`];
  /** A line break may stand between two tokens of the JSON. */
  const broken = (json: string) => json.replace(',"params"', ',\n"params"').split('\n');
  const SHAPES: Record<string, (json: string) => (string | Buffer)[]> = {
    'cut inside a character of four bytes': (json) => {
      const bytes = Buffer.from(`data: ${json}\n\n`);
      const at = bytes.indexOf(Buffer.from('🎈')) + 2;
      return [bytes.subarray(0, at), bytes.subarray(at)];
    },
    'cut inside the name of the field': (json) => ['da', `ta: ${json}\n\n`],
    'cut between the two ends of the event': (json) => [`data: ${json}\n`, '\n'],
    'with lines ended by CR LF': (json) => lines(json, '\r\n'),
    'cut between CR and LF': (json) => [`data: ${json}\r`, '\n\r'],
    'with lines ended by CR alone': (json) => lines(json, '\r'),
    'with several data lines': (json) => broken(json).map((line, at) => `data: ${line}\n${at === 1 ? '\n' : ''}`),
    'with other fields and comments about it': (json) => [
      ': keep-alive\n\nevent: message\nid: 7\n',
      `retry: 100\nunknown: x\ndata:${json}\n\n`,
    ],
    'after a byte order mark': (json) => [Buffer.from([0xef, 0xbb]), Buffer.from([0xbf]), `data: ${json}\n\n`],
  };

  it.each(Object.keys(SHAPES))('is one message, as soon as it is whole: %s', async (shape) => {
    const before = paces.watchers.length;
    const reader = await watching('http-modern', 'modern');
    const server = await lastWatcher(before);
    const pieces = SHAPES[shape]!(server.progress(1, WORDS));
    for (const piece of pieces) {
      expect(reader.waiting).toBe(0);
      await server.write(piece);
      // An answer on another connection: the gateway has had the chance to read the piece by itself.
      await paces.gate.caller('http-modern').tool(1, 'echo');
    }
    expect((await reader.next()).params).toEqual({ progressToken: TOKEN, progress: 1, message: WORDS });
    // Where the event ended in CR this LF still belongs to it; elsewhere it is an empty line, and no event.
    await server.write('\n');
    await server.emit(server.progress(2));
    expect((await reader.next()).params).toMatchObject({ progress: 2 });
    await server.end();
    const last: RpcMessage = await reader.next();
    expect(last.id).toBe('watching');
  });
});
