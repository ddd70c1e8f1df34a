import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAuthority } from '../support/certificates.ts';
import { CLIENT, holdsThrough, ProxyGround } from './ground.ts';
import { freePort, type RunningProxy, replaced, sample, startNginx } from './proxy-process.ts';

/** As proxies in front of MCP servers are often set up. */
const PRINTED = `server {
listen 80;
server_name your-domain.com;
location / {
proxy_pass http://localhost:3050;
proxy_set_header Host $host;
proxy_set_header X-Real-IP $remote_addr;
proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
proxy_set_header X-Forwarded-Proto $scheme;
}
}`;

const authority = createAuthority();
const { certFile, keyFile } = authority.issue();
afterAll(() => authority.remove());

/** deploy/nginx/sallyport.conf, with ports and files of the test, and the address of the gateway as it stands in `upstream`. */
async function startSample(upstream: Readonly<Record<string, string>>): Promise<{ proxy: RunningProxy; url: string }> {
  const [plain, secure] = [await freePort(), await freePort()];
  const text = sample('nginx/sallyport.conf', {
    'listen 80;': `listen 127.0.0.1:${plain};`,
    'listen 443 ssl;': `listen 127.0.0.1:${secure} ssl;`,
    '/etc/ssl/certs/mcp.example.com.pem': certFile,
    '/etc/ssl/private/mcp.example.com.key': keyFile,
    ...upstream,
  });
  return { proxy: await startNginx(text, secure), url: `https://127.0.0.1:${secure}` };
}

describe('our nginx sample', () => {
  let ground: ProxyGround;
  let proxy: RunningProxy;
  let url = '';
  beforeAll(async () => {
    ground = await ProxyGround.open({ trust_proxy: '127.0.0.1' });
    ground.trust(authority.cert);
    ({ proxy, url } = await startSample({ 'server 127.0.0.1:3000;': `server 127.0.0.1:${ground.port};` }));
  });
  afterAll(async () => {
    await ground?.close();
    await proxy?.stop();
  });
  holdsThrough(() => ({ ground, url }));
});

describe('our nginx sample, with the gateway on a Unix socket', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-nginx-'));
  const socket = join(folder, 'http.sock');
  let ground: ProxyGround;
  let proxy: RunningProxy;
  let url = '';
  beforeAll(async () => {
    ground = await ProxyGround.open({ socket, trust_proxy: 'unix' });
    ground.trust(authority.cert);
    ({ proxy, url } = await startSample({
      'server 127.0.0.1:3000;': '',
      '# server unix:/run/sallyport/http.sock;': `server unix:${socket};`,
    }));
  });
  afterAll(async () => {
    await ground?.close();
    await proxy?.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  holdsThrough(() => ({ ground, url }));
});

describe('the nginx configuration that is often printed', () => {
  let ground: ProxyGround;
  let proxy: RunningProxy;
  let url = '';
  beforeAll(async () => {
    ground = await ProxyGround.open({}, { ONE_MCP_TRUST_PROXY: '127.0.0.1' });
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    const text = replaced(PRINTED, { 'listen 80;': `listen ${port};`, 'localhost:3050': `localhost:${ground.port}` });
    proxy = await startNginx(text, port);
  });
  afterAll(async () => {
    await ground?.close();
    await proxy?.stop();
  });
  holdsThrough(() => ({ ground, url }));
});

describe('the same, where localhost is ::1', () => {
  it('works with the printed 127.0.0.1 as the trusted proxy, and a warning says so', async () => {
    const ground = await ProxyGround.open({ host: '::1' }, { ONE_MCP_TRUST_PROXY: '127.0.0.1' });
    const port = await freePort();
    const text = replaced(PRINTED, { 'listen 80;': `listen ${port};`, 'localhost:3050': `[::1]:${ground.port}` });
    const proxy = await startNginx(text, port);
    try {
      const row = await ground.call(`http://127.0.0.1:${port}`, ground.from(CLIENT));
      expect(row).toMatchObject({ client: CLIENT, peer: '::1' });
      expect(ground.gateway.stderr()).toContain('::1');
    } finally {
      await ground.close();
      await proxy.stop();
    }
  });
});
