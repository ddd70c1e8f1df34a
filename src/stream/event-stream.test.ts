import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { answering, unread } from '../../test/support/answering.ts';
import { until } from '../../test/support/wait.ts';
import { EventStream, type StreamOwner } from './event-stream.ts';
import { KeepAlive } from './keep-alive.ts';

/** Writes down what a stream tells. */
class Owner implements StreamOwner {
  readonly told: string[] = [];
  private wake = (): void => {};

  gone(slow: boolean): void {
    this.told.push(slow ? 'slow' : 'gone');
    this.wake();
  }

  drained(): void {
    this.told.push('drained');
    this.wake();
  }

  /** Resolves when it was told something of the kind. */
  async hears(what: string): Promise<void> {
    while (!this.told.includes(what)) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }
}

const BUFFER = 65_536;

async function opened() {
  const { response, connection } = await answering();
  const owner = new Owner();
  const keepAlive = new KeepAlive(60_000);
  const stream = new EventStream(response, ['X-Base', '1'], owner, keepAlive, { bufferBytes: BUFFER });
  const received = () => connection.received().toString();
  return { stream, owner, connection, received };
}

async function openedUnread() {
  const { response, socket } = await unread();
  const owner = new Owner();
  const stream = new EventStream(response, [], owner, new KeepAlive(60_000), { bufferBytes: BUFFER });
  return { stream, owner, socket, response };
}

describe('an event stream', () => {
  it('sends its headers before there is an event', async () => {
    const { received } = await opened();
    await until(() => received().includes('\r\n\r\n'), 'the headers are there');
    expect(received()).toMatch(/^HTTP\/1\.1 200 /);
    expect(received()).toContain('Content-Type: text/event-stream');
    expect(received()).toContain('X-Base: 1');
    expect(received()).toContain('X-Accel-Buffering: no');
  });

  it('sends each message as one event, as it comes, byte for byte', async () => {
    const { stream, connection, received } = await opened();
    stream.write(Buffer.from('{"a":1}'));
    await until(() => received().includes('data: {"a":1}\n\n'), 'the first event is there');
    stream.write(Buffer.from('{ "b" : 2 }'));
    stream.end();
    expect(String((await connection.answer()).body)).toBe('data: {"a":1}\n\ndata: { "b" : 2 }\n\n');
    expect(stream.bytes).toBe(34);
  });

  it('that ended takes nothing more and tells nobody', async () => {
    const { stream, owner, connection } = await opened();
    stream.end();
    stream.end();
    expect(stream.write(Buffer.from('{}'))).toBe(true);
    stream.beat();
    expect(String((await connection.answer()).body)).toBe('');
    expect([stream.isClosed, stream.bytes, owner.told]).toEqual([true, 0, []]);
  });

  it('tells once when its client goes away', async () => {
    const { stream, owner, connection } = await opened();
    connection.destroy();
    await owner.hears('gone');
    stream.write(Buffer.from('{}'));
    stream.end();
    expect(owner.told).toEqual(['gone']);
    expect(stream.isClosed).toBe(true);
  });

  it('that is quiet sends a comment; one that is not needs none', async () => {
    const { stream, connection } = await opened();
    stream.beat();
    stream.write(Buffer.from('{}'));
    stream.beat();
    stream.beat();
    stream.end();
    expect(String((await connection.answer()).body)).toBe(':\n\ndata: {}\n\n:\n\n');
  });
});

function missedBy(stream: EventStream, event: Buffer): void {
  stream.catchUp(() => {
    for (let each = 0; each < 200; each += 1) stream.write(event);
  });
}

describe('a client that does not read', () => {
  it('is waited for, and the server goes on when it has caught up', async () => {
    const { stream, owner, socket, response } = await openedUnread();
    const event = Buffer.alloc(BUFFER / 4, 'x');
    while (stream.write(event) && response.writableLength < BUFFER / 2);
    expect(stream.isClosed).toBe(false);
    socket.resume();
    await owner.hears('drained');
    expect(owner.told).not.toContain('slow');
  });

  it('is cut when it leaves more unread than it may', async () => {
    const { stream, owner, socket, response } = await openedUnread();
    const gone = once(response, 'close');
    const event = Buffer.alloc(BUFFER, 'x');
    for (let i = 0; i < 1_000 && !stream.isClosed; i++) stream.write(event);
    expect(stream.isClosed).toBe(true);
    expect(owner.told).toEqual(['slow']);
    await gone;
    socket.resume();
    await once(socket, 'close');
    expect(owner.told).toEqual(['slow']);
  });

  it('that resumes is not taken for slow because it missed much, and is when it leaves what comes after unread', async () => {
    const { stream, owner, response } = await openedUnread();
    const event = Buffer.alloc(BUFFER / 4, 'x');
    missedBy(stream, event);
    const missed = response.writableLength;
    expect(missed).toBeGreaterThan(2 * BUFFER);
    for (let held = 0; held < 3; held += 1) stream.write(event);
    expect(owner.told).toEqual([]);
    for (let more = 0; more < 3; more += 1) stream.write(event);
    expect(owner.told).toEqual(['slow']);
  });

  it('has its whole bound back when it has read what it missed', async () => {
    const { stream, owner, socket, response } = await openedUnread();
    const event = Buffer.alloc(BUFFER, 'x');
    missedBy(stream, event);
    socket.resume();
    await owner.hears('drained');
    socket.pause();
    let left = 0;
    for (let sent = 0; sent < 1_000 && !stream.isClosed; sent += 1) {
      left = response.writableLength;
      stream.write(event);
    }
    expect(owner.told).toContain('slow');
    expect(left).toBeLessThan(3 * BUFFER);
  });

  it('is not taken for slow because one message is large', async () => {
    const { stream, owner, socket } = await openedUnread();
    expect(stream.write(Buffer.alloc(40 * BUFFER, 'x'))).toBe(false);
    expect(stream.isClosed).toBe(false);
    socket.resume();
    await owner.hears('drained');
    expect(owner.told).toEqual(['drained']);
  });
});
