import { mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { makeFolder } from './make-folder.ts';

function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-folder-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

it('makes what is missing, and leaves what is there', () => {
  const [home, deep] = [scratch(), ['a', 'b', 'c']];
  const path = join(home, ...deep);
  makeFolder(path, 0o700);
  for (const end of [1, 2, 3]) expect(statSync(join(home, ...deep.slice(0, end))).mode & 0o777).toBe(0o700);
  makeFolder(path, 0o755);
  expect(statSync(path).mode & 0o777).toBe(0o700);
});

it.each([
  ['under /proc, where nothing can be made', () => '/proc/sallyport/certs'],
  ['where a file is', () => file(scratch())],
  ['in a file', () => join(file(scratch()), 'below')],
  ['behind a link that leads nowhere', () => link(scratch())],
])('throws %s', (_, path) => {
  expect(() => makeFolder(path(), 0o700)).toThrow(/^E[A-Z]+: /);
});

function file(folder: string): string {
  writeFileSync(join(folder, 'file'), '');
  return join(folder, 'file');
}

function link(folder: string): string {
  symlinkSync(join(folder, 'nowhere'), join(folder, 'link'));
  return join(folder, 'link');
}
