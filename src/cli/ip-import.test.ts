import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { expect, it, onTestFinished } from 'vitest';
import { parse } from 'yaml';
import { ipImportCommand } from './ip-import.ts';
import { textOf } from './text-file.ts';

async function importing(text: string, ...more: string[]) {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-import-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'rules');
  writeFileSync(file, text);
  const said = { stdout: '', stderr: '', code: 0 };
  const program = new Command();
  ipImportCommand(program, {
    stateDir: () => folder,
    stdout: { write: (part) => (said.stdout += part) },
    stderr: { write: (part) => (said.stderr += part) },
    exitCode: (code) => (said.code = code),
  });
  await program.parseAsync(['import', file, ...more], { from: 'user' });
  return said;
}

it('a denial that no list can say ends the import with 1', async () => {
  const { code, stderr, stdout } = await importing(
    '-A INPUT -s 10.0.0.0/8 -j ACCEPT\n-A INPUT -m iprange --src-range 10.2.0.1-10.2.0.9 -j DROP\n',
  );
  expect([code, parse(stdout)]).toEqual([1, { security: { ip_whitelist: ['10.0.0.0/8'] } }]);
  expect(stderr).toContain('Not taken over, and missing below:\n  line 2: -A INPUT -m iprange');
});

it('rules that keep out everybody and let in nobody end it with 1: no list lets in everybody', async () => {
  const { code, stderr, stdout } = await importing('deny all;\n');
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toContain('nobody they allow could be taken over');
  expect((await importing('allow 10.0.0.1;\ndeny all;\n')).code).toBe(0);
});

it('a file that is not there is named, with what to do', () => {
  expect(() => textOf('/nowhere/rules')).toThrow('/nowhere/rules does not exist. Name a file that can be read');
});

it('what it prints is YAML that says the same, notes and all', async () => {
  const { stdout } = await importing('::\n::1\n2001:db8::/32\n10.0.0.1 # a: "b" # c\n10.0.0.2 # yes\n192.0.2.0/24\n');
  expect(parse(stdout)).toEqual({
    security: {
      ip_whitelist: [
        '::',
        '::1',
        '2001:db8::/32',
        { cidr: '10.0.0.1', note: 'a: "b" # c' },
        { cidr: '10.0.0.2', note: 'yes' },
        '192.0.2.0/24',
      ],
    },
  });
});

it('what cannot be read is shown without steering the terminal', async () => {
  const { stderr } = await importing('10.0.0.1\n\u001b[2J\u009b1m\u202e\n');
  expect(stderr).toContain('line 2: \\u001b[2J\\u009b1m\\u202e\n');
  expect(stderr).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/);
});
