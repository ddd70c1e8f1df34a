import { execFileSync } from 'node:child_process';
import type { ConnectionOptions } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Authority, createAuthority } from '../support/certificates.ts';
import { type AuditLine, type Gateway, startGateway } from '../support/gateway.ts';
import { openRaw, sendRaw } from '../support/raw.ts';
import { ask, handshake, handshakeFault, openTls } from '../support/tls-client.ts';
import { until, within } from '../support/wait.ts';

let authority: Authority;
let clients: Authority;
let strangers: Authority;
let gateway: Gateway;
let url: string;

const HEALTH = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n';

beforeAll(async () => {
  authority = createAuthority();
  clients = createAuthority('Clients');
  strangers = createAuthority('Strangers');
  const own = authority.issue();
  const tools = authority.issue({ names: ['tools.example.com', '*.tools.example.com'] });
  const files = ({ certFile, keyFile }: typeof own) => ({ cert_file: certFile, key_file: keyFile });
  gateway = await startGateway({
    config: {
      server: {
        limits: { header_timeout_ms: 1_000 },
        tls: { ...files(own), certificates: [files(tools)] },
      },
      admin: { tls: { ...files(own), client_certificates: 'require', ca_file: clients.certFile } },
      audit: { refusals: { per_window: 1_000 } },
    },
  });
  url = gateway.url;
});
afterAll(async () => {
  await gateway?.stop();
  for (const made of [authority, clients, strangers]) made?.remove();
});

const trusting = (more: ConnectionOptions = {}): ConnectionOptions => ({ ca: authority.cert, ...more });
/** Ciphers and versions as OpenSSL has them, however weak. */
const weak = (more: ConnectionOptions) => trusting({ ciphers: 'ALL:@SECLEVEL=0', ...more });

/** The refusals recorded while something happens; a sound request succeeds afterwards, in the same process. */
async function recorded(act: () => Promise<void>, expected: number): Promise<AuditLine[]> {
  const refusals = () => gateway.audit().filter((row) => row.verdict === 'deny' && row.policy === 'listener');
  const before = refusals().length;
  await act();
  await until(() => refusals().length >= before + expected, 'the refusal is recorded');
  const socket = await openTls(url, trusting());
  expect((await ask(socket, HEALTH)).status).toBe(200);
  socket.destroy();
  return refusals().slice(before);
}

describe('versions', () => {
  it.each([
    ['TLSv1.2', 'TLSv1.2'],
    ['TLSv1.3', 'TLSv1.3'],
  ] as const)('speaks %s', async (version, spoken) => {
    const seen = await handshake(url, trusting({ minVersion: version, maxVersion: version }));
    expect(seen).toMatchObject({ protocol: spoken, certificate: { subject: { CN: 'localhost' } } });
  });

  it('prefers 1.3', async () => {
    expect((await handshake(url, trusting({ minVersion: 'TLSv1.2', maxVersion: 'TLSv1.3' }))).protocol).toBe('TLSv1.3');
  });

  it.each(['TLSv1', 'TLSv1.1'] as const)('refuses %s', async (version) => {
    const rows = await recorded(async () => {
      expect(await handshakeFault(url, weak({ minVersion: version, maxVersion: version }))).toBe(
        'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
      );
    }, 1);
    expect(rows).toEqual([expect.objectContaining({ reason: 'tls.handshake', rule: 'ERR_SSL_UNSUPPORTED_PROTOCOL' })]);
  });

  it('refuses SSL 3.0', async () => {
    const rows = await recorded(async () => {
      const connection = await openRaw(url.replace('https', 'http'));
      // A client hello of version 3.0 that offers one suite (RFC 6101, section 5.6.1.2).
      const hello = Buffer.concat([
        Buffer.from('010000290300', 'hex'),
        Buffer.alloc(32, 7),
        Buffer.from('00000200350100', 'hex'),
      ]);
      connection.write(Buffer.concat([Buffer.from([0x16, 3, 0, 0, hello.length]), hello]));
      await within(connection.closed, 'the gateway has closed the connection');
    }, 1);
    expect(rows).toEqual([expect.objectContaining({ reason: 'tls.handshake' })]);
  });
});

