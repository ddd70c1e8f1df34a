import { z } from 'zod';
import { about } from '../about.ts';
import { checked } from './text.ts';

const socketPath = () =>
  checked((text) => {
    if (text === '' || text.includes('\0')) return 'is no path';
    if (text.startsWith('@')) return 'is an abstract socket, which has no permissions; write a path';
    if (/^(?:unix|http):/.test(text)) return 'must be a path without a scheme, such as /run/sallyport/http.sock';
    return text.endsWith('/') ? 'is a folder; name the socket in it' : undefined;
  });

/** Parts of `server` about how connections come in. */
export const connectionSettings = {
  socket: z.exactOptional(socketPath()).register(about, {
    description:
      'A Unix socket to listen on in place of host and port, relative to the configuration file. Its peers have no address: name the proxy in front with the word `unix` in `trust_proxy`.',
    example: '/run/sallyport/http.sock',
  }),
  socket_mode: z
    .string()
    .regex(/^0?[0-7]{3}$/)
    .default('0660')
    .register(about, {
      description: 'Permissions of that socket, in quotes. Whoever may write to it may connect.',
      expected: 'three octal digits in quotes, such as "0660"',
    }),
  proxy_protocol: z.enum(['off', 'required']).default('off').register(about, {
    description:
      'Whether every connection begins with a PROXY header (version 1 or 2) that names the client. `required` ends connections that do not, and those of peers not in `trust_proxy`. So it is on the listener of `redirect`.',
  }),
};
