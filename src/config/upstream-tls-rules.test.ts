import { expect, it } from 'vitest';
import { faultsOf, load } from '../../test/fixtures/config/folder.ts';

const server = (rest: string, url = 'https://a.example/mcp', transport = 'streamable-http') =>
  `mcps: [{ id: a, transport: ${transport}, url: "${url}", ${rest} }]\n`;
const tls = (block: string) => server(`tls: { ${block} }`);
const tlsOf = (text: string) => {
  const [entry] = load(text).settings.mcps;
  return entry?.transport === 'stdio' ? undefined : entry?.tls;
};

/** What is refused, at which setting, and its twin without the defect. */
it.each([
  ['a certificate without its key', 'tls.cert_file', tls('cert_file: a.pem'), tls('cert_file: a.pem, key_file: a.key')],
  ['a key without its certificate', 'tls.key_file', tls('key_file: a.key'), tls('cert_file: a.pem, key_file: a.key')],
  ['a version nobody knows', 'tls.min_version', tls('min_version: "1.4"'), tls('min_version: "1.3"')],
  ['a version as a number', 'tls.min_version', tls('min_version: 1.2'), tls('min_version: "1.2"')],
  ['SSL', 'tls.min_version', tls('min_version: "SSLv3"'), tls('min_version: "1.2"')],
  [
    'versions in the wrong order',
    'tls.min_version',
    tls('min_version: "1.3", max_version: "1.2"'),
    tls('min_version: "1.2"'),
  ],
  [
    'a suite nobody knows',
    'tls.cipher_suites[0]',
    tls('cipher_suites: [TLS_FOO]'),
    tls('cipher_suites: [TLS_AES_128_GCM_SHA256]'),
  ],
  [
    'a suite without encryption',
    'tls.cipher_suites[0]',
    tls('cipher_suites: [TLS_RSA_WITH_NULL_SHA256]'),
    tls('cipher_suites: [ECDHE-RSA-AES128-GCM-SHA256]'),
  ],
  [
    'no suite of the only version',
    'tls.cipher_suites',
    tls('max_version: "1.2", cipher_suites: [TLS_AES_128_GCM_SHA256]'),
    tls('max_version: "1.2", cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]'),
  ],
  [
    'a block at an http address',
    'tls',
    server('tls: { ca_file: a }', 'http://a.example/'),
    server('tls: { ca_file: a }'),
  ],
  [
    'a block switched off at an https address',
    'tls.enabled',
    tls('enabled: false'),
    server('tls: { enabled: false }', 'http://a.example/'),
  ],
  ['revocation lists without authorities', 'tls.crl_file', tls('crl_file: a'), tls('crl_file: a, ca_file: b')],
  [
    'revocation lists nobody would look at',
    'tls.crl_file',
    tls('crl_file: a, ca_file: b, insecure_skip_verify: true'),
    tls('ca_file: b, insecure_skip_verify: true'),
  ],
  [
    'two places that differ',
    'security.tls',
    server('tls: { ca_file: a }, security: { tls: { ca_file: b } }'),
    server('tls: { ca_file: a }, security: { tls: { ca_file: a } }'),
  ],
  ['a name that is none', 'tls.server_name', tls('server_name: "https://a"'), tls('server_name: a.internal')],
])('refuses %s', (_, path, refused, accepted) => {
  expect(faultsOf(refused).map((fault) => fault.path)).toEqual([`mcps[0].${path}`]);
  expect(load(accepted).settings).toBeDefined();
});

it('shows a suite that is none as it was written, for there is no credential in it', () => {
  expect(() => load(tls('cipher_suites: ["@SECLEVEL=0"]'))).toThrow('= "@SECLEVEL=0": is not a cipher suite');
});

it('has no block for a server that is a process of this machine', () => {
  const stdio = (rest: string) => `mcps: [{ id: a, transport: stdio, command: node${rest} }]\n`;
  expect(faultsOf(stdio(', tls: { ca_file: a }'))[0]?.problem).toContain('belongs to transport: streamable-http');
  expect(faultsOf(stdio(', security: { tls: { ca_file: a } }')).map(({ path }) => path)).toEqual([
    'mcps[0].security.tls',
  ]);
  expect(load(stdio('')).settings).toBeDefined();
});

it('says that a version must stand in quotes', () => {
  expect(faultsOf(tls('max_version: 1.3'))[0]?.remedy).toBe('Put quotes around it.');
});

it('takes either place for the block, with its files beside the configuration', () => {
  const [direct, nested] = [tlsOf(tls('ca_file: ca.pem')), tlsOf(server('security: { tls: { ca_file: ca.pem } }'))];
  expect(direct?.ca_file).toMatch(/^\/.*\/ca\.pem$/);
  expect(nested?.ca_file).toMatch(/^\/.*\/ca\.pem$/);
  expect(tlsOf(server('tls: { enabled: false }', 'http://a.example/'))).toBeUndefined();
});

it('takes the suites of Go and of OpenSSL under one name', () => {
  const names =
    'cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, ecdhe-ecdsa-aes128-gcm-sha256, TLS_AES_128_GCM_SHA256]';
  expect(tlsOf(tls(names))?.cipher_suites).toEqual([
    'ECDHE-RSA-AES128-GCM-SHA256',
    'ECDHE-ECDSA-AES128-GCM-SHA256',
    'TLS_AES_128_GCM_SHA256',
  ]);
});

it.each([
  ['versions that are broken', 'min_version', 'min_version: "1.0"'],
  ['weak suites', 'cipher_suites', 'max_version: "1.2", cipher_suites: [TLS_RSA_WITH_AES_128_GCM_SHA256]'],
  ['a list that leaves a version out', 'cipher_suites', 'min_version: "1.2", cipher_suites: [TLS_AES_128_GCM_SHA256]'],
  ['a server anybody can be', 'insecure_skip_verify', 'insecure_skip_verify: true'],
])('warns of %s', (_, key, block) => {
  expect(load(tls(block)).warnings.map(({ path }) => path)).toEqual([`mcps[0].tls.${key}`]);
  expect(load(tls('')).warnings).toEqual([]);
});

it('loads a block with every setting, and says that its suites leave TLS 1.2 out', () => {
  const { settings, warnings } = load(`mcps:
  - id: secure_mcp_server
    url: "https://localhost:8443"
    transport: sse
    tls:
      enabled: true
      cert_file: "/path/to/cert.pem"
      key_file: "/path/to/key.pem"
      ca_file: "/path/to/ca.pem"
      insecure_skip_verify: false
      min_version: "1.2"
      max_version: "1.3"
      cipher_suites: ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"]
`);
  expect(settings.mcps[0]).toMatchObject({ tls: { ca_file: '/path/to/ca.pem', min_version: '1.2' } });
  expect(warnings.map(({ problem }) => problem)).toEqual(['has no suite of TLS 1.2, so that version is not spoken']);
});
