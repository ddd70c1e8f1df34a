import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RawConnection } from '../support/raw.ts';
import { until, within } from '../support/wait.ts';
import { Ground, TOKENS } from './ground.ts';
import { bytesOf, callMessage, get, modernCall, read } from './requests.ts';

const SLOW_SOCKETS = 300;
const ROUNDS = 12;
const AT_ONCE = 25;
/** The server works off calls nobody waits for any more before those that come after. */
const PATIENCE_MS = 30_000;

let ground: Ground;
beforeAll(async () => {
  const limits = { header_timeout_ms: 1_500, body_timeout_ms: 1_000 };
  ground = await Ground.open({ settings: { server: { limits } } });
});
afterAll(() => ground.close());

const CALL = bytesOf(modernCall('/mcp/open', TOKENS.user));
const PROBE = bytesOf(get('/healthz', undefined));
const BIG = bytesOf({
  ...modernCall('/mcp/open', TOKENS.user, { headers: { 'mcp-name': 'big_text' } }),
  body: JSON.stringify(callMessage('big_text', { size: 200_000 })),
});

const descriptors = (): number => readdirSync(`/proc/${ground.gateway.pid}/fd`).length;

/** Opens connections, a few at a time, and sees each of them to its end. */
async function many(times: number, visit: (connection: RawConnection) => Promise<void>): Promise<void> {
  for (let round = 0; round < times; round++) {
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        const connection = await ground.connect();
        await visit(connection);
        await within(connection.closed, 'the connection is closed on both sides', PATIENCE_MS);
      }),
    );
  }
}

describe('a connection', () => {
  it('whose client ends its side behind a request gets the answer that is there at once', async () => {
    const connection = await ground.connect();
    connection.write(PROBE);
    connection.end();
    const answer = await connection.answer();
    expect(read(answer)).toMatchObject({ status: 200, json: { status: 'ok' } });
    await connection.closed;
  });

  it('leaves nothing open however its client ends it', async () => {
    await ground.control(0);
    const before = descriptors();
    const mark = ground.rows().length;
    await many(4 * ROUNDS, async (connection) => {
      connection.write(PROBE);
      connection.end();
    });
    await many(ROUNDS, async (connection) => {
      connection.write(CALL);
      connection.end();
    });
    await many(ROUNDS, async (connection) => {
      connection.write(CALL.subarray(0, -20));
      connection.reset();
    });
    await many(ROUNDS, async (connection) => {
      connection.write(BIG);
      await until(() => connection.received().length > 0, 'the answer has begun', PATIENCE_MS);
      connection.reset();
    });
    // Those to the server are kept for the next calls.
    await until(() => descriptors() <= before + AT_ONCE, `the descriptors of the clients are closed again`);
    await ground.control(mark);
    const started = ground
      .rows()
      .slice(mark)
      .filter((row) => row.type === 'decision' && row.verdict === 'allow');
    const ended = () =>
      ground
        .rows()
        .slice(mark)
        .filter((row) => row.type === 'outcome');
    const everyCall = 'every call that was let through has one end';
    await until(() => ended().length === started.length, everyCall, PATIENCE_MS);
    expect(new Set(ended().map((row) => row.decision_id)).size).toBe(started.length);
  }, 120_000);
});

describe('clients that are slow on purpose', () => {
  /** Sends a byte of these every now and then, for as long as it may. Resolves when the gateway has closed. */
  async function drip(begin: Buffer, byte: string): Promise<RawConnection> {
    const connection = await ground.connect();
    connection.write(begin);
    const dripping = setInterval(() => connection.write(byte), 200);
    return connection.closed.then(() => connection).finally(() => clearInterval(dripping));
  }

  it.each([
    ['headers', bytesOf(get('/mcp/open', TOKENS.user)).subarray(0, -2), 'a', 408],
    ['a target', Buffer.from('GET /mcp/'), 'a', 408],
    [
      'a body',
      bytesOf({ ...modernCall('/mcp/open', TOKENS.user, { headers: { 'content-length': '9000' } }), body: '{' }),
      ' ',
      408,
    ],
  ])('with %s are answered 408 and closed, and hold up nobody else', async (_, begin, byte, status) => {
    const slow = Promise.all(Array.from({ length: SLOW_SOCKETS }, () => drip(begin, byte)));
    let isOver = false;
    void slow.then(() => {
      isOver = true;
    });
    let served = 0;
    for (; !isOver; served++) {
      expect((await ground.send(CALL)).status, 'a sound call meanwhile').toBe(200);
    }
    expect(served).toBeGreaterThan(10);
    const statuses = new Set<number>();
    for (const connection of await slow) statuses.add((await connection.answer()).status);
    expect([...statuses]).toEqual([status]);
  });
});
