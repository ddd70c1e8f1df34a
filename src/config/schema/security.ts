import { z } from 'zod';
import { about } from '../about.ts';
import { origin } from './text.ts';
import { upstreamTls } from './tls.ts';

const cors = z.strictObject({
  allowed_origins: z
    .array(origin())
    .default([])
    .register(about, {
      description:
        'Web origins whose requests are not refused, exact. Loopback origins pass while the bind is loopback. CORS answers for browsers are not built yet.',
      aliases: ['ALLOWED_ORIGINS'],
      example: ['https://app.example.com'],
    }),
});

export const security = z.strictObject({
  cors: cors.prefault({}).register(about, { description: 'Calls from web pages.' }),
});

/** The same questions for one server's route. What it says narrows what the gateway's own block lets through, never widens it. */
export const serverSecurity = z.strictObject({
  cors: z
    .strictObject({
      allowed_origins: z
        .array(origin())
        .default([])
        .register(about, { description: 'Web origins, exact.', example: ['https://app.example.com'] }),
    })
    .prefault({})
    .register(about, { description: 'Calls from web pages to this server.' }),
});

/** Of a server reached over HTTP: there the block may hold the client side of TLS as well. */
export const remoteSecurity = serverSecurity.extend({
  tls: z.exactOptional(upstreamTls).register(about, {
    description: 'The same as `tls` of the server; either place will do.',
    fallback: '`tls` of the server',
  }),
});
