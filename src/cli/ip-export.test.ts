import { Command } from 'commander';
import { expect, it } from 'vitest';
import { load } from '../../test/fixtures/config/folder.ts';
import { ipExportCommand } from './ip-export.ts';

async function exported(server: string, ...more: string[]): Promise<string> {
  const loaded = load(`server: { ${server} }\nsecurity: { ip_blacklist: [203.0.113.7] }\n`);
  let stdout = '';
  const program = new Command();
  ipExportCommand(program, {
    configuration: () => loaded,
    stateDir: () => loaded.stateDir,
    stdout: {
      write: (text) => {
        stdout += text;
      },
    },
    stderr: { write: () => {} },
    exitCode: () => {},
  });
  await program.parseAsync(['export', ...more], { from: 'user' });
  return stdout;
}

it.each([
  'port: 0',
  'socket: /run/http.sock, trust_proxy: unix',
])('no rule protects a port nobody knows (%s)', async (server) => {
  await expect(exported(server, '--ufw')).rejects.toThrow('Give it with --port.');
  expect(await exported(server, '--ufw', '--port', '443')).toContain('from 203.0.113.7 to any port 443');
  expect(await exported(server, '--nginx')).toBe('deny 203.0.113.7;\n');
});

it('the port is the one of the configuration unless another is given', async () => {
  expect(await exported('port: 3001', '--ufw')).toContain('to any port 3001');
  expect(await exported('port: 3001', '--ufw', '--port', '443')).not.toContain('3001');
});
