import { beforeEach, describe, expect, it } from 'vitest';
import { messageOf } from '../../test/support/judged.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import { ProblemError } from '../problem/problem.ts';
import type { Revision } from '../protocol/revisions.ts';
import type { CallSink, Lane, OutboundCall } from '../upstream/lane.ts';
import { LaneToolDirectory } from './tool-directory.ts';

type Answer = (call: OutboundCall, sink: CallSink) => void;

/** A lane whose server answers as the test says. Counts what it was asked and how often it was taken and given back. */
class ScriptedLane implements Lane {
  readonly era = 'modern';
  readonly shared = false;
  readonly asked: OutboundCall[] = [];
  readonly cancelled: string[] = [];
  released = 0;
  answer: Answer = (_, sink) => sink.settled(page(['a', 'b']));

  dispatch(call: OutboundCall, sink: CallSink) {
    this.asked.push(call);
    queueMicrotask(() => this.answer(call, sink));
    return { upstreamId: 1, cancel: (reason: string) => void this.cancelled.push(reason), resume: () => {} };
  }

  send(): Promise<void> {
    return Promise.resolve();
  }

  listen(): () => void {
    return () => {};
  }

  release(): void {
    this.released += 1;
  }
}

function page(names: readonly string[], nextCursor?: string) {
  const tools = names.map((name) => ({ name, inputSchema: { type: 'object' } }));
  return messageOf({ jsonrpc: '2.0', id: 1, result: { tools, ...(nextCursor === undefined ? {} : { nextCursor }) } });
}

let lane: ScriptedLane;
let now: number;
beforeEach(() => {
  lane = new ScriptedLane();
  now = 1_000_000;
});

function directory(revision: Revision = '2026-07-28') {
  const lender = { lane: () => Promise.resolve(lane), giveBack: (lent: Lane) => lent.release() };
  return new LaneToolDirectory(lender, { revision, timeoutMs: 5_000 }, () => now);
}

describe('a tool directory', () => {
  it('asks the server for its list, once for all who wait, and then knows', async () => {
    const tools = directory();
    expect(await Promise.all([tools.lists('a'), tools.lists('b'), tools.lists('c')])).toEqual([true, true, false]);
    expect(lane.asked).toHaveLength(1);
    expect(lane.asked[0]).toMatchObject({ revision: '2026-07-28', timeoutMs: 5_000 });
    expect(tools.lists('a')).toBe(true);
    expect(tools.lists('c')).toBe(false);
  });

  it('speaks to a modern server as a modern client, to an older one as an older', async () => {
    await directory().lists('a');
    await directory('2025-06-18').lists('a');
    const [modern, legacy] = lane.asked.map(({ message }) => message);
    expect(modern?.method).toBe('tools/list');
    expect(modern?.meta?.string('io.modelcontextprotocol/protocolVersion')).toBe('2026-07-28');
    expect(modern?.meta?.has('io.modelcontextprotocol/clientCapabilities')).toBe(true);
    expect(legacy?.meta).toBeUndefined();
  });

  it('reads every page, with the cursor exactly as the server gave it', async () => {
    const cursor = 'next "page"\n\u00e9';
    lane.answer = ({ message }, sink) => {
      const given = message.params?.string('cursor');
      sink.settled(given === undefined ? page(['a'], cursor) : page(given === cursor ? ['b'] : []));
    };
    const tools = directory();
    expect(await Promise.all([tools.lists('a'), tools.lists('b')])).toEqual([true, true]);
    expect(lane.asked).toHaveLength(2);
  });

  it('stops reading a list without an end', async () => {
    lane.answer = (_, sink) => sink.settled(page(['a'], 'more'));
    expect(await directory().lists('z')).toBe(false);
    expect(lane.asked).toHaveLength(100);
  });

  it('gives its lane back, whether the list was read or not', async () => {
    await directory().lists('a');
    expect(lane.released).toBe(1);
    lane.answer = (_, sink) => sink.failed(PROBLEMS.UPSTREAM_TIMEOUT, 'slow');
    await expect(directory().lists('a')).rejects.toThrow();
    expect(lane.released).toBe(2);
  });

  it('does not know a tool without a name', async () => {
    lane.answer = (_, sink) =>
      sink.settled(
        messageOf({ jsonrpc: '2.0', id: 1, result: { tools: [{ title: 'x' }, 'y', { name: 7 }, { name: 'a' }] } }),
      );
    expect(await directory().lists('a')).toBe(true);
  });
});

