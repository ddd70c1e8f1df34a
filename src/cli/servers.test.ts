import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { folderWith, load } from '../../test/fixtures/config/folder.ts';
import { commandOverlay, demoOverlay } from './servers.ts';

const only = (overlay: unknown) => load(undefined, { overlay, cwd: folderWith({}) }).settings.mcps[0];

describe('the server behind --', () => {
  it('is the command as it was typed, and nothing between the gateway and it', () => {
    expect(only(commandOverlay(['npx', '-y', '@scope/server-files', '--root', '/tmp/a b']))).toMatchObject({
      transport: 'stdio',
      command: 'npx',
      args: ['-y', '@scope/server-files', '--root', '/tmp/a b'],
    });
  });

  it.each([
    ['the package npx runs', ['npx', '-y', '@modelcontextprotocol/server-everything'], 'server-everything'],
    ['the package without its version', ['npx', 'mcp-server@1.2.3'], 'mcp-server'],
    ['the script node runs', ['node', '--no-warnings', './build/Main.js'], 'main'],
    ['the script python runs', ['python3', 'tools/My Server.py'], 'my-server'],
    ['the program itself', ['/usr/local/bin/crm_server'], 'crm_server'],
    ['the program, though it has arguments', ['crm', 'serve'], 'crm'],
    ['something plain where nothing makes a name', ['npx', '-y'], 'npx'],
    ['something plain where the name is none', ['./…'], 'server'],
    ['something plain where the name is taken', ['servers'], 'server'],
    ['not too long', ['x'.repeat(200)], 'x'.repeat(63)],
  ])('is called after %s', (_, command, id) => {
    expect(only(commandOverlay(command))?.id).toBe(id);
  });
});

describe('the demo server', () => {
  it('is the one that ships here, run by this very Node', () => {
    const demo = only(demoOverlay());
    expect(demo).toMatchObject({ id: 'demo', transport: 'stdio', command: process.execPath });
    const source = fileURLToPath(new URL('../../servers/demo/main.ts', import.meta.url));
    expect(existsSync(source)).toBe(true);
    expect(demo).toHaveProperty('args', [source.replace(/\.ts$/, '.js')]);
  });
});
