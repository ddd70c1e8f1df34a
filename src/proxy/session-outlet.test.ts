import { describe, expect, it } from 'vitest';
import { ReplayStore } from '../stream/replay-store.ts';
import { SessionReplay } from '../stream/session-replay.ts';
import { type OutletStream, SessionOutlet } from './session-outlet.ts';

const BOUNDS = { sessionBytes: 10_000, totalBytes: 10_000, sessionEvents: 100, ageMs: 60_000, retryMs: 1_000 };

class Stream implements OutletStream {
  readonly heard: string[] = [];
  ended = false;

  write(message: Buffer): boolean {
    this.heard.push(message.toString());
    return true;
  }

  end(): void {
    this.ended = true;
  }
}

function outlet(totalBytes = BOUNDS.totalBytes) {
  const store = new ReplayStore({ ...BOUNDS, totalBytes });
  return { store, outlet: new SessionOutlet(new SessionReplay(store, 'aaaaaaaa')) };
}

const say = (to: SessionOutlet, text: string): boolean => to.deliver(Buffer.from(text));

describe('what a server says outside any call', () => {
  it('goes to the newest stream alone, and to an older one when that has closed', () => {
    const { outlet: to } = outlet();
    const [one, two] = [new Stream(), new Stream()];
    to.opened(one);
    to.opened(two);
    say(to, 'a');
    to.closed(two);
    say(to, 'b');
    expect([one.heard, two.heard]).toEqual([['b'], ['a']]);
  });

  it('waits for a stream while there is none, in order, the last 64 messages', () => {
    const { outlet: to, store } = outlet();
    for (let n = 0; n < 70; n += 1) say(to, String(n));
    const stream = new Stream();
    to.opened(stream);
    expect(stream.heard).toEqual(Array.from({ length: 64 }, (_, n) => String(n + 6)));
    expect(store.bytes).toBe(0);
  });

  it('does not wait any more when it is a question that is taken back', () => {
    const { outlet: to, store } = outlet();
    say(to, 'a');
    to.deliver(Buffer.from('question'), 7);
    say(to, 'b');
    expect([to.retract(8), to.retract(7), to.retract(7)]).toEqual([false, true, false]);
    expect(store.bytes).toBe(2);
    const stream = new Stream();
    to.opened(stream);
    expect(stream.heard).toEqual(['a', 'b']);
    // What a stream has carried cannot be taken back.
    to.deliver(Buffer.from('question'), 9);
    expect([to.retract(9), stream.heard.at(-1)]).toEqual([false, 'question']);
  });

  it('counts among what is kept of all sessions: without room it is dropped', () => {
    const { outlet: to, store } = outlet(1_000);
    say(to, 'x'.repeat(900));
    say(to, 'y'.repeat(200));
    expect(store.bytes).toBe(900);
    const stream = new Stream();
    to.opened(stream);
    expect(stream.heard).toEqual(['x'.repeat(900)]);
    to.closed(stream);
    say(to, 'z'.repeat(200));
    to.end('session-ended');
    expect(store.bytes).toBe(0);
  });

  it('drives out what was kept for resumption when there is too little room', () => {
    const { outlet: to, store } = outlet(1_000);
    to.replay.open(undefined).append(Buffer.from('kept'));
    say(to, 'x'.repeat(900));
    expect(store.bytes).toBe(900);
  });

  it('is ended with the session', () => {
    const { outlet: to } = outlet();
    const stream = new Stream();
    to.opened(stream);
    to.end('session-ended');
    expect(stream.ended).toBe(true);
  });
});
