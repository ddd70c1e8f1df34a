import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Gate, script, type Who } from './gate.ts';
import { Caller, type CallOptions, type Reply, toolValue } from './talk.ts';

/** Calls one after the other on each of the two ids of each client. */
const CALLS = 80;
const CLIENTS: readonly Who[] = ['ada', 'ada', 'ada', 'ada', 'bob', 'bob', 'bob', 'bob'];
/** Everybody uses both, all the time: only their type tells them apart. */
const IDS = [1, '1'] as const;

interface Speaker {
  tool(id: string | number, name: string, args: object, options: CallOptions): Promise<Reply>;
}

let gate: Gate;
beforeAll(async () => {
  gate = await Gate.start([
    script('modern-shared', ['server.mjs', 'modern'], { child: 'shared' }),
    script('modern-per_principal', ['server.mjs', 'modern'], { child: 'per_principal' }),
    script('legacy-shared', ['server.mjs', 'legacy'], { child: 'shared' }),
    script('legacy-per_principal', ['server.mjs', 'legacy'], { child: 'per_principal' }),
  ]);
});
afterAll(() => gate.stop());

/** mulberry32: the same calls again for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * One call with words nobody else says. On the modern era some are given up on the way, so that answers come which nobody
 * awaits; on the older ones a call goes on without its client, and its id stays taken.
 */
async function say(speaker: Speaker, id: string | number, words: string, random: () => number): Promise<string[]> {
  const turns = Math.floor(random() * 4);
  const gone =
    speaker instanceof Caller && random() < 0.1 ? AbortSignal.timeout(1 + Math.floor(random() * 4)) : undefined;
  const options = { meta: { progressToken: id }, ...(gone === undefined ? {} : { signal: gone }) };
  let reply: Reply;
  try {
    reply = await speaker.tool(id, 'say', { words, turns }, options);
  } catch (error) {
    if (gone?.aborted) return [];
    throw error;
  }
  const wrong: string[] = [];
  const progress = reply.messages.slice(0, -1);
  for (const { method, params } of progress) {
    if (method !== 'notifications/progress' || params?.progressToken !== id || params.message !== words)
      wrong.push(`${words} heard ${method} ${JSON.stringify(params)}`);
  }
  if (progress.length !== turns) wrong.push(`${words} heard ${progress.length} of ${turns}`);
  if (reply.last.id !== id || toolValue(reply) !== words) wrong.push(`${words} got ${JSON.stringify(reply.last)}`);
  return wrong;
}

describe.each(['modern-shared', 'modern-per_principal', 'legacy-shared', 'legacy-per_principal'])('%s', (server) => {
  it('never gives one client what is another’s, though all use the same ids and progress tokens at once', async () => {
    const seed = Date.now() % 2 ** 31;
    const legacy = server.startsWith('legacy');
    const speakers: Speaker[] = await Promise.all(
      CLIENTS.map((who) => (legacy ? gate.caller(server, who).open() : gate.caller(server, who))),
    );
    const wrong = await Promise.all(
      speakers.flatMap((speaker, client) =>
        IDS.map(async (id, at) => {
          const random = randomFrom(seed + client * 2 + at);
          const found: string[] = [];
          for (let call = 0; call < CALLS; call++) {
            const words = `${CLIENTS[client]} ${client} ${typeof id} ${call}`;
            found.push(...(await say(speaker, id, words, random)));
          }
          return found;
        }),
      ),
    );
    expect(wrong.flat(), `seed ${seed}`).toEqual([]);
  });
});
