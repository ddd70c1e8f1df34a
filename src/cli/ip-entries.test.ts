import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ipCommands } from './ip.ts';

let scratch: string;
let stateDir: string;

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'sallyport-ip-'));
  stateDir = join(scratch, 'state');
});
afterEach(() => rmSync(scratch, { recursive: true }));

/** Runs one command line as `sallyport ip` would, on a state folder no gateway runs on. */
async function ip(...args: string[]): Promise<{ out: string; err: string; code: number }> {
  let [out, err, code] = ['', '', 0];
  const stdout = { write: (text: string) => (out += text) };
  const stderr = { write: (text: string) => (err += text) };
  const program = new Command('sallyport')
    .exitOverride()
    .configureOutput({ writeOut: stdout.write, writeErr: stderr.write });
  const exitCode = (value: number) => {
    code = value;
  };
  const configuration = () => {
    throw new Error('entries are no matter of the configuration');
  };
  ipCommands(program, { stateDir: () => stateDir, configuration, stdout, stderr, exitCode });
  for (const command of program.commands.flatMap((one) => [one, ...one.commands]))
    command.copyInheritedSettings(program);
  try {
    await program.parseAsync(['ip', ...args], { from: 'user' });
  } catch (error) {
    code = (error as { exitCode: number }).exitCode;
  }
  return { out, err, code };
}

describe('sallyport ip', () => {
  it('makes, shows and takes back entries in the store when no gateway runs, and says so', async () => {
    const made = await ip('deny', '2001:DB8::/32', '--for', '2h', '--reason', 'too many questions');
    expect(made.out).toMatch(/^deny 2001:db8::\/32 until \d{4}-.*Z, entry [0-9a-f]{8}\n$/);
    expect(made.err).toContain(`State folder: ${stateDir}. No gateway is running; it counts once one starts.`);
    expect((await ip('allow', '203.0.113.7')).out).toMatch(/^allow 203\.0\.113\.7 until it is removed, entry /);
    expect((await ip('deny', '2001:db8::/32')).err).toContain('takes the place of the one before');

    const { out } = await ip('list');
    expect(out).toMatch(/^KIND +ADDRESSES +ENDS +BY +ID +REASON$/m);
    expect(out).toMatch(/^deny +2001:db8::\/32 +never +cli:\S+ +[0-9a-f]{8}$/m);
    expect(out.match(/^deny/gm)).toHaveLength(1);

    expect((await ip('remove', '203.0.113.7')).out).toMatch(/^removed allow 203\.0\.113\.7 [0-9a-f]{8}\n$/);
    const { entries } = JSON.parse((await ip('list', '--json')).out);
    expect(entries).toMatchObject([{ verdict: 'deny', cidr: '2001:db8::/32', by: expect.stringMatching(/^cli:/) }]);
    expect(JSON.parse((await ip('remove', entries[0].id, '--json')).out).removed).toEqual(entries);
    expect(await ip('list')).toMatchObject({ out: '', err: expect.stringContaining('No entries.') });
  });

  it.each([
    [['deny', '203.0.113.77/24'], /Did you mean 203\.0\.113\.0\/24/],
    [['deny', '0.0.0.0/0'], /nobody could call.*--yes/],
    [['deny', '127.0.0.1'], /this machine's own.*--yes/],
    [['allow', '203.0.113.7', '--for', 'ever'], /"ever" is not a time such as 90s/],
    [['remove', '203.0.113.7'], /No entry is for 203\.0\.113\.7.*sallyport ip list/],
  ])('%j is refused with what to do', async (args, remedy) => {
    await ip('allow', '198.51.100.1');
    const { out, err, code } = await ip(...args);
    expect(err).toMatch(remedy);
    expect([out, code]).toEqual(['', 1]);
  });

  it('does what reaches far when it is said to be meant', async () => {
    expect((await ip('deny', '0.0.0.0/0', '--yes')).code).toBe(0);
    expect((await ip('list')).out).toContain('0.0.0.0/0');
  });

  it('does not make a state folder to look into', async () => {
    const { err, code } = await ip('list');
    expect([code, err]).toEqual([1, expect.stringContaining('--state-dir')]);
  });

  it('teaches by example', async () => {
    expect((await ip('--help')).out).toContain('sallyport ip deny 203.0.113.7 --for 2h');
    expect((await ip('deny', '--help')).out).toContain('--for <time>');
  });
});
