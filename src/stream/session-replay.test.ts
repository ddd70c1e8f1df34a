import { describe, expect, it } from 'vitest';
import { type ReplayBounds, ReplayStore } from './replay-store.ts';
import { SessionReplay } from './session-replay.ts';
import type { Resumable } from './stream-log.ts';

const ROOMY: ReplayBounds = {
  sessionBytes: 1_000_000,
  totalBytes: 10_000_000,
  sessionEvents: 1_000,
  ageMs: 60_000,
  retryMs: 700,
};
/** A call's answer; who resumes it is not of interest here. */
const CALL: Resumable = { carryOn: () => ({ gone() {}, drained() {} }) };

class Clock {
  time = 1_000;
  readonly now = (): number => this.time;
}

function store(bounds: Partial<ReplayBounds> = {}, clock = new Clock()): ReplayStore {
  return new ReplayStore({ ...ROOMY, ...bounds }, clock.now);
}

const message = (text: string): Buffer => Buffer.from(JSON.stringify({ text }));

/** What a client reads: the id and the data of an event. */
function read(event: Buffer): { id: string; data: string } {
  const [, id, data] = /^id: (.*)\ndata: (.*)\n\n$/.exec(event.toString()) ?? [];
  return { id: id as string, data: data as string };
}

/** The texts that follow the event with this id on its stream; undefined when it cannot be resumed from. */
function missed(replay: SessionReplay, id: string): string[] | undefined {
  const place = replay.find(id);
  return place?.log.after(place.after).map((event) => (JSON.parse(read(event).data) as { text: string }).text);
}

describe('the events of a session', () => {
  it('have ids that no other event of the session has', () => {
    const replay = new SessionReplay(store(), 'aaaaaaaa');
    const [one, two] = [replay.open(CALL), replay.open(undefined)];
    const ids = [one, two, one, two, one].map((log, n) => read(log.append(message(String(n)))).id);
    expect(new Set(ids).size).toBe(5);
    for (const id of ids) expect(id).toMatch(/^[\x21-\x7e]+$/);
  });

  it('are given back from a place on, in order, and those of that stream alone', () => {
    const replay = new SessionReplay(store(), 'aaaaaaaa');
    const [one, two] = [replay.open(CALL), replay.open(undefined)];
    const first = read(one.append(message('one-1'))).id;
    two.append(message('two-1'));
    one.append(message('one-2'));
    two.append(message('two-2'));
    const last = read(one.append(message('one-3'))).id;
    expect(missed(replay, first)).toEqual(['one-2', 'one-3']);
    expect(missed(replay, last)).toEqual([]);
  });

  it('begin, for clients that know it, with an id alone and the wait before they connect again', () => {
    const replay = new SessionReplay(store(), 'aaaaaaaa');
    expect(replay.open(CALL).priming()).toBeUndefined();
    replay.primes = true;
    const log = replay.open(CALL);
    const [, id] = /^id: (.*)\nretry: 700\ndata: \n\n$/.exec(String(log.priming())) ?? [];
    log.append(message('first'));
    expect(missed(replay, id as string)).toEqual(['first']);
    // On a stream that goes on it would stand before what was missed.
    expect(log.priming()).toBeUndefined();
  });

  it('are found by no id of another session, and by none that was never given', () => {
    const shared = store();
    const [mine, theirs] = [new SessionReplay(shared, 'aaaaaaaa'), new SessionReplay(shared, 'bbbbbbbb')];
    const id = read(mine.open(CALL).append(message('secret'))).id;
    theirs.open(CALL).append(message('theirs'));
    expect(theirs.find(id)).toBeUndefined();
    expect(mine.find(id)).toBeDefined();
    const never = ['', 'x', 'aaaaaaaa', 'aaaaaaaa.1', 'aaaaaaaa.1.2', 'aaaaaaaa.2.0', 'aaaaaaaa.01.0', 'aaaaaaaa.1.-1'];
    for (const other of [...never, `${id} `, `${id}\n`, `${id}.1`, 'aaaaaaaa.1.99999999999', `a${id}`]) {
      expect(mine.find(other), JSON.stringify(other)).toBeUndefined();
    }
  });

  it('that are oldest make room, by number', () => {
    const replay = new SessionReplay(store({ sessionEvents: 2 }), 'aaaaaaaa');
    const log = replay.open(CALL);
    const first = read(log.append(message('1'))).id;
    for (const text of ['2', '3', '4']) log.append(message(text));
    expect(missed(replay, first)).toEqual(['3', '4']);
  });

  it('that are oldest make room, by bytes of the session and of all sessions', () => {
    const shared = store({ sessionBytes: 2_500, totalBytes: 3_500 });
    const kilobyte = 'x'.repeat(700);
    const [one, two] = [new SessionReplay(shared, 'aaaaaaaa'), new SessionReplay(shared, 'bbbbbbbb')];
    const [a, b] = [one.open(undefined), two.open(undefined)];
    const ids = [a, a, a].map((log) => read(log.append(message(kilobyte))).id);
    expect(missed(one, `${ids[0]?.slice(0, -1)}0`)).toHaveLength(2);
    for (let n = 0; n < 2; n += 1) b.append(message(kilobyte));
    // The room of all is taken: the oldest goes, whoever's it is.
    expect(missed(one, `${ids[0]?.slice(0, -1)}0`)).toHaveLength(1);
    expect(shared.bytes).toBeLessThanOrEqual(3_500);
    one.close();
    two.close();
    expect(shared.bytes).toBe(0);
  });

  it('that alone are over the bound are not kept and drive no others out', () => {
    const replay = new SessionReplay(store({ sessionBytes: 2_000 }), 'aaaaaaaa');
    const log = replay.open(CALL);
    const first = read(log.append(message('1'))).id;
    log.append(message('2'));
    log.append(message('x'.repeat(3_000)));
    log.append(message('4'));
    expect(missed(replay, first)).toEqual(['2', '4']);
  });

  it('are forgotten with age, at the latest when somebody looks', () => {
    const clock = new Clock();
    const shared = store({ ageMs: 100 }, clock);
    const replay = new SessionReplay(shared, 'aaaaaaaa');
    const log = replay.open(CALL);
    const first = read(log.append(message('1'))).id;
    log.append(message('2'));
    clock.time += 101;
    shared.sweep();
    expect(missed(replay, first)).toEqual([]);
    expect(shared.bytes).toBe(0);
  });
});

