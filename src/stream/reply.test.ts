import { describe, expect, it } from 'vitest';
import { answering } from '../../test/support/answering.ts';
import { until } from '../../test/support/wait.ts';
import { KeepAlive } from './keep-alive.ts';
import { ReplayStore } from './replay-store.ts';
import { Reply, type ReplyOwner } from './reply.ts';
import { SessionReplay } from './session-replay.ts';
import type { MessageStream } from './stream-log.ts';

class Owner implements ReplyOwner {
  readonly told: string[] = [];

  streaming(): void {
    this.told.push('streaming');
  }

  gone(slow: boolean): void {
    this.told.push(slow ? 'slow' : 'gone');
  }

  drained(): void {}
}

async function begun(awaited = 1, replay?: SessionReplay) {
  const { response, connection } = await answering();
  const owner = new Owner();
  const settings = { bufferBytes: 65_536 };
  const reply = new Reply(response, ['X-Base', '1'], owner, new KeepAlive(60_000), settings, awaited, replay);
  return { reply, owner, connection };
}
const one = Buffer.from('{"id":1}');
const two = Buffer.from('{"id":2}');
const note = Buffer.from('{"method":"notifications/progress"}');

describe('an answer whose final message comes first', () => {
  it('is one JSON object', async () => {
    const { reply, owner, connection } = await begun();
    reply.finish(one, 200);
    const { status, headers, body } = await connection.answer();
    expect([status, headers.get('content-type'), String(body)]).toEqual([200, ['application/json'], '{"id":1}']);
    expect(headers.get('x-base')).toEqual(['1']);
    expect([reply.isDone, reply.isStreaming, reply.bytes, owner.told]).toEqual([true, false, 8, []]);
  });

  it('carries the status of its message, and says when to come back where that helps', async () => {
    for (const [status, known, later] of [
      [404, undefined, undefined],
      [429, undefined, ['5']],
      [503, undefined, ['5']],
      [503, 70, ['70']],
      [500, 70, undefined],
    ] as const) {
      const { reply, connection } = await begun();
      reply.finish(one, status, known);
      const answer = await connection.answer();
      expect([answer.status, answer.headers.get('retry-after')]).toEqual([status, later]);
    }
  });

  it('carries headers added before it began', async () => {
    const { reply, connection } = await begun();
    reply.addHeader('Mcp-Session-Id', 's1');
    reply.finish(one, 200);
    expect((await connection.answer()).headers.get('mcp-session-id')).toEqual(['s1']);
  });

  it('is written once: what comes after it is dropped', async () => {
    const { reply, connection } = await begun();
    reply.finish(one, 200);
    expect(reply.message(note)).toBe(true);
    reply.finish(two, 500);
    reply.open();
    reply.end();
    expect(String((await connection.answer()).body)).toBe('{"id":1}');
  });
});

describe('an answer that says something before its final message', () => {
  it('becomes a stream, and the final message is its last event', async () => {
    const { reply, owner, connection } = await begun();
    reply.message(note);
    reply.finish(one, 404);
    const { status, headers, body } = await connection.answer();
    expect([status, headers.get('content-type')]).toEqual([200, ['text/event-stream']]);
    expect(String(body)).toBe(`data: ${note}\n\ndata: ${one}\n\n`);
    expect([reply.isDone, reply.isStreaming, reply.bytes, owner.told]).toEqual([
      true,
      true,
      body.length,
      ['streaming'],
    ]);
  });

  it('becomes one when the server opened one, before any event', async () => {
    const { reply, connection } = await begun();
    reply.open();
    reply.open();
    await until(() => connection.received().includes('text/event-stream'), 'the headers are there');
    reply.finish(one, 200);
    expect(String((await connection.answer()).body)).toBe(`data: ${one}\n\n`);
  });

  it('can end without a final message', async () => {
    const { reply, connection } = await begun();
    reply.message(note);
    reply.end();
    expect(String((await connection.answer()).body)).toBe(`data: ${note}\n\n`);
    expect(reply.isDone).toBe(true);
  });
});

