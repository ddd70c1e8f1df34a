import { z } from 'zod';
import { about } from '../about.ts';
import { Secret } from '../secret.ts';
import { serverAuth } from './auth.ts';
import { remoteSecurity, serverSecurity } from './security.ts';
import { bytes, checked, count, glob, httpUrl, milliseconds, outboundSecret } from './text.ts';
import { upstreamTls } from './tls.ts';

const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Headers that frame the request or carry the protocol: a credential in one of them would break or forge it. */
const RESERVED_HEADERS =
  /^(host|content-.*|transfer-encoding|connection|te|trailer|upgrade|accept|cookie|mcp-.*|last-event-id|keep-alive|proxy-.*)$/i;

/** A reverse domain name with a name behind it, as in `_meta` (MCP 2026-07-28, basic/index "_meta"). */
const EXTENSION =
  /^[A-Za-z](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*\/[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/;

const variableName = checked((text) => {
  if (text.includes('*'))
    return 'patterns are not supported: name each variable, so that nothing is handed on by accident';
  return VARIABLE.test(text) ? undefined : 'is not the name of an environment variable';
});

const serverId = (example: string) =>
  checked((text) => {
    if (text === 'servers') return '"servers" is reserved for the list at /mcp/servers';
    if (/^[a-z0-9][a-z0-9_-]{0,62}$/.test(text)) return undefined;
    return 'must be 1 to 63 of a-z, 0-9, _ and -, beginning with a letter or digit';
  }).register(about, { description: 'Names the server in its route, `/mcp/<id>`. Unique.', example });

const upstreamAuth = z.strictObject({
  type: z.literal('token').register(about, { description: 'A fixed token.', example: 'token' }),
  token: outboundSecret()
    .transform((text) => new Secret(text))
    .register(about, {
      description: 'What the gateway presents to the server.',
      example: '{{ .env.SEARCH_TOKEN }}',
      secret: true,
      expected: 'a secret',
    }),
  header: checked((text) => {
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(text)) return 'is not a header name (RFC 9110 section 5.1)';
    return RESERVED_HEADERS.test(text) ? 'is a header the gateway itself writes' : undefined;
  })
    .default('Authorization')
    .register(about, { description: 'The header it goes in.' }),
  prefix: checked((text) => (/^[\x21-\x7e]*$/.test(text) ? undefined : 'must be one word'))
    .default('Bearer')
    .register(about, { description: 'The word before it; empty for none.' }),
});

const shared = {
  description: z.exactOptional(z.string().min(1).max(1000)).register(about, {
    description: 'For people, in lists of servers.',
    example: 'Every kind of tool, for trying things out',
  }),
  era: z.enum(['auto', 'modern', 'legacy']).default('auto').register(about, {
    description: 'The protocol era the server speaks: modern is 2026-07-28, legacy is 2025-11-25 and older.',
  }),
  child: z.exactOptional(z.enum(['per_session', 'per_principal', 'shared'])).register(about, {
    description: 'Who shares one process.',
    example: 'per_session',
    fallback: 'per_session (legacy), per_principal (modern)',
  }),
  tools: z
    .strictObject({
      allow: z
        .array(glob())
        .default(['*'])
        .register(about, {
          description: 'Tools served at all, before roles. An empty list serves none.',
          example: ['*'],
        }),
      deny: z.array(glob()).default([]).register(about, { description: 'Tools never served. Deny beats allow.' }),
    })
    .prefault({})
    .register(about, { description: 'Which tools of the server exist for callers; `*` and `?` are wildcards.' }),
  extensions: z
    .array(
      checked((text) =>
        EXTENSION.test(text) ? undefined : 'is not an extension identifier such as io.modelcontextprotocol/tasks',
      ),
    )
    .default([])
    .register(about, {
      description:
        'Extensions of the protocol that clients and the server may use with each other. All others are taken out of what each tells the other. Only of `io.modelcontextprotocol/tasks` are the methods and result types known here; of any other that is named, the declarations alone pass.',
      example: [],
    }),
  cache_scope: z.enum(['as_sent', 'private']).default('as_sent').register(about, {
    description:
      'Who may cache lists and resources: as the server says, or one caller alone whatever it says. Lists the gateway filters for a caller are private in any case.',
  }),
  call_timeout_ms: milliseconds().default(120_000).register(about, {
    description: 'How long one call may take without any answer.',
  }),
  start_timeout_ms: milliseconds().default(15_000).register(about, {
    description: 'How long the server may take to start or accept a connection.',
  }),
  auth: z.exactOptional(serverAuth).register(about, {
    description: 'What callers must present on this route. Replaces `auth.methods` here; unrelated to `upstream_auth`.',
    guarded: true,
  }),
  security: z.exactOptional(serverSecurity).register(about, {
    description: "From where on this route. Both this and the gateway's `security` must let a request pass.",
  }),
  restart: z
    .strictObject({
      backoff_ms: milliseconds()
        .default(500)
        .register(about, { description: 'First wait before a restart; doubled each time.' }),
      backoff_max_ms: milliseconds().default(30_000).register(about, { description: 'Longest wait before a restart.' }),
      crash_loop_after: count().default(5).register(about, {
        description: 'Failures in a row after which calls are refused at once until the wait is over.',
      }),
      stable_after_ms: milliseconds().default(60_000).register(about, {
        description: 'How long a process must live for earlier failures to be forgotten.',
      }),
    })
    .prefault({})
    .register(about, { description: 'What happens when the server stops by itself.' }),
};

const pendingCalls = count().default(1024).register(about, { description: 'Calls waiting for an answer.' });
const BOUNDS = { description: 'Bounds on what the server may use.' };

const stdioLimits = z
  .strictObject({
    line_bytes: bytes().default(10_485_760).register(about, { description: 'Longest line on stdout.' }),
    stderr_bytes: bytes().default(65_536).register(about, { description: 'Newest part of stderr kept.' }),
    children: count().default(64).register(about, { description: 'Processes at one time.' }),
    spawns_per_minute: count().default(60).register(about, { description: 'Processes started per minute.' }),
    pending_calls: pendingCalls,
  })
  .prefault({})
  .register(about, BOUNDS);

const httpLimits = z
  .strictObject({
    pending_calls: pendingCalls,
    response_bytes: bytes().default(33_554_432).register(about, { description: 'Largest single answer.' }),
  })
  .prefault({})
  .register(about, BOUNDS);

const stdio = z.strictObject({
  id: serverId('everything'),
  description: shared.description,
  transport: z.literal('stdio').register(about, { description: 'A program the gateway starts.', example: 'stdio' }),
  command: z.string().min(1).register(about, {
    description: 'The program. Started directly, never through a shell.',
    example: 'npx',
    expected: 'the name or path of a program',
  }),
  args: z
    .array(z.string())
    .default([])
    .register(about, {
      description: 'Its arguments, one per item.',
      example: ['-y', '@modelcontextprotocol/server-everything'],
      secret: true,
    }),
  cwd: z.exactOptional(z.string().min(1)).register(about, {
    description: 'Its working folder, relative to the configuration file.',
    example: '.',
    fallback: "the gateway's own",
  }),
  env: z
    .record(z.string().regex(VARIABLE), z.string())
    .default({})
    .register(about, { description: 'Variables it gets.', example: { LOG_LEVEL: 'warn' }, secret: true }),
  env_allow: z
    .array(variableName)
    .default([])
    .register(about, {
      description:
        "Names of the gateway's own variables it gets too. Nothing else of the gateway's environment is handed on.",
      example: ['LANG'],
    }),
  era: shared.era,
  child: shared.child,
  tools: shared.tools,
  extensions: shared.extensions,
  cache_scope: shared.cache_scope,
  call_timeout_ms: shared.call_timeout_ms,
  start_timeout_ms: shared.start_timeout_ms,
  auth: shared.auth,
  security: shared.security,
  restart: shared.restart,
  limits: stdioLimits,
});

const security = z.exactOptional(remoteSecurity).register(about, {
  description: "From where on this route. Both this and the gateway's `security` must let a request pass.",
});

const streamableHttp = z.strictObject({
  id: serverId('search'),
  description: shared.description,
  transport: z
    .literal('streamable-http')
    .register(about, { description: 'A server reached over HTTP.', example: 'streamable-http' }),
  url: httpUrl().register(about, {
    description: 'Its MCP endpoint. Credentials do not belong here; see `upstream_auth`.',
    example: 'https://search.example.com/mcp',
    expected: 'an http or https URL without credentials and fragment',
  }),
  upstream_auth: z.exactOptional(upstreamAuth).register(about, {
    description: 'What the gateway presents to the server. A token of the caller never goes there.',
    guarded: true,
  }),
  tls: z.exactOptional(upstreamTls).register(about, {
    description: 'TLS towards this server: how it is verified, and what the gateway shows it.',
  }),
  era: shared.era,
  tools: shared.tools,
  extensions: shared.extensions,
  cache_scope: shared.cache_scope,
  call_timeout_ms: shared.call_timeout_ms,
  start_timeout_ms: shared.start_timeout_ms,
  auth: shared.auth,
  security,
  limits: httpLimits,
});

const sse = z.strictObject({
  id: serverId('old-search'),
  description: shared.description,
  transport: z.literal('sse').register(about, {
    description: 'A server of the older HTTP+SSE transport (MCP 2024-11-05). It speaks the legacy era.',
    example: 'sse',
  }),
  url: httpUrl().register(about, {
    description:
      'Its SSE endpoint. Where messages are sent the server says itself, and it must be at the same origin. Credentials do not belong here; see `upstream_auth`.',
    example: 'https://old.example.com/sse',
    expected: 'an http or https URL without credentials and fragment',
  }),
  upstream_auth: streamableHttp.shape.upstream_auth,
  tls: streamableHttp.shape.tls,
  tools: shared.tools,
  extensions: shared.extensions,
  cache_scope: shared.cache_scope,
  call_timeout_ms: shared.call_timeout_ms,
  start_timeout_ms: shared.start_timeout_ms,
  auth: shared.auth,
  security,
  limits: httpLimits,
});

/** One MCP server behind the gateway. */
export const mcpServer = z.discriminatedUnion('transport', [stdio, streamableHttp, sse]);
