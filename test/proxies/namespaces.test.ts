import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AuditLine, type Gateway, startGateway } from '../support/gateway.ts';
import { type Namespace, namespaceObstacle, openNamespace } from '../support/namespace.ts';

const TOKEN = 'from-another-network-0123456789';

/** One request from each address to each place; prints the status of each. */
const ASK = `
const { request } = require('node:http');
const [port, token, ...pairs] = process.argv.slice(1);
for (const pair of pairs) {
  const [localAddress, host] = pair.split('>');
  const headers = { host: 'localhost', authorization: 'Bearer ' + token, 'x-request-id': localAddress.replace(/[^a-z0-9]/g, '-') };
  const path = '/mcp/servers';
  request({ host, port, localAddress, path, headers, agent: false }, (answer) => {
    answer.resume();
    console.log(JSON.stringify([localAddress, answer.statusCode]));
  }).end();
}`;

const obstacle = namespaceObstacle();
// On a machine of ours it must work; elsewhere the name of the suite says what is missing.
const possible = obstacle === undefined || process.env.CI !== undefined;

describe.runIf(possible)(`callers of other networks${obstacle === undefined ? '' : ` (${obstacle})`}`, () => {
  let space: Namespace;
  let gateway: Gateway;
  let rows: readonly AuditLine[] = [];
  const statuses = new Map<string, number>();

  beforeAll(async () => {
    space = openNamespace();
    const { near, far } = space;
    gateway = await startGateway({
      config: {
        server: { host: '::', allowed_hosts: ['localhost'], trust_proxy: false },
        security: {
          ip_whitelist: ['203.0.113.0/24', '2001:db8::/32', 'fe80::9'],
          ip_blacklist: [far.v4[1], far.v6[1]],
        },
        auth: { methods: [{ type: 'token', tokens: [{ name: 'user', token: TOKEN }] }] },
        mcps: [{ id: 'one', transport: 'stdio', command: 'true' }],
      },
    });
    const pairs = [
      ...far.v4.map((address) => `${address}>${near.v4}`),
      ...far.v6.map((address) => `${address}>${near.v6}`),
      `${far.linkLocal}>${near.linkLocal}`,
    ];
    const said = await space.node(ASK, new URL(gateway.url).port, TOKEN, ...pairs);
    for (const line of said.trim().split('\n')) {
      const [from, status] = JSON.parse(line) as [string, number];
      statuses.set(from.split('%')[0] as string, status);
    }
    for (const denied of [far.v4[1], far.v6[1]]) {
      await gateway.audited(({ client }) => client === denied, `the refusal of ${denied}`);
    }
    rows = gateway.audit();
  });
  afterAll(async () => {
    await gateway?.stop();
    space?.close();
  });

  it.each<[string, (space: Namespace) => string | undefined]>([
    ['IPv4 on a socket of both families', ({ far }) => far.v4[0]],
    ['IPv6', ({ far }) => far.v6[0]],
    ['a link-local address, whatever its zone', () => 'fe80::9'],
  ])('may come by an entry for %s', (_, address) => {
    expect(statuses.get(address(space) ?? '')).toBe(200);
  });

  it.each(['v4', 'v6'] as const)('may not come by an entry that denies them (%s)', (family) => {
    const address = space.far[family][1] as string;
    expect(statuses.get(address)).toBe(403);
    const denials = rows.filter(({ client }) => client === address);
    expect(denials).toMatchObject([{ policy: 'network', verdict: 'deny', status: 403, peer: address }]);
  });

  it('are never written as IPv4 inside IPv6, nor with a zone', () => {
    expect(JSON.stringify(rows)).not.toMatch(/::ffff:|fe80::9%/);
  });
});
