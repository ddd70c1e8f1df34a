import { z } from 'zod';
import { hashToken } from '../../crypto/token.ts';
import { about } from '../about.ts';
import { inboundToken, moment } from './text.ts';

/** Environment variables that each make one token. `list` ones hold several, separated by commas. */
export const TOKEN_VARIABLES = [
  { name: 'AUTH_TOKEN', role: 'user', list: false },
  { name: 'MCP_AUTH_TOKEN', role: 'user', list: false },
  { name: 'MCP_PRODUCTION_TOKEN', role: 'user', list: false },
  { name: 'MCP_PROXY_GLOBAL_AUTH_TOKEN', role: 'user', list: false },
  { name: 'MCP_PROXY_GLOBAL_AUTH_TOKENS', role: 'user', list: true },
  { name: 'MCP_ADMIN_TOKEN', role: 'admin', list: false },
  { name: 'MCP_PROXY_ADMIN_TOKEN', role: 'admin', list: false },
  { name: 'MCP_PROXY_ADMIN_TOKENS', role: 'admin', list: true },
] as const;

const role = z.enum(['user', 'admin']);

const token = z
  .strictObject({
    name: z
      .string()
      .regex(/^[\x21-\x7e](?:[\x20-\x7e]{0,62}[\x21-\x7e])?$/)
      .register(about, {
        description: 'For people: shown in logs and the audit record. Unique.',
        example: 'ci',
        expected: '1 to 64 printable characters',
      }),
    hash: z.exactOptional(z.string().regex(/^sha256:[0-9a-f]{64}$/)).register(about, {
      description: '`sha256:` and the lower-case hex SHA-256 of the token. This or `token`, not both.',
      example: `sha256:${'0'.repeat(64)}`,
      shown: true,
      secret: true,
      expected: '"sha256:" and 64 lower-case hex digits',
    }),
    token: z.exactOptional(inboundToken()).register(about, {
      description: 'The token itself, hashed at load and then forgotten. Better `{{ .env.NAME }}` than the text.',
      example: '{{ .env.CI_TOKEN }}',
      secret: true,
      expected: 'a token of at least 16 characters',
    }),
    roles: z.exactOptional(z.array(role)).register(about, {
      description: 'What the token may do: `user` uses servers, `admin` uses the admin listener.',
      example: ['user'],
      fallback: "the method's `roles`, else `[user]`",
    }),
    expires: z.exactOptional(moment()).register(about, {
      description: 'The moment after which the token is refused; a date means its first instant in UTC.',
      example: '2099-01-01',
      expected: 'a date such as 2027-01-01 or 2027-01-01T12:00:00Z',
    }),
    servers: z.exactOptional(z.array(z.string())).register(about, {
      description: 'Ids of the only servers the token opens.',
      example: ['everything'],
      fallback: 'every server',
    }),
  })
  .refine((entry) => (entry.hash === undefined) !== (entry.token === undefined), {
    error: 'needs exactly one of "hash" and "token"',
  });

/** How callers prove who they are. One member per method type. */
export const authMethod = z.discriminatedUnion('type', [
  z
    .strictObject({
      type: z.literal('token').register(about, { description: 'Static bearer tokens.', example: 'token' }),
      roles: z
        .exactOptional(z.array(role))
        .register(about, { description: 'Roles given to every token of this method.', example: ['user'] }),
      tokens: z.array(token).default([]).register(about, { description: 'The tokens accepted.' }),
    })
    .transform(({ type, roles, tokens }) => ({
      type,
      tokens: tokens.map(({ token: text, hash, roles: own, ...rest }) => ({
        ...rest,
        hash: hash ?? hashToken(text as string),
        roles: own === undefined ? (roles ?? ['user' as const]) : [...new Set([...own, ...(roles ?? [])])],
      })),
    })),
]);

/** What callers must present on one server's route, in place of `auth.methods`: one token, or a list of methods. */
export const serverAuth = z.union([
  z
    .strictObject({
      type: z.literal('token').register(about, { description: 'One static bearer token.', example: 'token' }),
      token: inboundToken().register(about, {
        description: 'The token callers present on this route. It gives the role `user`.',
        secret: true,
        example: '{{ .env.SEARCH_CLIENTS_TOKEN }}',
        expected: 'a token of at least 16 characters',
      }),
      header: z
        .literal('Authorization')
        .default('Authorization')
        .register(about, { description: 'The header it comes in.' }),
      prefix: z.literal('Bearer').default('Bearer').register(about, { description: 'The scheme before it.' }),
    })
    .transform((method) => ({
      methods: [
        {
          type: method.type,
          tokens: [{ name: 'route token', hash: hashToken(method.token), roles: ['user' as const] }],
        },
      ],
    })),
  z.strictObject({
    methods: z.array(authMethod).min(1).register(about, { description: 'The methods accepted on this route.' }),
  }),
]);

export const auth = z.strictObject({
  enabled: z
    .boolean()
    .default(true)
    .register(about, {
      description:
        'Whether callers must authenticate. With no method configured, tokens made by `sallyport token create` count.',
      aliases: ['AUTH_ENABLED', 'ONE_MCP_ENABLE_AUTH'],
    }),
  methods: z
    .array(authMethod)
    .default([])
    .register(about, { description: 'How callers prove who they are. Any one of them is enough.', guarded: true }),
  anonymous: z
    .strictObject({
      roles: z
        .array(z.enum(['user']))
        .default([])
        .register(about, {
          description:
            'Roles of callers without a credential while `enabled` is false. Writing one down also allows a bind beyond loopback.',
        }),
    })
    .prefault({})
    .register(about, { description: 'Callers without a credential.' }),
});