describe('cipher suites of TLS 1.2', () => {
  it.each([
    [
      'with ephemeral keys and authenticated encryption',
      'ECDHE-ECDSA-AES128-GCM-SHA256',
      'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256',
    ],
    ['of ChaCha20', 'ECDHE-ECDSA-CHACHA20-POLY1305', 'TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256'],
  ])('%s are spoken', async (_, ciphers, spoken) => {
    expect((await handshake(url, trusting({ maxVersion: 'TLSv1.2', ciphers }))).cipher).toBe(spoken);
  });

  it.each([
    ['CBC', 'ECDHE-ECDSA-AES128-SHA256'],
    ['CBC with SHA-1', 'ECDHE-ECDSA-AES256-SHA'],
    ['no forward secrecy', 'AES128-GCM-SHA256:AES256-SHA'],
    ['no encryption', 'ECDHE-ECDSA-NULL-SHA:NULL-SHA256'],
    ['no certificate', 'AECDH-AES128-SHA:ADH-AES128-GCM-SHA256'],
    ['finite-field ephemeral keys', 'DHE-RSA-AES128-GCM-SHA256'],
  ])('with %s are refused', async (_, ciphers) => {
    const rows = await recorded(async () => {
      const options = weak({ maxVersion: 'TLSv1.2', ciphers: `${ciphers}:@SECLEVEL=0` });
      expect(await handshakeFault(url, options)).toMatch(/HANDSHAKE_FAILURE|NO_CIPHERS/);
    }, 1);
    expect(rows).toEqual([expect.objectContaining({ reason: 'tls.handshake', rule: 'ERR_SSL_NO_SHARED_CIPHER' })]);
  });

  it('follow the order of the gateway', async () => {
    const ciphers = 'ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256';
    const { cipher } = await handshake(url, trusting({ maxVersion: 'TLSv1.2', ciphers }));
    expect(cipher).toBe('TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256');
  });
});

describe('the name a client asks for', () => {
  it.each([
    ['localhost', 'localhost'],
    ['tools.example.com', 'tools.example.com'],
    ['x.tools.example.com', 'tools.example.com'],
    ['x.y.tools.example.com', 'localhost'],
    ['unknown.example.com', 'localhost'],
    ['', 'localhost'],
  ])('"%s" is shown the certificate of %s', async (servername, shown) => {
    const { certificate } = await handshake(url, trusting({ servername, checkServerIdentity: () => undefined }));
    expect(certificate.subject.CN).toBe(shown);
  });

  it('opens no other Host than those that are served', async () => {
    const socket = await openTls(url, trusting({ servername: 'tools.example.com' }));
    expect((await ask(socket, HEALTH)).status).toBe(200);
    const foreign = await ask(socket, 'GET /mcp HTTP/1.1\r\nHost: tools.example.com\r\n\r\n');
    expect([foreign.status, JSON.parse(foreign.body).error]).toEqual([403, 'host_not_allowed']);
  });
});

describe('what is not TLS', () => {
  it('is told to use https when it is HTTP, and no byte of it is looked at', async () => {
    const rows = await recorded(async () => {
      const answer = await sendRaw(
        url,
        'POST /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer secret\r\n\r\n',
      );
      expect(answer.status).toBe(400);
      expect(JSON.parse(answer.body.toString())).toMatchObject({ error: 'tls_expected' });
      expect(answer.headers.get('connection')).toEqual(['close']);
    }, 1);
    expect(rows).toEqual([expect.objectContaining({ reason: 'tls.expected', status: 400, rule: 'plain HTTP' })]);
    expect(JSON.stringify(gateway.audit())).not.toContain('secret');
  });

  it.each([
    ['noise', 'ffffffffffff'],
    ['a hello of SSL 2', '802e0100020015000000100100800200800300800400800500800600400700c0'],
    ['a record that breaks off', '1603010200010001fc0303'],
    ['a record that is none', `160301000b${Buffer.from('hello world').toString('hex')}`],
  ])('is cut off when it is %s', async (_, hex) => {
    const rows = await recorded(async () => {
      const connection = await openRaw(url);
      connection.write(Buffer.from(hex, 'hex'));
      await within(connection.closed, 'the gateway has closed the connection');
    }, 1);
    expect(rows).toHaveLength(1);
    expect(rows[0]?.reason).toMatch(/^(tls\.(expected|handshake)|connection\.timeout)$/);
  });

  it('is nothing to record when it is nobody', async () => {
    const rows = await recorded(async () => {
      const connection = await openRaw(url);
      connection.end();
      await within(connection.closed, 'the gateway has closed the connection');
    }, 0);
    expect(rows).toEqual([]);
  });

  it('holds nobody up: many halves of a handshake end in time, and others are served meanwhile', async () => {
    const many = 200;
    const halves = await Promise.all(Array.from({ length: many }, () => openRaw(url)));
    const rows = await recorded(async () => {
      for (const half of halves) half.write(Buffer.from('1603010200010001fc0303', 'hex'));
      const socket = await openTls(url, trusting());
      expect((await ask(socket, HEALTH)).status).toBe(200);
      await within(Promise.all(halves.map((half) => half.closed)), 'every half has been ended');
    }, many);
    expect(new Set(rows.map(({ reason }) => reason))).toEqual(new Set(['connection.timeout']));
  });
});

