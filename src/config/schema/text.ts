import { z } from 'zod';
import { SAMPLE_TOKENS } from './sample-tokens.ts';

/** Says what is wrong with a text, never quoting it: the answer is printed and the text may be a secret. */
export type Complaint = (text: string) => string | undefined;

/** Text that passes a check. The check's own words become the fault. */
export const checked = (complaint: Complaint) =>
  z.string().superRefine((text, context) => {
    const message = complaint(text);
    if (message !== undefined) context.addIssue(message);
  });

/** Node's timers take no more than 2^31 - 1 ms; a longer limit would fire at once. */
const LONGEST = 2_147_483_647;

export const milliseconds = () => z.int().min(1).max(LONGEST);
export const count = () => z.int().min(1).max(LONGEST);
export const bytes = () => z.int().min(1).max(LONGEST);
export const port = () => z.int().min(0).max(65_535);

function parseUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}

/** An http or https URL that names a place and carries no credential. Fragments never leave a client, so they are a mistake. */
export const httpUrl = () =>
  checked((text) => {
    const url = parseUrl(text);
    if (url === undefined || text.trim() !== text) return 'is not a URL';
    if (url.protocol !== 'http:' && url.protocol !== 'https:') return 'must begin with http:// or https://';
    if (url.username !== '' || url.password !== '') {
      return 'must not carry a user name or password; use upstream_auth for credentials';
    }
    if (url.hash !== '' || text.endsWith('#')) return 'must not have a fragment (#…)';
    return undefined;
  });

export const publicUrl = () =>
  httpUrl().superRefine((text, context) => {
    if (parseUrl(text)?.search) context.addIssue('must not have a query (?…)');
  });

/** A host name as it stands in a Host header, without the port: every port of a name is the same name. */
export const hostName = () =>
  checked((text) => {
    if (text.includes('*')) return 'wildcards are not supported in host names; list each name';
    if (/^([^:]+|\[.*\]):\d+$/.test(text)) return 'must be written without the port';
    const plain = /^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])$/.test(text) && parseUrl(`http://${text}`) !== undefined;
    return plain ? undefined : 'is not a host name such as mcp.example.com, 10.1.2.3 or [::1]';
  }).transform((text) => text.toLowerCase());

const TOKEN_LENGTH = 16;

/** A bearer token callers present. RFC 6750 section 2.1 allows visible ASCII only. */
export const inboundToken = () =>
  checked((text) => {
    if (text === '') return 'is empty; an empty token would let everybody in';
    if (SAMPLE_TOKENS.has(text.toLowerCase())) return 'is a published sample value that everybody knows';
    if (text.length < TOKEN_LENGTH) return `is shorter than ${TOKEN_LENGTH} characters`;
    if (!/^[\x21-\x7e]+$/.test(text)) return 'must be visible ASCII characters without blanks';
    if (new Set(text).size < 5) return 'repeats too few different characters to be a secret';
    return undefined;
  });

/** A secret written into a header or handed on. Control characters would end the header. */
export const outboundSecret = () =>
  checked((text) => {
    if (text.trim() === '') return 'is empty';
    if (/[^\x20-\x7e]/.test(text)) return 'must be visible ASCII characters';
    return undefined;
  });

/** A name pattern: letters as written, `*` for any run, `?` for one character. */
export const glob = () =>
  checked((text) =>
    /^[A-Za-z0-9_./:*?-]{1,128}$/.test(text) ? undefined : 'is not a name or a pattern such as search_*',
  );

/** A moment as people write it. A date means its first instant in UTC. */
export const moment = () =>
  checked((text) => {
    const date = /^\d{4}-\d{2}-\d{2}$/.test(text);
    const time = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})$/.test(text);
    const parsed = Date.parse(text);
    const real = !Number.isNaN(parsed) && (!date || new Date(parsed).toISOString().startsWith(text));
    return (date || time) && real ? undefined : 'is not a date such as 2027-01-01 or 2027-01-01T12:00:00Z';
  }).transform((text) => new Date(text));
