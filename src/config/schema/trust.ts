import { z } from 'zod';
import { PROVIDER_RANGES } from '../../net/provider-ranges.ts';
import { isTrustFault, parseTrust, SET_NAME, TRUST_WORDS } from '../../net/trust-grammar.ts';
import { about } from '../about.ts';

/**
 * Names from systems whose instructions say `127.0.0.1` for a proxy that reaches the gateway as `localhost`, which may be
 * `::1`: there the one loopback address means both.
 */
const BOTH_LOOPBACKS: ReadonlySet<string> = new Set([
  'TRUSTED_PROXIES',
  'ONE_MCP_TRUST_PROXY',
  'MCP_PROXY_TRUSTED_PROXIES',
]);

/** What the value of an environment name means where only one loopback address is written; undefined when nothing is added. */
export function withBothLoopbacks(name: string, text: string): string | undefined {
  if (!BOTH_LOOPBACKS.has(name)) return undefined;
  const parts = text.split(',').map((part) => part.trim());
  const [four, six] = [parts.includes('127.0.0.1'), parts.includes('::1')];
  return four && !six && !parts.includes('loopback') ? [...parts, '::1'].join(', ') : undefined;
}

/** Words a file cannot change the meaning of. */
const RESERVED: ReadonlySet<string> = new Set(TRUST_WORDS.filter((word) => !PROVIDER_RANGES.has(word)));

const trustValue = z.union([z.boolean(), z.int(), z.string(), z.array(z.string())]).superRefine((value, context) => {
  const trust = parseTrust(value);
  if (!isTrustFault(trust)) return;
  const { part, fault, remedy } = trust;
  context.addIssue(`${part === undefined ? '' : `"${part}" `}${fault}. ${remedy}`);
});

const setFiles = z.record(z.string(), z.string().min(1)).superRefine((files, context) => {
  for (const name of Object.keys(files)) {
    const complaint = SET_NAME.test(name)
      ? RESERVED.has(name) && 'means something else in server.trust_proxy'
      : 'is not the name of a set: lower-case letters, digits and single hyphens, a letter first';
    if (complaint) context.addIssue({ code: 'custom', path: [name], message: complaint });
  }
});

/** Who the client is when proxies stand in front. Part of `server`. */
export const trustSettings = {
  trust_proxy: z.exactOptional(trustValue).register(about, {
    description:
      'Proxies whose word about the client is believed: `false`, `true` (everybody: the client is whoever the leftmost entry says), a number of hops, or a list of `loopback`, `linklocal`, `uniquelocal`, `cloudflare`, `unix` (peers of a Unix socket, whom `true` and a number of hops count too), sets of `trust_proxy_sets`, addresses and CIDRs.',
    example: 'loopback',
    fallback: '`loopback`; `false` as soon as an allow list, a deny list or bans are configured',
    aliases: ['TRUSTED_PROXIES', 'ONE_MCP_TRUST_PROXY', 'MCP_PROXY_TRUSTED_PROXIES'],
    flag: '--trust-proxy <proxies>',
    expected: 'true, false, a number of hops, or a list of names, addresses and CIDRs',
  }),
  trust_proxy_sets: z.exactOptional(setFiles).register(about, {
    description:
      'Files with the networks of named sets, one address or CIDR a line (`#` begins a comment). `cloudflare` here takes the place of the list that comes with the gateway. Read at start and reload.',
    example: { 'edge-proxies': './edge-proxies.txt' },
  }),
  trust_proxy_spoofable: z.boolean().default(false).register(about, {
    description:
      'Says that addresses may be forged: without it, `trust_proxy: true` and networks of everybody (IPv4 `/7`, IPv6 `/6` and wider) are refused together with an allow list.',
  }),
  forwarded_header: z
    .enum(['x-forwarded-for', 'x-real-ip', 'forwarded', 'cf-connecting-ip', 'none'])
    .default('x-forwarded-for')
    .register(about, {
      description:
        'The one header believed from trusted proxies; all others are ignored. With `x-forwarded-for`, `X-Real-IP` counts where that is absent. `cf-connecting-ip` counts from the `cloudflare` set only.',
    }),
};
