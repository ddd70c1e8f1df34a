import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createLog } from '../telemetry/log.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { disabledAudit } from './audit.ts';
import { AuditLog, type AuditSettings, type Durability } from './log.ts';
import type { AuditRow } from './record.ts';
import type { Timers } from './timers.ts';
import { verifyFile } from './verify.ts';

/** Time that passes only when told to. */
class HandClock implements Timers {
  now = Date.UTC(2026, 10, 21);
  readonly #due = new Map<object, { at: number; run: () => void }>();

  setTimeout(run: () => void, milliseconds: number): object {
    const handle = {};
    this.#due.set(handle, { at: this.now + milliseconds, run });
    return handle;
  }

  clearTimeout(handle: unknown): void {
    this.#due.delete(handle as object);
  }

  pass(milliseconds: number): void {
    this.now += milliseconds;
    for (const [handle, { at, run }] of [...this.#due]) {
      if (at <= this.now && this.#due.delete(handle)) run();
    }
  }
}

let folder: string;
let file: string;
let clock: HandClock;
let metrics: ReturnType<typeof createMetrics>;
const opened: AuditLog[] = [];

beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'audit-log-')), 'audit');
  file = join(folder, 'audit.jsonl');
  clock = new HandClock();
  metrics = createMetrics({}, { runtime: false });
});

afterEach(async () => {
  for (const audit of opened.splice(0)) await audit.close();
  rmSync(join(folder, '..'), { recursive: true, force: true });
});

function open(settings: Partial<AuditSettings> = {}): AuditLog {
  const audit = AuditLog.open(
    { durability: 'written', file, refusals: { per_window: 2, window_ms: 60_000 }, ...settings },
    { log: createLog({ level: 'silent', format: 'json' }), metrics, now: () => clock.now, timers: clock },
  );
  opened.push(audit);
  return audit;
}

function call(tool: string): AuditRow {
  return { type: 'decision', tool, verdict: 'allow' };
}

function outcome(tool: string): AuditRow {
  return { type: 'outcome', tool, outcome: 'ok' };
}

