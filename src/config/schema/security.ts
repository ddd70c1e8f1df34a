import { z } from 'zod';
import { about } from '../about.ts';
import { ADDRESS_SETTINGS, SERVER_ADDRESS_SETTINGS } from './security-addresses.ts';
import { bans } from './security-bans.ts';
import { cors } from './security-cors.ts';
import { answerHeaders } from './security-headers.ts';
import { upstreamTls } from './tls.ts';

export const security = z.strictObject({
  ...ADDRESS_SETTINGS,
  cors: cors('gateway').prefault({}).register(about, { description: 'Calls from web pages.' }),
  headers: answerHeaders()
    .prefault({})
    .register(about, { description: 'Headers of every answer. An empty text sends none.' }),
  bans: bans
    .prefault({})
    .register(about, { description: 'Addresses kept out for a while because they fail again and again.' }),
});

/** The same questions for one server's route. What it says narrows what the gateway's own block lets through, never widens it. */
export const serverSecurity = z.strictObject({
  ...SERVER_ADDRESS_SETTINGS,
  cors: cors('server').prefault({}).register(about, { description: 'Calls from web pages to this server.' }),
});

/** Of a server reached over HTTP: there the block may hold the client side of TLS as well. */
export const remoteSecurity = serverSecurity.extend({
  tls: z.exactOptional(upstreamTls).register(about, {
    description: 'The same as `tls` of the server; either place will do.',
    fallback: '`tls` of the server',
  }),
});
