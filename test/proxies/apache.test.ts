import { afterAll, beforeAll, describe } from 'vitest';
import { createAuthority } from '../support/certificates.ts';
import { holdsThrough, ProxyGround } from './ground.ts';
import { freePort, type RunningProxy, replaced, sample, startApache } from './proxy-process.ts';

/** As proxies in front of MCP servers are often set up. */
const PRINTED = `<VirtualHost *:80>
ServerName your-domain.com
ProxyPass / http://localhost:3050/
ProxyPassReverse / http://localhost:3050/
ProxyPreserveHost On
ProxyAddHeaders On
</VirtualHost>`;

const authority = createAuthority();
const { certFile, keyFile } = authority.issue();
afterAll(() => authority.remove());

describe('our Apache sample', () => {
  let ground: ProxyGround;
  let proxy: RunningProxy;
  let url = '';
  beforeAll(async () => {
    ground = await ProxyGround.open({ trust_proxy: '127.0.0.1' });
    ground.trust(authority.cert);
    const [plain, secure] = [await freePort(), await freePort()];
    url = `https://127.0.0.1:${secure}`;
    const hosts = sample('apache/sallyport.conf', {
      '*:80>': `*:${plain}>`,
      '*:443>': `*:${secure}>`,
      '/etc/ssl/certs/mcp.example.com.pem': certFile,
      '/etc/ssl/private/mcp.example.com.key': keyFile,
      'http://127.0.0.1:3000/': `http://127.0.0.1:${ground.port}/`,
    });
    proxy = await startApache(`Listen 127.0.0.1:${plain}\nListen 127.0.0.1:${secure}\n${hosts}`, secure);
  });
  afterAll(async () => {
    await ground?.close();
    await proxy?.stop();
  });
  holdsThrough(() => ({ ground, url }));
});

describe('the Apache configuration that is often printed', () => {
  let ground: ProxyGround;
  let proxy: RunningProxy;
  let url = '';
  beforeAll(async () => {
    ground = await ProxyGround.open({}, { ONE_MCP_TRUST_PROXY: '127.0.0.1' });
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    const hosts = replaced(PRINTED, { '*:80>': `*:${port}>`, 'localhost:3050': `localhost:${ground.port}` });
    proxy = await startApache(`Listen 127.0.0.1:${port}\n${hosts}`, port);
  });
  afterAll(async () => {
    await ground?.close();
    await proxy?.stop();
  });
  holdsThrough(() => ({ ground, url }));
});