describe('a list the server keeps waiting for', () => {
  const [ada, ben] = [{}, {}];
  const cancelled = { problem: { code: 'CANCELLED' } };

  it('is taken back when nobody waits for it any more, and asked for anew by whoever comes next', async () => {
    const tools = directory();
    const well = lane.answer;
    lane.answer = () => {};
    const waiting = [tools.facts('a', ada), tools.lists('b', ben)];
    await asked(1);
    tools.leave(ada);
    expect(lane.cancelled).toEqual([]);
    tools.leave(ben);
    for (const given of waiting) await expect(given).rejects.toMatchObject(cancelled);
    expect([lane.cancelled.length, lane.released]).toEqual([1, 1]);
    lane.answer = well;
    expect(await tools.lists('b', ben)).toBe(true);
    expect([lane.asked.length, lane.released]).toEqual([2, 2]);
  });

  it('goes on for the one who still waits', async () => {
    const tools = directory();
    let settle = () => {};
    lane.answer = (_, sink) => {
      settle = () => sink.settled(page(['a']));
    };
    const waiting = [tools.facts('a', ada), tools.facts('a', ben)];
    await asked(1);
    tools.leave(ada);
    tools.leave({});
    settle();
    for (const facts of await Promise.all(waiting)) expect(facts).toBeDefined();
    expect(lane.cancelled).toEqual([]);
    tools.leave(ben);
    expect(tools.facts('a', ada)).toBeDefined();
    expect(lane.asked).toHaveLength(1);
  });

  it('is not asked for at all when its lane comes too late', async () => {
    let lend = (_: Lane) => {};
    const lender = {
      lane: () =>
        new Promise<Lane>((resolve) => {
          lend = resolve;
        }),
      giveBack: (lent: Lane) => lent.release(),
    };
    const tools = new LaneToolDirectory(lender, { revision: '2026-07-28', timeoutMs: 5_000 }, () => now);
    const waiting = tools.facts('a', ada);
    tools.leave(ada);
    lend(lane);
    await expect(waiting).rejects.toMatchObject(cancelled);
    expect([lane.asked.length, lane.released]).toEqual([0, 1]);
  });

  it('has a time of its own, shorter than that of a call and the same for all pages', async () => {
    lane.answer = (_, sink) => {
      now += 20_000;
      sink.settled(page(['a'], lane.asked.length < 3 ? 'more' : undefined));
    };
    const lender = { lane: () => lane, giveBack: () => {} };
    await new LaneToolDirectory(lender, { revision: '2026-07-28', timeoutMs: 120_000 }, () => now).lists('a');
    expect(lane.asked.map(({ timeoutMs }) => timeoutMs)).toEqual([30_000, 10_000, 1]);
  });

  async function asked(count: number): Promise<void> {
    while (lane.asked.length < count) await Promise.resolve();
  }
});

describe('a name the directory does not know', () => {
  it('is asked for again, but not for each guess', async () => {
    const tools = directory();
    await tools.lists('new');
    lane.answer = (_, sink) => sink.settled(page(['a', 'b', 'new']));
    now += 1_999;
    expect(tools.lists('new')).toBe(false);
    expect(lane.asked).toHaveLength(1);
    now += 1;
    expect(await tools.lists('new')).toBe(true);
    expect(lane.asked).toHaveLength(2);
  });
});

describe('a name the directory knows', () => {
  it('is believed for a minute, and then asked for again', async () => {
    const tools = directory();
    await tools.lists('a');
    lane.answer = (_, sink) => sink.settled(page(['b']));
    now += 59_999;
    expect(tools.lists('a')).toBe(true);
    now += 1;
    expect(await tools.lists('a')).toBe(false);
  });

  it('is forgotten when the server says its list changed', async () => {
    const tools = directory();
    await tools.lists('a');
    lane.answer = (_, sink) => sink.settled(page(['b']));
    tools.forget();
    expect(await tools.lists('a')).toBe(false);
  });

  it('is not kept when the list changed while it was being read', async () => {
    const tools = directory();
    const reading = tools.lists('a');
    tools.forget();
    expect(await reading).toBe(true);
    lane.answer = (_, sink) => sink.settled(page(['b']));
    expect(await tools.lists('a')).toBe(false);
    expect(lane.asked).toHaveLength(2);
  });
});

describe('a list that cannot be had', () => {
  it.each<readonly [string, Answer, string]>([
    [
      'because the server does not answer',
      (_, sink) => sink.failed(PROBLEMS.UPSTREAM_TIMEOUT, 'slow'),
      'UPSTREAM_TIMEOUT',
    ],
    [
      'because the server answers with an error',
      (_, sink) => sink.settled(messageOf({ jsonrpc: '2.0', id: 1, error: { code: -32603, message: 'no' } })),
      'UPSTREAM_INVALID',
    ],
  ])('is a failure and never a guess, %s', async (_, answer, code) => {
    const tools = directory();
    lane.answer = answer;
    await expect(tools.lists('a')).rejects.toMatchObject({ problem: { code } });
    lane.answer = (_, sink) => sink.settled(page(['a']));
    expect(await tools.lists('a')).toBe(true);
  });

  it('is a failure when there is no lane', async () => {
    const refused = new ProblemError(PROBLEMS.UPSTREAM_CRASH_LOOP);
    const tools = new LaneToolDirectory(
      { lane: () => Promise.reject(refused), giveBack: () => expect.unreachable() },
      { revision: '2026-07-28', timeoutMs: 1 },
    );
    await expect(tools.lists('a')).rejects.toBe(refused);
  });

  it('does not end what was known of other names', async () => {
    const tools = directory();
    await tools.lists('a');
    lane.answer = (_, sink) => sink.failed(PROBLEMS.UPSTREAM_TIMEOUT, 'slow');
    now += 5_000;
    await expect(tools.lists('guess')).rejects.toThrow();
    expect(tools.lists('a')).toBe(true);
  });
});

