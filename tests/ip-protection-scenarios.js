// The configurations of the address suite, as people write them down, and who passes under each.

const ON = 'IP_PROTECTION_ENABLED=true';
export const UNKNOWN = 'unknown';
const LISTED = 'SALLYPORT_SECURITY_IP_LOCALHOST=listed';

/** Configurations, and who passes and who does not. `forged`: what STRANGER claims in a header, and gets nowhere with. */
export const SCENARIOS = [
  {
    title: 'disabled by default',
    env: [],
    passes: ['127.0.0.1', '192.168.1.1', '203.0.113.1', '2001:db8::1'],
    health: { ipProtection: false },
  },
  {
    title: 'a list without its switch counts for nothing',
    env: ['IP_ALLOWLIST=10.0.0.0/8'],
    passes: ['203.0.113.1'],
    health: { ipProtection: false },
  },
  {
    title: 'basic configuration',
    env: [ON, 'IP_ALLOWLIST=192.168.1.0/24,10.0.0.0/8,203.0.113.100', 'IP_BLOCK_UNKNOWN=true'],
    passes: ['127.0.0.1', '192.168.1.7', '10.255.255.255', '203.0.113.100'],
    refused: ['203.0.113.1', '192.168.2.1', '11.0.0.0', '2001:db8::1', UNKNOWN],
    forged: ['192.168.1.7', '127.0.0.1'],
    health: { ipProtection: true },
  },
  {
    title: 'localhost is always allowed',
    env: [ON, 'IP_ALLOWLIST=203.0.113.100'],
    passes: ['127.0.0.1', '127.0.0.9', '127.255.255.254'],
    refused: ['126.255.255.255', '128.0.0.1', '::2'],
    forged: ['127.0.0.1', '::1'],
  },
  {
    title: 'an empty list: this machine alone',
    env: [ON, 'IP_ALLOWLIST='],
    passes: ['127.0.0.1', '127.0.0.9'],
    refused: ['192.168.1.1', '203.0.113.1', '2001:db8::1', UNKNOWN],
  },
  {
    title: 'localhost on request: each address by its own socket',
    env: [ON, LISTED, 'IP_ALLOWLIST=127.0.0.9,127.0.1.0/30'],
    passes: ['127.0.0.9', '127.0.1.0', '127.0.1.3'],
    refused: ['127.0.0.1', '127.0.0.8', '127.0.1.4', '203.0.113.1'],
    forged: ['127.0.0.9'],
  },
  {
    title: 'reverse proxy',
    env: [ON, 'IP_ALLOWLIST=192.168.1.0/24,10.0.0.0/8', 'TRUSTED_PROXIES=127.0.0.1,10.0.0.1,172.16.0.0/12'],
    passes: ['192.168.1.7', '192.168.1.7, 10.0.0.1', '10.9.9.9, 172.16.0.1, 172.31.255.255'],
    refused: ['203.0.113.1', '192.168.1.7, 203.0.113.1', '203.0.113.1, 172.16.0.1', '192.168.1.7, 172.32.0.0'],
  },
  {
    title: 'one IPv4 address',
    env: [ON, 'IP_ALLOWLIST=192.168.1.100'],
    passes: ['192.168.1.100'],
    refused: ['192.168.1.101', '192.168.1.10'],
  },
  {
    title: 'an IPv4 network, edge to edge',
    env: [ON, 'IP_ALLOWLIST=192.168.1.0/24'],
    passes: ['192.168.1.0', '192.168.1.1', '192.168.1.254', '192.168.1.255', '::ffff:192.168.1.7'],
    refused: ['192.168.0.255', '192.168.2.0', '::192.168.1.7', '192.168.1.1.1', '0300.0250.1.1'],
  },
  {
    title: 'several IPv4 entries',
    env: [ON, 'IP_ALLOWLIST=192.168.1.0/24,10.0.0.100,172.16.0.0/12'],
    passes: ['10.0.0.100', '172.16.0.0', '172.31.255.255'],
    refused: ['10.0.0.101', '172.15.255.255', '172.32.0.0'],
  },
  {
    title: 'one IPv6 address',
    env: [ON, 'IP_ALLOWLIST=2001:db8::1'],
    passes: ['2001:db8::1', '2001:0DB8:0:0::0001', '[2001:db8::1]:443'],
    refused: ['2001:db8::2', '2001:db8:1::'],
  },
  {
    title: 'an IPv6 network, edge to edge',
    env: [ON, 'IP_ALLOWLIST=2001:db8::/32'],
    passes: ['2001:db8::', '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff'],
    refused: ['2001:db7:ffff:ffff:ffff:ffff:ffff:ffff', '2001:db9::', '32.1.13.184'],
  },
  {
    title: 'IPv4 and IPv6 mixed',
    env: [ON, 'IP_ALLOWLIST=192.168.1.0/24,2001:db8::/32,::1'],
    passes: ['192.168.1.9', '2001:db8::9', '127.0.0.1'],
    refused: ['192.168.0.9', '2001:db9::9'],
  },
  {
    title: 'corporate network',
    env: [ON, 'IP_ALLOWLIST=10.0.0.0/8,172.16.0.0/12', 'IP_BLOCK_UNKNOWN=true'],
    passes: ['10.1.2.3', '172.20.0.1'],
    refused: ['192.168.1.1', '203.0.113.1', UNKNOWN],
  },
  {
    title: 'VPN only',
    env: [ON, 'IP_ALLOWLIST=192.168.100.0/24', 'TRUSTED_PROXIES=10.0.0.1', 'IP_BLOCK_UNKNOWN=true'],
    passes: ['192.168.100.77', '192.168.100.77, 10.0.0.1'],
    refused: ['192.168.101.1', '192.168.100.77, 10.0.0.2', UNKNOWN],
  },
  {
    title: 'CloudFlare with a corporate network',
    env: [
      ON,
      'IP_ALLOWLIST=203.0.113.0/24',
      'TRUSTED_PROXIES=173.245.48.0/20,103.21.244.0/22,103.22.200.0/22',
      'IP_BLOCK_UNKNOWN=true',
    ],
    passes: ['203.0.113.5', '203.0.113.5, 173.245.48.9', '203.0.113.5, 103.22.203.255'],
    refused: ['203.0.114.5', '203.0.113.5, 173.245.64.0', '173.245.48.9', UNKNOWN],
  },
  {
    title: 'development with specific addresses',
    env: [ON, 'IP_ALLOWLIST=192.168.1.100,192.168.1.101,192.168.1.102', 'IP_BLOCK_UNKNOWN=false'],
    passes: ['192.168.1.100', '192.168.1.102', UNKNOWN],
    refused: ['192.168.1.99', '192.168.1.103'],
  },
];

/** Every path is judged by address first, and then answers as ever. */
export const PATHS = [
  ['GET', '/health', 200],
  ['GET', '/healthz', 200],
  ['POST', '/mcp', 200],
  ['GET', '/mcp/servers', 200],
  ['GET', '/client-address', 200],
  ['GET', '/.well-known/oauth-protected-resource', 404],
  ['GET', '/.well-known/oauth-authorization-server', 404],
];

/** Configurations that must not start; what the refusal names. */
export const REFUSED = [
  [`${ON}\nIP_ALLOWLIST=192.168.1.0/33\n`, '192.168.1.0/33'],
  [`${ON}\nIP_ALLOWLIST=10.0.0.0/8,your-ip-here\n`, 'your-ip-here'],
  [`${ON}\nIP_ALLOWLIST=192.168.1.77/24\n`, '192.168.1.77/24'],
  ['IP_PROTECTION_ENABLED=perhaps\n', 'IP_PROTECTION_ENABLED'],
];
