import { z } from 'zod';
import { about } from '../about.ts';
import { listenerTls } from './listener-tls.ts';
import { addressList } from './security-addresses.ts';
import { bindHost } from './server.ts';
import { bytes, count, milliseconds, port } from './text.ts';

export const admin = z.strictObject({
  enabled: z.boolean().default(true).register(about, { description: 'Whether the admin listener runs.' }),
  host: bindHost().default('127.0.0.1').register(about, {
    description: 'The address of the admin listener.',
    expected: 'an IP address or host name',
  }),
  port: z.exactOptional(port()).register(about, {
    description: 'The port of the admin listener; 0 takes a free one.',
    flag: '--admin-port <number>',
    expected: 'a port from 0 to 65535',
    example: 3001,
    fallback: '`server.port` + 1',
  }),
  ip_whitelist: z.exactOptional(addressList()).register(about, {
    description:
      "The only addresses that reach the admin listener, written as in `security.ip_whitelist`. The gateway's own allow list does not count there; its deny list does.",
    example: ['127.0.0.1', '::1'],
    aliases: ['MCP_PROXY_ADMIN_ALLOW_IPS'],
    fallback: 'every address that is not denied',
  }),
  metrics_auth: z.enum(['none', 'token']).default('none').register(about, {
    description: 'What `/metrics` asks for. `none` is refused when `host` is not loopback.',
  }),
  tls: z.exactOptional(listenerTls).register(about, {
    description: 'TLS at the admin listener, as in `server.tls`. It inherits nothing.',
  }),
});

export const audit = z.strictObject({
  enabled: z.boolean().default(true).register(about, { description: 'Whether decisions and outcomes are recorded.' }),
  durability: z.enum(['buffered', 'written', 'synced']).default('written').register(about, {
    description: 'How safe a record is before its call leaves: in memory, handed to the kernel, or on the disk.',
  }),
  file: z.exactOptional(z.string().min(1)).register(about, {
    description: 'Where the record is kept, relative to the configuration file.',
    example: './audit.jsonl',
    fallback: '`audit/audit.jsonl` in the state folder',
  }),
  addresses: z.enum(['full', 'truncated', 'hashed']).default('full').register(about, {
    description:
      "Callers' addresses in the record and in log lines about refusals and doubts: whole, cut to /24 and /48, or hashed under a key of the state folder. Entries and bans name the addresses they are for; `log.addresses` shows what it is asked for.",
  }),
  on_failure: z.enum(['refuse']).default('refuse').register(about, {
    description: 'What happens to calls that cannot be recorded.',
  }),
  refusals: z
    .strictObject({
      // More would be asked for in vain: the table of refusals writes 1000 rows in all.
      per_window: z.int().min(1).max(1_000).default(20).register(about, {
        description:
          'Refusals per address and reason recorded in full in one window, 1000 of all together; the rest are one counted row for each.',
      }),
      window_ms: milliseconds().default(60_000).register(about, { description: 'Length of the window.' }),
    })
    .prefault({})
    .register(about, {
      description: 'Bound on records of refusals before authentication, so that they cannot fill the disk.',
    }),
});

export const sessions = z.strictObject({
  max: count().default(10_000).register(about, { description: 'Open sessions of all callers.' }),
  max_per_principal: count().default(100).register(about, { description: 'Open sessions of one caller.' }),
  idle_timeout_ms: milliseconds()
    .default(1_800_000)
    .register(about, { description: 'How long an unused session is kept.' }),
});

export const streams = z.strictObject({
  max_per_principal: count().default(100).register(about, { description: 'Open streams of one caller.' }),
  keep_alive_ms: milliseconds()
    .default(15_000)
    .register(about, { description: 'Pause after which a comment keeps a quiet stream open.' }),
  buffer_bytes: bytes()
    .default(1_048_576)
    .register(about, { description: 'What may wait for a slow reader before it is cut off.' }),
  retry_ms: milliseconds()
    .default(1_000)
    .register(about, { description: 'How long clients are told to wait before they resume a broken stream.' }),
  replay: z
    .strictObject({
      events: count().default(1_000).register(about, { description: 'Events of one session.' }),
      bytes: bytes().default(1_048_576).register(about, { description: 'Bytes of one session.' }),
      total_bytes: bytes()
        .default(67_108_864)
        .register(about, { description: 'Bytes of all sessions, with what waits for a stream.' }),
      age_ms: milliseconds().default(300_000).register(about, { description: 'How long an event is kept.' }),
    })
    .prefault({})
    .register(about, {
      description:
        'What is kept in memory of the streams of the legacy era, so that a client can resume one that broke.',
    }),
});

export const health = z.strictObject({
  service: z
    .string()
    .regex(/^[\x21-\x7e][\x20-\x7e]{0,63}$/)
    .default('sallyport')
    .register(about, { description: 'The name in health answers.', expected: '1 to 64 printable characters' }),
  auth: z.enum(['none', 'token']).default('none').register(about, { description: 'What `/health` asks for.' }),
});

export const log = z.strictObject({
  level: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'])
    .default('info')
    .register(about, {
      description: 'The least important line written.',
      aliases: ['ONE_MCP_LOG_LEVEL', 'MCP_PROXY_LOG_LEVEL'],
      flag: '--log-level <level>',
    }),
  format: z.exactOptional(z.enum(['pretty', 'json'])).register(about, {
    description: 'How lines look.',
    example: 'json',
    flag: '--log-format <format>',
    fallback: 'pretty on a terminal, else json',
  }),
  addresses: z.boolean().default(false).register(about, {
    description:
      'A line for every request that carries forwarding headers: the headers, the client they lead to and why. Also switched on by `log.level: debug`, `DEBUG=twenty-mcp:*` and `DEBUG=sallyport:*`.',
  }),
});