describe('a handshake gives nothing away', () => {
  it('takes no early data: a replayed request would be made twice', () => {
    const host = url.replace('https://', '');
    // Without -ign_eof the client leaves when its input ends, be the ticket here or not.
    const client = ['s_client', '-connect', host, '-CAfile', authority.certFile, '-tls1_3', '-ign_eof'];
    const shown = execFileSync('openssl', client, {
      input: HEALTH.replace('Host: localhost', 'Host: localhost\r\nConnection: close'),
      stdio: ['pipe', 'pipe', 'ignore'],
    }).toString();
    expect(shown).toContain('Verify return code: 0 (ok)');
    expect(shown).toMatch(/Max Early Data: 0\b/);
  });

  it('takes no second handshake on a connection', async () => {
    const rows = await recorded(async () => {
      const socket = await openTls(url, trusting({ maxVersion: 'TLSv1.2' }));
      const refused = await new Promise<Error | null>((resolve) => {
        socket.on('error', resolve);
        socket.renegotiate({}, resolve);
      });
      expect(refused).toMatchObject({ code: 'ERR_SSL_NO_RENEGOTIATION' });
      socket.destroy();
    }, 1);
    expect(rows).toEqual([expect.objectContaining({ reason: 'tls.handshake' })]);
    expect(rows[0]).not.toHaveProperty('status');
  });

  it('offers HTTP/1.1 alone', async () => {
    expect((await handshake(url, trusting({ ALPNProtocols: ['h2', 'http/1.1'] }))).alpn).toBe('http/1.1');
    expect(await handshakeFault(url, trusting({ ALPNProtocols: ['h2'] }))).toBe(
      'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL',
    );
  });
});

describe('a listener that requires client certificates', () => {
  const admin = () => gateway.adminUrl as string;
  const showing = (authority: Authority, options = {}) => {
    const { cert, key } = authority.issue({ names: ['agent.example.com'], usage: 'clientAuth', ...options });
    return trusting({ cert, key });
  };

  it('serves a client whose certificate its authority issued', async () => {
    const socket = await openTls(admin(), showing(clients));
    expect((await ask(socket, HEALTH)).status).toBe(200);
    socket.destroy();
  });

  it.each([
    ['no certificate', () => trusting(), 'none was shown'],
    ['the certificate of another authority', () => showing(strangers), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    ['one that names the authority of the server', () => showing(authority), 'SELF_SIGNED_CERT_IN_CHAIN'],
    ['one that is over', () => showing(clients, { validFrom: -7_200_000, validTo: -3_600_000 }), 'CERT_HAS_EXPIRED'],
    ['one that is not valid yet', () => showing(clients, { validFrom: 3_600_000 }), 'CERT_NOT_YET_VALID'],
    ['the certificate of a server', () => showing(clients, { usage: 'serverAuth' }), 'INVALID_PURPOSE'],
  ])('refuses a client with %s', async (_, options, detail) => {
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const rows = await recorded(async () => {
        const offered = { ...options(), minVersion: version, maxVersion: version };
        const { status, body } = await ask(await openTls(admin(), offered), HEALTH);
        expect([status, JSON.parse(body).error]).toEqual([403, 'client_certificate_required']);
      }, 1);
      expect(rows).toEqual([
        expect.objectContaining({ reason: 'tls.client-certificate', rule: detail, peer: '127.0.0.1' }),
      ]);
    }
  });
});

it('plain listeners close a connection that begins with a handshake', async () => {
  const plain = await startGateway({ config: { admin: { enabled: false } } });
  try {
    expect(await handshakeFault(plain.url)).toMatch(/WRONG_VERSION_NUMBER|PACKET_LENGTH|closed|ECONNRESET/);
    expect((await sendRaw(plain.url, HEALTH)).status).toBe(200);
  } finally {
    await plain.stop();
  }
});
