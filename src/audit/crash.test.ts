import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AuditLog } from './log.ts';
import { verifyFile } from './verify.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const services = `{
  log: { debug() {}, info() {}, warn() {}, error() {}, child() { return this; } },
  metrics: { auditFailures() {}, auditRecords() {} },
}`;

/** Eight callers write as hard as they can; what is acknowledged goes to standard output before the next call. */
const WRITER = `
import { writeSync } from 'node:fs';
import { AuditLog } from './compiled/audit/log.js';
const [file, durability, name] = process.argv.slice(2);
const audit = AuditLog.open({ durability, file, refusals: { per_window: 20, window_ms: 60000 } }, ${services});
let n = 0;
async function caller() {
  for (;;) {
    const tool = name + '-' + n++;
    await audit.write({ type: 'decision', tool, verdict: 'allow', user_agent: 'x'.repeat(n % 300) });
    writeSync(1, tool + '\\n');
    audit.note({ type: 'outcome', tool, outcome: 'ok' });
  }
}
for (let i = 0; i < 8; i++) caller();
`;

/** Writes until refused, says so, then tries on until it is let in again. */
const FILLER = `
import { writeSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { AuditLog } from './compiled/audit/log.js';
process.on('SIGXFSZ', () => {});
const [file] = process.argv.slice(2);
const audit = AuditLog.open({ durability: 'written', file, refusals: { per_window: 20, window_ms: 60000 } }, ${services});
const say = (line) => writeSync(1, line + '\\n');
let n = 0;
async function call(tool) {
  try {
    await audit.write({ type: 'decision', tool, verdict: 'allow', user_agent: 'x'.repeat(400) });
    say('acknowledged ' + tool);
    return true;
  } catch (error) {
    say('refused ' + tool + ' ' + error.problem.code);
    return false;
  }
}
while (await call('early-' + n++));
for (let i = 0; i < 20; i++) audit.note({ type: 'outcome', tool: 'meanwhile-' + i, outcome: 'ok' });
say(audit.healthy ? 'healthy' : 'unhealthy');
while (!audit.healthy) { await pause(20); await call('retry-' + n++); }
for (let i = 0; i < 10; i++) await call('late-' + i);
say(audit.healthy ? 'healthy' : 'unhealthy');
await audit.close();
`;

let home: string;

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'audit-crash-'));
  const flags = '--ignoreConfig --target es2023 --module nodenext --rewriteRelativeImportExtensions --skipLibCheck';
  const args = [
    ...flags.split(' '),
    '--types',
    'node',
    '--rootDir',
    join(root, 'src'),
    '--outDir',
    join(home, 'compiled'),
  ];
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  execFileSync(process.execPath, [compiler, ...args, join(root, 'src/audit/log.ts')], { cwd: root });
  symlinkSync(join(root, 'node_modules'), join(home, 'node_modules'));
  writeFileSync(join(home, 'package.json'), '{"type":"module"}');
  writeFileSync(join(home, 'writer.js'), WRITER);
  writeFileSync(join(home, 'filler.js'), FILLER);
});

afterAll(() => rmSync(home, { recursive: true, force: true }));

/** Runs the writer until it has been acknowledged `count` times, kills it, and returns every acknowledgement. */
async function killedAfter(count: number, args: readonly string[]): Promise<string[]> {
  const child = spawn(process.execPath, [join(home, 'writer.js'), ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const acknowledged: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    acknowledged.push(line);
    if (acknowledged.length === count) child.kill('SIGKILL');
  }
  return acknowledged;
}

function openAndClose(file: string): Promise<void> {
  const log = { debug() {}, info() {}, warn() {}, error() {}, child: () => log };
  const metrics = { auditFailures() {}, auditRecords() {} };
  const settings = { durability: 'written', file, refusals: { per_window: 20, window_ms: 60_000 } } as const;
  return AuditLog.open(settings, { log, metrics }).close();
}

function records(file: string): Record<string, unknown>[] {
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('killed with SIGKILL while writing hard', () => {
  it.each([
    ['written', 15, 400],
    ['synced', 5, 60],
  ] as const)(
    '%s: %i times over, every acknowledged record is there and the chain holds',
    async (durability, times, most) => {
      const file = join(home, durability, 'audit.jsonl');
      const acknowledged: string[] = [];
      for (let round = 0; round < times; round++) {
        const count = 1 + ((round * 7919) % most);
        acknowledged.push(...(await killedAfter(count, [file, durability, `round${round}`])));
        expect(await verifyFile(file)).toMatchObject({ ok: true, anchored: true });
      }
      await openAndClose(file);
      const all = records(file);
      expect(await verifyFile(file)).toMatchObject({
        ok: true,
        lines: all.length,
        incomplete: 0,
        head: { seq: all.length },
      });
      const decisions = new Set(all.filter((record) => record.type === 'decision').map((record) => record.tool));
      expect(acknowledged.filter((tool) => !decisions.has(tool))).toEqual([]);
      expect(acknowledged.length).toBeGreaterThanOrEqual(times);
    },
    60_000,
  );
});

interface FullDisk {
  readonly file: string;
  /** The command that runs node on this disk, before node's own arguments. */
  readonly command: readonly string[];
  free(child: ChildProcess): void;
  remove(): void;
}

/** A limit on the size of a file: the write that crosses it is cut short, the next one fails. */
function sizeLimit(): FullDisk {
  return {
    file: join(home, 'limited', 'audit.jsonl'),
    command: ['prlimit', '--fsize=100000:unlimited', process.execPath],
    free: (child) => void execFileSync('prlimit', ['--pid', String(child.pid), '--fsize=unlimited:unlimited']),
    remove: () => undefined,
  };
}

/** A small file system filled up by somebody else. */
function smallDisk(): FullDisk {
  const folder = join(home, 'small');
  mkdirSync(folder);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'none', folder]);
  writeFileSync(join(folder, 'filler'), Buffer.alloc(150_000));
  return {
    file: join(folder, 'audit', 'audit.jsonl'),
    command: [process.execPath],
    free: () => rmSync(join(folder, 'filler')),
    remove: () => void execFileSync('umount', [folder]),
  };
}

/** Only root may mount; everyone may limit. */
const DISKS: [string, () => FullDisk][] = [
  ['a file that may grow no further', sizeLimit],
  ...(canMount() ? [['a full disk', smallDisk] as [string, () => FullDisk]] : []),
];

function canMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'audit-mount-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'none', folder]).status === 0;
  if (mounted) execFileSync('umount', [folder]);
  rmSync(folder, { recursive: true });
  return mounted;
}

describe.each(DISKS)('on %s', (_, makeDisk) => {
  it('refuses calls, and goes on by itself when there is room, with nothing missing and nothing torn', async () => {
    const disk = makeDisk();
    try {
      const [program = '', ...args] = [...disk.command, join(home, 'filler.js'), disk.file];
      const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      const exit = once(child, 'exit');
      const said: string[] = [];
      for await (const line of createInterface({ input: child.stdout })) {
        said.push(line);
        if (line !== 'unhealthy') continue;
        expect(await verifyFile(disk.file)).toMatchObject({ ok: true, incomplete: 0 });
        disk.free(child);
      }
      expect(await exit).toEqual([0, null]);
      expect(said.filter((line) => line.endsWith('healthy'))).toEqual(['unhealthy', 'healthy']);
      expect(said.filter((line) => line.startsWith('refused early'))).toEqual([
        expect.stringMatching(/^refused early-\d+ AUDIT_UNAVAILABLE$/),
      ]);

      const all = records(disk.file);
      const named = (type: string) => all.filter((record) => record.type === type).map((record) => record.tool);
      const acknowledged = said.filter((line) => line.startsWith('acknowledged ')).map((line) => line.split(' ')[1]);
      expect(named('decision')).toEqual(acknowledged);
      expect(named('outcome')).toEqual(Array.from({ length: 20 }, (__, i) => `meanwhile-${i}`));
      expect(all.find((record) => record.type === 'recovered')).toMatchObject({
        detail: expect.stringMatching(/ENOSPC|EFBIG/),
      });
      expect(await verifyFile(disk.file)).toMatchObject({ ok: true, lines: all.length });
    } finally {
      disk.remove();
    }
  }, 30_000);
});
