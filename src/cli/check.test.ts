import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { folderWith } from '../../test/fixtures/config/folder.ts';
import { check } from './check.ts';

const SERVER = 'mcps: [{ id: files, transport: stdio, command: node }]\n';

function checked(
  files: Readonly<Record<string, string>>,
  file?: string,
  flags: Readonly<Record<string, unknown>> = {},
) {
  const cwd = folderWith(files);
  let [out, err] = ['', ''];
  const run = () =>
    check(file, flags, {
      env: { HOME: cwd },
      cwd,
      isTerminal: false,
      logFormat: 'json',
      print: (text) => {
        out += `${text}\n`;
      },
      complain: (text) => {
        err += `${text}\n`;
      },
    });
  return { cwd, run, said: () => ({ out, err }) };
}

describe('sallyport check', () => {
  it('says that a good configuration is good, and which servers are in it', async () => {
    const { run, said } = checked({ 'sallyport.yaml': SERVER });
    expect(await run()).toBe(0);
    expect(said().out).toMatch(/sallyport\.yaml: good \(files\)\n$/);
    expect(said().err).toBe('');
  });

  it('judges the file that is named, or none', async () => {
    const named = checked({ 'other.yaml': SERVER }, 'other.yaml');
    expect(await named.run()).toBe(0);
    expect(named.said().out).toContain('other.yaml: good');
    const none = checked({});
    expect(await none.run()).toBe(0);
    expect(none.said().out).toBe('defaults (no configuration file): good (no servers)\n');
  });

  it('judges flags as a start would', async () => {
    const { run } = checked({ 'sallyport.yaml': SERVER }, undefined, { port: 'many' });
    await expect(run()).rejects.toThrow('--port');
  });

  it('tells every fault at once', async () => {
    const { run, said } = checked({ 'sallyport.yaml': 'server: { prot: 1, host: 999 }\nlog: { level: loud }\n' });
    await expect(run()).rejects.toMatchObject({ faults: [{}, {}, {}] });
    expect(said().out).toBe('');
  });

  it('warns on standard error and still finds the configuration good', async () => {
    const { run, said } = checked({ 'sallyport.yaml': `auth: { anonymous: { roles: [user] } }\n${SERVER}` });
    expect(await run()).toBe(0);
    expect(said().err).toMatch(/^warning: .*auth\.anonymous\.roles/);
  });

  it('leaves nothing behind', async () => {
    const { cwd, run } = checked({ 'sallyport.yaml': SERVER });
    await run();
    expect(readdirSync(cwd)).toEqual(['sallyport.yaml']);
  });
});
