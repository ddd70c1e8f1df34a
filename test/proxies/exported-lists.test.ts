import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { runCli } from '../support/gateway.ts';
import { freePort, startNginx } from './proxy-process.ts';

const CONFIG = `security:
  ip_whitelist: [127.0.4.0/24, { cidr: 127.0.6.1, note: gone, expires: "2020-01-01" }, { file: office.txt }]
  ip_blacklist: [{ cidr: 127.0.4.9, note: "asks; for } too much" }]
`;

function statusFrom(localAddress: string, port: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, localAddress, agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    });
    asked.on('error', reject).end();
  });
}

it('lists exported for nginx keep out whom the configuration keeps out, and come back as they were', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-export-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const config = join(folder, 'sallyport.yaml');
  writeFileSync(config, CONFIG);
  writeFileSync(join(folder, 'office.txt'), '# the office\n127.0.5.1 # reception\n');
  const exported = await runCli(['ip', 'export', '--nginx', '--config', config]);
  expect(exported).toMatchObject({ code: 0, stderr: '' });

  const list = join(folder, 'addresses.conf');
  writeFileSync(list, exported.stdout);
  const port = await freePort();
  const server = `server { listen 127.0.0.1:${port}; include ${list}; location / { try_files /none =204; } }`;
  const nginx = await startNginx(server, port);
  onTestFinished(() => nginx.stop());
  const clients = ['127.0.4.1', '127.0.5.1', '127.0.4.9', '127.0.5.2', '127.0.6.1'];
  const statuses = await Promise.all(clients.map((client) => statusFrom(client, port)));
  expect(statuses).toEqual([204, 204, 403, 403, 403]);

  const imported = await runCli(['ip', 'import', list]);
  expect(imported.code).toBe(0);
  expect(imported.stdout).toBe(`security:
  ip_whitelist:
    - 127.0.4.0/24
    - cidr: 127.0.5.1
      note: reception
  ip_blacklist:
    - cidr: 127.0.4.9
      note: asks; for } too much
`);
});

it('what cannot be read ends the import with 1, and says which line and what to write', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-import-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const rules = join(folder, 'rules.txt');
  writeFileSync(rules, '10.0.0.0/8\n10.0.0.1/8\n');
  const imported = await runCli(['ip', 'import', rules]);
  expect(imported).toMatchObject({ code: 1, stdout: expect.stringContaining('- 10.0.0.0/8') });
  expect(imported.stderr).toContain('line 2: 10.0.0.1/8');
  expect(imported.stderr).toContain('Did you mean 10.0.0.0/8, or the one address 10.0.0.1?');
  const neither = await runCli(['ip', 'export']);
  expect(neither).toMatchObject({ code: 1, stderr: expect.stringContaining('--ufw or --nginx') });
});