describe('the answer to a batch', () => {
  it('is a stream that ends with the last of its final messages', async () => {
    const { reply, connection } = await begun(2);
    reply.finish(two, 200);
    expect([reply.isDone, reply.isStreaming]).toEqual([false, true]);
    reply.finish(one, 200);
    expect(String((await connection.answer()).body)).toBe(`data: ${two}\n\ndata: ${one}\n\n`);
    expect(reply.isDone).toBe(true);
  });
});

describe('a client that waits long', () => {
  it('gets the headers of a stream after a whole interval, not at the first beat', async () => {
    const { reply, owner, connection } = await begun();
    reply.beat();
    expect(reply.isStreaming).toBe(false);
    reply.beat();
    expect([reply.isStreaming, owner.told]).toEqual([true, ['streaming']]);
    await until(() => connection.received().includes('text/event-stream'), 'the headers are there');
    reply.finish(one, 200);
    expect(String((await connection.answer()).body)).toBe(`data: ${one}\n\n`);
  });
});

describe('a client that goes away', () => {
  it('before the answer is told of once, and the answer goes nowhere', async () => {
    const { reply, owner, connection } = await begun();
    connection.destroy();
    await until(() => reply.isDone, 'the reply knows');
    expect(owner.told).toEqual(['gone']);
    reply.finish(one, 200);
    expect(reply.bytes).toBe(0);
  });

  it('during the stream leaves nothing that could carry another message', async () => {
    const { reply, owner, connection } = await begun();
    reply.message(note);
    expect(reply.isDone).toBe(false);
    connection.destroy();
    await until(() => reply.isDone, 'the reply knows');
    expect(owner.told).toEqual(['streaming', 'gone']);
    expect(reply.message(note)).toBe(true);
    reply.finish(one, 200);
    expect(owner.told).toEqual(['streaming', 'gone']);
  });

  it('after the answer is no news', async () => {
    const { reply, owner, connection } = await begun();
    reply.finish(one, 200);
    await connection.answer();
    connection.destroy();
    await connection.closed;
    expect(owner.told).toEqual([]);
  });
});

describe('an answer that may be resumed', () => {
  const BOUNDS = { sessionBytes: 100_000, totalBytes: 100_000, sessionEvents: 100, ageMs: 60_000, retryMs: 1_000 };
  const kept = (): SessionReplay => new SessionReplay(new ReplayStore(BOUNDS), 'session');

  class Later implements MessageStream {
    readonly heard: string[] = [];
    readonly bytes = 0;
    isClosed = false;

    write(message: Buffer): boolean {
      this.heard.push(message.toString());
      return true;
    }

    end(): void {
      this.isClosed = true;
    }
  }

  it('numbers its events, and nothing when it is one JSON object', async () => {
    const replay = kept();
    const plain = await begun(1, replay);
    plain.reply.finish(one, 200);
    expect((await plain.connection.answer()).headers.get('content-type')).toEqual(['application/json']);
    expect(replay.store.bytes).toBe(0);
    const { reply, connection } = await begun(1, replay);
    reply.message(note);
    reply.finish(one, 200);
    const body = String((await connection.answer()).body);
    expect(body).toBe(`id: session.1.1\ndata: ${note}\n\nid: session.1.2\ndata: ${one}\n\n`);
  });

  it('goes on without its client, and to whoever carries it on', async () => {
    const replay = kept();
    const { reply, owner, connection } = await begun(1, replay);
    reply.message(note);
    connection.destroy();
    await until(() => reply.isDone, 'the reply knows');
    expect(reply.isKept).toBe(true);
    reply.message(two);
    const place = replay.find('session.1.1');
    expect(place?.log.after(1).map(String)).toEqual([`id: session.1.2\ndata: ${two}\n\n`]);
    const later = new Later();
    expect(place?.log.carrier?.carryOn(later)).toBe(owner);
    expect([reply.isKept, reply.isDone]).toEqual([false, false]);
    reply.finish(one, 200);
    expect([later.heard, later.isClosed, reply.isDone]).toEqual([['{"id":1}'], true, true]);
  });

  it('closes the connection it was on when it is carried on elsewhere', async () => {
    const replay = kept();
    const { reply, owner, connection } = await begun(1, replay);
    reply.message(note);
    replay.find('session.1.1')?.log.carrier?.carryOn(new Later());
    expect((await connection.answer()).status).toBe(200);
    expect(owner.told).toEqual(['streaming', 'gone']);
  });
});