function records(path = file): Record<string, unknown>[] {
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

const tools = (path = file) => records(path).map((record) => record.tool ?? record.type);
const refused = { problem: { code: 'AUDIT_UNAVAILABLE', status: 503 } };

describe.each(['buffered', 'written', 'synced'] as const)('the audit log, %s', (durability: Durability) => {
  it('holds every row in order, one chained line each', async () => {
    const audit = open({ durability });
    const writes = Array.from({ length: 500 }, (_, i) => audit.write(call(`t${i}`)));
    audit.note(outcome('last'));
    await Promise.all(writes);
    await audit.flush();
    expect(tools()).toEqual([...Array.from({ length: 500 }, (_, i) => `t${i}`), 'last']);
    expect(await verifyFile(file)).toMatchObject({ ok: true, lines: 501 });
    expect(await metrics.render()).toContain('sallyport_audit_records_total 501');
  });

  it('loses nothing at a graceful stop, even rows nobody waited for', async () => {
    const audit = open({ durability });
    for (let i = 0; i < 50; i++) audit.note(outcome(`t${i}`));
    audit.refusal({ ...call('r'), verdict: 'deny' }, '203.0.113.5');
    await audit.close();
    expect(records()).toHaveLength(51);
    expect(existsSync(join(folder, 'audit.lock'))).toBe(false);
  });

  it('goes on with the chain after a restart', async () => {
    const first = open({ durability });
    await first.write(call('a'));
    await first.close();
    const second = open({ durability });
    await second.write(call('b'));
    await second.close();
    expect(records().map((record) => record.seq)).toEqual([1, 2]);
    expect(await verifyFile(file)).toMatchObject({ ok: true, lines: 2 });
  });

  it('refuses calls while its folder is gone, and recovers alone with what happened meanwhile', async () => {
    const audit = open({ durability });
    await audit.write(call('before'));
    await audit.flush();
    renameSync(folder, `${folder}.away`);
    clock.pass(1001);
    if (durability === 'buffered') {
      audit.note(outcome('meanwhile'));
      await expect(audit.flush()).rejects.toMatchObject(refused);
    } else {
      await expect(audit.write(call('refused'))).rejects.toMatchObject(refused);
      audit.note(outcome('meanwhile'));
    }
    expect(audit.healthy).toBe(false);
    await expect(audit.write(call('refused too'))).rejects.toMatchObject(refused);
    expect(await metrics.render()).toMatch(/sallyport_audit_failures_total [1-9]/);

    renameSync(`${folder}.away`, folder);
    clock.pass(1000);
    await audit.flush();
    expect(audit.healthy).toBe(true);
    await audit.write(call('after'));
    await audit.flush();
    expect(tools()).toEqual(['before', 'recovered', 'meanwhile', 'after']);
    expect(await verifyFile(file)).toMatchObject({ ok: true, lines: 4 });
  });
});

describe('the audit log', () => {
  it('keeps file and folder to their owner', async () => {
    await open().write(call('a'));
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
  });

  it('has handed a row to the kernel when write is done', async () => {
    await open().write(call('a'));
    expect(tools()).toEqual(['a']);
  });

  it('keeps the order of records when the clock steps back, and tells the time as it was', async () => {
    const audit = open();
    await audit.write(call('a'));
    clock.now -= 3_600_000;
    await audit.write(call('b'));
    expect(records().map(({ seq, time }) => [seq, time])).toEqual([
      [1, '2026-11-21T00:00:00.000Z'],
      [2, '2026-11-20T23:00:00.000Z'],
    ]);
  });

  it('refuses rows once closed', async () => {
    const audit = open();
    await audit.close();
    expect(audit.healthy).toBe(false);
    await expect(audit.write(call('late'))).rejects.toMatchObject(refused);
  });

  it('counts refusals beyond the quota in one row when the window ends', async () => {
    const audit = open();
    for (let i = 0; i < 5; i++)
      audit.refusal({ type: 'decision', verdict: 'deny', reason: 'no-credential' }, '203.0.113.5');
    clock.pass(60_000);
    await audit.flush();
    expect(records().map(({ type, count, client }) => [type, count, client])).toEqual([
      ['decision', undefined, undefined],
      ['decision', undefined, undefined],
      ['refusals', 3, '203.0.113.5'],
    ]);
  });

  it('tries a failed file again with the first row after a quarter of a second', async () => {
    const audit = open();
    await audit.write(call('a'));
    renameSync(folder, `${folder}.away`);
    clock.pass(1001);
    await expect(audit.write(call('refused'))).rejects.toMatchObject(refused);
    renameSync(`${folder}.away`, folder);
    await expect(audit.write(call('too soon'))).rejects.toMatchObject(refused);
    clock.pass(250);
    await audit.write(call('b'));
    expect(tools()).toEqual(['a', 'recovered', 'b']);
  });

  it('keeps ten thousand rows while it cannot write and counts the rest', async () => {
    const audit = open();
    await audit.write(call('a'));
    renameSync(folder, `${folder}.away`);
    clock.pass(1001);
    await expect(audit.write(call('refused'))).rejects.toMatchObject(refused);
    for (let i = 0; i < 10_050; i++) audit.note(outcome('kept'));
    renameSync(`${folder}.away`, folder);
    clock.pass(1000);
    expect(records()).toHaveLength(10_002);
    expect(records()[1]).toMatchObject({ type: 'recovered', dropped: 50, detail: expect.stringContaining('ENOENT') });
  });

  it('does not turn an unawaited refusal into an unhandled rejection', async () => {
    const audit = open();
    await audit.write(call('a'));
    rmSync(folder, { recursive: true });
    clock.pass(1001);
    void audit.write(call('nobody waits'));
    await expect(audit.flush()).rejects.toMatchObject(refused);
    mkdirSync(folder, { mode: 0o700 });
  });

  it('goes on in a new file when the old one is rotated away, and the chain links both', async () => {
    const audit = open();
    await audit.write(call('a'));
    renameSync(file, `${file}.1`);
    clock.pass(1001);
    await audit.write(call('b'));
    await audit.close();
    expect(tools()).toEqual(['recovered', 'b']);
    expect(records()[0]).toMatchObject({ seq: 2, prev: records(`${file}.1`)[0]!.hash });
    expect(await verifyFile(file)).toMatchObject({ ok: true, start: { seq: 1 } });
    expect(await verifyFile(`${file}.1`, { anchor: false })).toMatchObject({ ok: true, head: { seq: 1 } });
  });

  it('goes on at the start of a file that was copied and truncated', async () => {
    const audit = open();
    await audit.write(call('a'));
    truncateSync(file);
    clock.pass(1001);
    await audit.write(call('b'));
    await audit.close();
    expect(tools()).toEqual(['recovered', 'b']);
    expect(await verifyFile(file)).toMatchObject({ ok: true, start: { seq: 1 } });
  });

  it('leaves a cut tail visible for ever instead of healing the chain over it', async () => {
    const audit = open();
    for (const tool of ['a', 'b', 'c']) await audit.write(call(tool));
    truncateSync(file, readFileSync(file, 'utf8').indexOf('\n') + 1);
    clock.pass(1001);
    await audit.write(call('d'));
    await audit.close();
    expect(tools()).toEqual(['a', 'recovered', 'd']);
    const missing = { line: 2, why: 'records 2 to 3 are missing before this one' };
    expect(await verifyFile(file)).toMatchObject({ ok: false, firstBad: missing });
  });

  it('moves foreign bytes out of the record and says so', async () => {
    const audit = open();
    await audit.write(call('a'));
    appendFileSync(file, 'not a record\nnor this');
    clock.pass(1001);
    await audit.write(call('b'));
    await audit.close();
    expect(tools()).toEqual(['a', 'recovered', 'recovered', 'b']);
    expect(readFileSync(join(folder, 'audit.torn-1'), 'utf8')).toBe('not a record\nnor this');
    expect(await verifyFile(file)).toMatchObject({ ok: true });
  });

  it('lets callers go when the disk does not answer, and is healthy again when it does', async () => {
    const audit = open({ durability: 'synced' });
    const write = audit.write(call('slow'));
    // The write starts at the end of this turn; five seconds pass before the disk can have answered.
    const stalled = new Promise((resolve) => setImmediate(() => resolve(clock.pass(5000))));
    await stalled;
    expect(audit.healthy).toBe(false);
    await expect(write).rejects.toMatchObject(refused);
    await expect(audit.write(call('refused'))).rejects.toMatchObject(refused);
    audit.note(outcome('meanwhile'));
    await vi.waitFor(() => expect(audit.healthy).toBe(true));
    await audit.write(call('after'));
    expect(tools()).toEqual(['slow', 'meanwhile', 'after']);
    expect(await verifyFile(file)).toMatchObject({ ok: true });
  });

  it('lets a buffered caller run ahead of the file by so many rows and then makes it wait', async () => {
    const audit = open({ durability: 'buffered' });
    for (let i = 0; i < 4096; i++) expect(audit.write(call('ahead'))).toBeUndefined();
    await expect(audit.write(call('waits'))).resolves.toBeUndefined();
    expect(records()).toHaveLength(4097);
  });

  it('moves the anchor up at a flush and every few seconds, and marks a clean stop', async () => {
    const head = () => JSON.parse(readFileSync(join(folder, 'audit.head'), 'utf8')) as Record<string, unknown>;
    const audit = open();
    expect(head()).toMatchObject({ seq: 0, closed: false });
    await audit.write(call('a'));
    await audit.flush();
    expect(head()).toMatchObject({ seq: 1, hash: records()[0]!.hash, first_seq: 1, closed: false });
    await audit.write(call('b'));
    clock.pass(5000);
    await vi.waitFor(() => expect(head()).toMatchObject({ seq: 2, closed: false }));
    await audit.close();
    expect(head()).toMatchObject({ seq: 2, closed: true });
  });

  it('refuses a file that is a pipe, so nothing can hang on it; a plain file is taken', () => {
    mkdirSync(folder);
    execFileSync('mkfifo', [file]);
    expect(() => open()).toThrow('not a regular file');
    rmSync(file);
    expect(open().healthy).toBe(true);
  });

  it('refuses to share its file with another gateway, and takes over from one that died', async () => {
    const first = open();
    expect(() => open()).toThrow(`another gateway (pid ${process.pid})`);
    await first.close();
    const lock = join(folder, 'audit.lock');
    const holder = { id: 'x', pid: process.pid, host: 'elsewhere', boot: '', started: '1' };
    writeFileSync(lock, JSON.stringify(holder));
    expect(() => open()).toThrow('another gateway');
    const { hostname } = await import('node:os');
    writeFileSync(lock, JSON.stringify({ ...holder, host: hostname() }));
    const second = open();
    await second.write(call('a'));
    expect(tools()).toEqual(['a']);
  });

  it('records nothing and refuses nothing when disabled', async () => {
    expect(disabledAudit.write(call('a'))).toBeUndefined();
    disabledAudit.note(outcome('a'));
    disabledAudit.refusal(call('a'), 'x');
    await disabledAudit.flush();
    expect(disabledAudit.healthy).toBe(true);
    await disabledAudit.close();
  });
});

describe('starting on a file that is not as it was left', () => {
  async function threeRecords(): Promise<void> {
    const audit = open();
    for (const tool of ['a', 'b', 'c']) await audit.write(call(tool));
    await audit.close();
  }

  it('sets a torn last line aside, says so, and goes on', async () => {
    await threeRecords();
    appendFileSync(file, '{"seq":4,"time":"2026-');
    const audit = open();
    await audit.write(call('d'));
    await audit.close();
    expect(tools()).toEqual(['a', 'b', 'c', 'recovered', 'd']);
    expect(records()[3]).toMatchObject({ detail: expect.stringMatching(/22 bytes .* moved to .*audit\.torn-1$/) });
    expect(readFileSync(join(folder, 'audit.torn-1'), 'utf8')).toBe('{"seq":4,"time":"2026-');
    expect(statSync(join(folder, 'audit.torn-1')).mode & 0o777).toBe(0o600);
    expect(await verifyFile(file)).toMatchObject({ ok: true, lines: 5 });
  });

  it('sets aside a tail of zeros longer than one read, as a power failure leaves it', async () => {
    await threeRecords();
    appendFileSync(file, Buffer.alloc(300_000));
    const audit = open();
    await audit.close();
    expect(tools()).toEqual(['a', 'b', 'c', 'recovered']);
    expect(statSync(join(folder, 'audit.torn-1')).size).toBe(300_000);
  });

  it('goes on after the missing records when the tail was cut off, so the gap stays visible', async () => {
    await threeRecords();
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.slice(0, text.indexOf('\n') + 1));
    const audit = open();
    await audit.write(call('d'));
    await audit.close();
    expect(records().map((record) => record.seq)).toEqual([1, 4, 5]);
    expect(records()[1]).toMatchObject({ type: 'recovered', detail: expect.stringContaining('ends at record 1') });
    expect(await verifyFile(file)).toMatchObject({ ok: false, firstBad: { line: 2 } });
  });

  it('goes on with the chain when the whole file was taken away', async () => {
    await threeRecords();
    renameSync(file, `${file}.1`);
    const audit = open();
    await audit.close();
    expect(records()).toMatchObject([{ seq: 4, type: 'recovered', detail: expect.stringContaining('after record 3') }]);
    expect(await verifyFile(file)).toMatchObject({ ok: true, start: { seq: 3 } });
  });

  it('does not change a file that is as it was left', async () => {
    await threeRecords();
    const before = readFileSync(file);
    await open().close();
    expect(readFileSync(file)).toEqual(before);
  });
});
