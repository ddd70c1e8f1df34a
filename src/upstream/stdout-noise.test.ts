import { describe, expect, it } from 'vitest';
import { Bench, leaseFor, MemoryLog, open, outbound, Recorder } from '../../test/support/children/bench.ts';
import { ChildSecrets } from './child-secrets.ts';
import { unreadId } from './line-framer.ts';
import { StdoutNoise } from './stdout-noise.ts';

describe('noise on stdout', () => {
  it('is a flood only when no message comes for ten thousand lines', () => {
    const noise = new StdoutNoise(new MemoryLog(), new ChildSecrets([]), () => 0);
    const heard = (lines: number): boolean[] =>
      Array.from({ length: lines }, () => noise.hear(Buffer.from('y'), 'why'));
    expect(heard(9_999)).not.toContain(true);
    noise.heardMessage();
    expect(heard(9_999)).not.toContain(true);
    expect(heard(1)).toEqual([true]);
    expect(noise.total).toBe(19_999);
  });

  it('is shown to the operator without what the configuration holds', () => {
    const log = new MemoryLog();
    new StdoutNoise(log, new ChildSecrets(['key-0123456789']), () => 0).hear(
      Buffer.from('using key-0123456789'),
      'why',
    );
    expect(log.lines.join()).toContain('using [configured value]');
    expect(log.lines.join()).not.toContain('key-0123456789');
  });

  it('ends the child that prints nothing else', async () => {
    const bench = new Bench();
    const lane = await bench.upstream({ command: '/usr/bin/yes', args: [], era: 'legacy' }).lease(leaseFor('legacy'));
    const sink = await open(lane);
    expect([sink.problem?.code, sink.detail]).toEqual(['UPSTREAM_CLOSED', 'printed nothing but noise on stdout']);
    expect(bench.log.matching(/nothing but noise.*run the command by hand/)).toHaveLength(1);
    await bench.closeAll();
  });
});

describe('an answer that cannot be read', () => {
  const DEEP = `${'['.repeat(70)}${']'.repeat(70)}`;
  const answering = (body: string) =>
    `process.stdin.on('data', (line) => console.log(${JSON.stringify(body)}.replace('ID', JSON.parse(line).id)))`;

  it.each([
    ['a result and an error', '{"jsonrpc":"2.0","id":ID,"result":{},"error":{"code":1,"message":"x"}}'],
    ['the same key twice', '{"jsonrpc":"2.0","id":ID,"result":{"a":1,"a":2}}'],
    ['more depth than is read', `{"jsonrpc":"2.0","id":ID,"result":{"x":${DEEP}}}`],
    ['its id at the end', `{"jsonrpc":"2.0","result":{"x":${DEEP}},"id":ID}`],
  ])('ends its call at once when it has %s', async (_, body) => {
    const bench = new Bench();
    const upstream = bench.upstream({ command: process.execPath, args: ['-e', answering(body)], era: 'legacy' });
    const lane = await upstream.lease(leaseFor('legacy'));
    const sink = new Recorder();
    lane.dispatch(outbound('tools/list', {}, { timeoutMs: 60_000 }), sink);
    await sink.over;
    expect(sink.problem?.code).toBe('UPSTREAM_INVALID');
    await bench.closeAll();
  });

  it('is matched by an id in plain sight only', () => {
    expect(unreadId(Buffer.from('{"jsonrpc":"2.0","id":7,"result":oops}'))).toBe(7);
    expect(unreadId(Buffer.from('{"jsonrpc":"2.0","id":7,"result":{"cut":'))).toBeUndefined();
    expect(unreadId(Buffer.from('plain text "id":7,}'))).toBeUndefined();
    expect(unreadId(Buffer.from('{"id":"7",}'))).toBeUndefined();
  });
});