describe('a finished answer', () => {
  it('is there to be read again while its last message is kept, and then not resumable', () => {
    const clock = new Clock();
    const shared = store({ ageMs: 100 }, clock);
    const replay = new SessionReplay(shared, 'aaaaaaaa');
    const log = replay.open(CALL);
    const first = read(log.append(message('progress'))).id;
    log.append(message('answer'));
    log.end();
    expect(missed(replay, first)).toEqual(['answer']);
    clock.time += 101;
    shared.sweep();
    expect(replay.find(first)).toBeUndefined();
  });

  it('whose last message was too large is not resumable: the client would wait for it for ever', () => {
    const replay = new SessionReplay(store({ sessionBytes: 2_000 }), 'aaaaaaaa');
    const log = replay.open(CALL);
    const first = read(log.append(message('progress'))).id;
    log.append(message('x'.repeat(3_000)));
    log.end();
    expect(replay.find(first)).toBeUndefined();
  });
});

describe('streams of the session itself', () => {
  it('can be resumed when nothing of theirs is kept any more, the latest of them', () => {
    const clock = new Clock();
    const shared = store({ ageMs: 100 }, clock);
    const replay = new SessionReplay(shared, 'aaaaaaaa');
    const ids = Array.from({ length: 40 }, (_, n) => read(replay.open(undefined).append(message(String(n)))).id);
    clock.time += 101;
    shared.sweep();
    replay.open(undefined);
    expect(missed(replay, ids.at(-1) as string)).toEqual([]);
    for (let n = 0; n < 40; n += 1) replay.open(undefined);
    expect(replay.find(ids[0] as string)).toBeUndefined();
  });
});
