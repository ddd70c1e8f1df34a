import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import { createAuthority } from '../support/certificates.ts';
import { holdsThrough, ProxyGround } from './ground.ts';
import { freePort, type RunningProxy, sample, startHaproxy } from './proxy-process.ts';

const authority = createAuthority();
const { certFile, keyFile } = authority.issue();
/** HAProxy reads certificate and key from one file. */
const both = join(authority.folder, 'both.pem');
writeFileSync(both, readFileSync(certFile, 'utf8') + readFileSync(keyFile, 'utf8'), { mode: 0o600 });
afterAll(() => authority.remove());

async function startSample(gateway: Readonly<Record<string, string>>): Promise<{ proxy: RunningProxy; url: string }> {
  const port = await freePort();
  const text = sample('haproxy/haproxy.cfg', {
    'bind :443': `bind 127.0.0.1:${port}`,
    '/etc/haproxy/certs/mcp.example.com.pem': both,
    ...gateway,
  });
  return { proxy: await startHaproxy(text, port), url: `https://127.0.0.1:${port}` };
}

describe('our HAProxy sample', () => {
  let ground: ProxyGround;
  let proxy: RunningProxy;
  let url = '';
  beforeAll(async () => {
    ground = await ProxyGround.open({ proxy_protocol: 'required', trust_proxy: '127.0.0.1' });
    ground.trust(authority.cert);
    ({ proxy, url } = await startSample({ '127.0.0.1:3000': `127.0.0.1:${ground.port}` }));
  });
  afterAll(async () => {
    await ground?.close();
    await proxy?.stop();
  });
  holdsThrough(() => ({ ground, url }));
});

describe('our HAProxy sample, without the PROXY protocol', () => {
  let ground: ProxyGround;
  let proxy: RunningProxy;
  let url = '';
  beforeAll(async () => {
    ground = await ProxyGround.open({ trust_proxy: '127.0.0.1' });
    ground.trust(authority.cert);
    ({ proxy, url } = await startSample({
      '    server gateway 127.0.0.1:3000 send-proxy-v2-ssl\n': '',
      '# option forwardfor': 'option forwardfor',
      '# server gateway 127.0.0.1:3000': `server gateway 127.0.0.1:${ground.port}`,
    }));
  });
  afterAll(async () => {
    await ground?.close();
    await proxy?.stop();
  });
  holdsThrough(() => ({ ground, url }));
});