describe('what a directory knows of a tool', () => {
  const listOf = (...tools: object[]) => messageOf({ jsonrpc: '2.0', id: 1, result: { tools } });
  const annotated = (name: string, header: string) => ({
    name,
    inputSchema: { type: 'object', properties: { region: { type: 'string', 'x-mcp-header': header } } },
  });
  const REGION = [{ header: 'Mcp-Param-Region', key: 'mcp-param-region', path: ['region'] }];

  it('is what its definition says, read once', async () => {
    lane.answer = (_, sink) => sink.settled(listOf({ name: 'plain' }, annotated('query', 'Region')));
    const tools = directory();
    expect(await tools.facts('query')).toEqual({ mirrored: REGION, fault: undefined });
    expect(tools.facts('plain')).toEqual({ mirrored: [], fault: undefined });
    expect(tools.facts('none')).toBeUndefined();
    expect(lane.asked).toHaveLength(1);
  });

  it('is good until the server has given a newer list, and whoever calls does not wait for that', async () => {
    const tools = directory();
    await tools.facts('a');
    lane.answer = (_, sink) => sink.settled(listOf(annotated('a', 'Region')));
    now += 61_000;
    expect(tools.facts('a')).toMatchObject({ mirrored: [] });
    await tools.lists('a');
    expect(tools.facts('a')).toMatchObject({ mirrored: REGION });
    expect(lane.asked).toHaveLength(2);
  });

  it('survives a server that does not give its list again', async () => {
    const tools = directory();
    await tools.facts('a');
    lane.answer = (_, sink) => sink.failed(PROBLEMS.UPSTREAM_TIMEOUT, 'late');
    now += 61_000;
    expect(tools.facts('a')).toBeDefined();
    await expect(tools.lists('c')).rejects.toThrow();
    expect(tools.facts('a')).toBeDefined();
  });

  it('is nothing for a while when the server has no list: not every call asks again', async () => {
    lane.answer = (_, sink) =>
      sink.settled(messageOf({ jsonrpc: '2.0', id: 1, error: { code: -32601, message: 'no such method' } }));
    const tools = directory();
    await expect(tools.facts('a')).rejects.toMatchObject({ problem: { code: 'UPSTREAM_INVALID' } });
    expect(tools.facts('a')).toBeUndefined();
    expect(lane.asked).toHaveLength(1);
    lane.answer = (_, sink) => sink.settled(page(['a']));
    now += 61_000;
    expect(await tools.facts('a')).toBeDefined();
  });

  it('comes from a list on its way to a client as well, so that the server is not asked', () => {
    const tools = directory();
    expect(tools.wantsList).toBe(true);
    tools.learn(new Map([['query', { mirrored: REGION, fault: undefined }]]));
    expect(tools.wantsList).toBe(false);
    expect(tools.facts('query')).toMatchObject({ mirrored: REGION });
    expect(lane.asked).toHaveLength(0);
  });

  it('says of an unfit tool why, and does not list it; the older revisions know no annotations', async () => {
    lane.answer = (_, sink) => sink.settled(listOf(annotated('bad', 'two words'), annotated('good', 'Region')));
    const faults: string[] = [];
    const lender = { lane: () => lane, giveBack: () => {} };
    const onFault = (tool: string): void => void faults.push(tool);
    const tools = new LaneToolDirectory(lender, { revision: '2026-07-28', timeoutMs: 5_000, onFault }, () => now);
    expect(await tools.lists('bad')).toBe(false);
    expect(tools.lists('good')).toBe(true);
    expect(tools.facts('bad')).toMatchObject({ fault: expect.stringContaining('header name') });
    expect(faults).toEqual(['bad']);
    expect(await directory('2025-11-25').lists('bad')).toBe(true);
  });

  it('is read through any spelling of the annotation', async () => {
    lane.answer = (_, sink) =>
      sink.settled(
        messageOf(
          '{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"a","inputSchema":{"properties":{"region":' +
            '{"type":"string","x-mcp\\u002dheader":"Region"}}}}]}}',
        ),
      );
    expect(await directory().facts('a')).toMatchObject({ mirrored: REGION });
  });
});
