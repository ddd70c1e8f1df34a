import { z } from 'zod';
import { parseOriginEntry } from '../../net/web-origin.ts';
import { about } from '../about.ts';
import { checked } from './text.ts';

const entryOf = (text: string): string | { readonly fault: string } => parseOriginEntry(text);

/** An origin or a pattern of origins, in the form browsers send. */
const originEntry = () =>
  checked((text) => {
    const entry = entryOf(text);
    return typeof entry === 'string' ? undefined : entry.fault;
  }).transform((text) => entryOf(text) as string);

/** RFC 9110, section 5.6.2. */
const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/;

const methodName = () =>
  checked((text) => {
    if (text === '*') return 'name each method';
    return /^[A-Za-z]{1,32}$/.test(text) ? undefined : 'is not the name of a method';
  }).transform((text) => text.toUpperCase());

/** `*` would leave out Authorization without a word, and mean nothing where credentials are allowed (Fetch, "HTTP extensions"). */
const headerName = () =>
  checked((text) => {
    if (text.includes('*')) return 'wildcards are not supported in header names; name each header';
    return TOKEN.test(text) ? undefined : 'is not the name of a header';
  });

/** Fetch, "forbidden response-header name": no grant makes a browser show it to a page. */
const exposedName = () =>
  headerName().superRefine((text, context) => {
    if (/^set-cookie2?$/i.test(text)) context.addIssue('is a header no browser ever lets a page read');
  });

/** What is left out here is left to the other level, gateway or server; where both speak, both must agree. */
export const cors = (where: 'gateway' | 'server') => {
  const aliases = where === 'gateway' ? { aliases: ['ALLOWED_ORIGINS'] } : {};
  return z.strictObject({
    enabled: z.exactOptional(z.boolean()).register(about, {
      description:
        'Whether browsers are answered: preflights, and the headers that let a page read an answer. False: origins are still judged, and no page can read anything.',
      fallback: 'true',
      example: true,
    }),
    allowed_origins: z.exactOptional(z.array(originEntry())).register(about, {
      shown: true,
      description:
        'Web origins that may call: exact, or `https://*.example.com` for every name below example.com, or `*` for all. Loopback origins may while the bind is loopback.',
      fallback: 'none',
      example: ['https://app.example.com', 'https://*.example.com'],
      ...aliases,
    }),
    allowed_methods: z.exactOptional(z.array(methodName())).register(about, {
      description: 'Methods a preflight grants, as far as the route has them.',
      fallback: 'GET, POST, DELETE, HEAD',
      example: ['GET', 'POST', 'DELETE'],
    }),
    allowed_headers: z.exactOptional(z.array(headerName())).register(about, {
      description:
        'Request headers a preflight grants beside those MCP needs (Authorization, Content-Type, Mcp-Session-Id and their like).',
      fallback: 'none',
      example: ['Content-Type', 'Authorization', 'X-Requested-With'],
    }),
    exposed_headers: z.exactOptional(z.array(exposedName())).register(about, {
      description:
        'Answer headers pages may read beside those MCP needs (Mcp-Session-Id, WWW-Authenticate, Retry-After and their like).',
      fallback: 'none',
      example: ['X-Total-Count', 'X-Rate-Limit-Remaining'],
    }),
    allow_credentials: z.exactOptional(z.boolean()).register(about, {
      description: 'Whether pages may send cookies and client certificates. Never together with the origin `*`.',
      fallback: 'false',
      example: true,
    }),
    max_age: z.exactOptional(z.int().min(0).max(86_400)).register(about, {
      description: 'Seconds a browser may remember a preflight. Browsers keep it shorter than two hours or a day.',
      fallback: '7200',
      example: 86_400,
    }),
  });
};
