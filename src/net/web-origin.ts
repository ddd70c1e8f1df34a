/** What may stand in a list of origins, in its one spelling. */
export interface OriginFault {
  /** What is wrong with the text, in words for the operator. Never quotes it. */
  readonly fault: string;
}

/** `*.` and a name of at least two labels: one label is a whole top-level domain. */
const WILDCARD = /^(?:(https?):\/\/)?\*\.([^/?#\\@*]+)$/i;
const PLAIN = /^[a-z]+:\/\/[^/?#\\]+$/i;
const ADDRESS = /^[0-9.]+$|^\[/;
/** As browsers serialise one (Fetch, "serializing a request origin"): no blank, no list, no path. */
const SERIALISED = /^[a-z][a-z0-9+.-]*:\/\/[^\s,/?#@\\]+$/;

/**
 * One entry of a list of origins: an exact origin (RFC 6454, section 6.1), `https://*.example.com` for every name below
 * example.com and never itself, or `*` for all. Without a scheme `*.example.com` means https: nothing that can be read on
 * the way is let in by leaving something out.
 * @returns the entry in the form browsers send, or what is wrong with it
 */
export function parseOriginEntry(text: string): string | OriginFault {
  if (text === '*') return text;
  if (text === 'null') {
    return {
      fault: '"null" is the origin of sandboxed and local pages, which cannot be told apart; list real origins',
    };
  }
  if (/[\s,]/.test(text)) return { fault: 'has a blank or a comma; write each origin as an entry of its own' };
  return text.includes('*') ? wildcardEntry(text) : exactEntry(text);
}

function exactEntry(text: string): string | OriginFault {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) return { fault: 'is not an origin such as https://app.example.com' };
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return { fault: 'must begin with http:// or https://' };
  if (url.username !== '' || url.password !== '' || text.includes('@')) {
    return { fault: 'an origin has no user name or password' };
  }
  if (!PLAIN.test(text)) return { fault: 'an origin has no path, query or fragment, not even a closing /' };
  return url.origin;
}

function wildcardEntry(text: string): string | OriginFault {
  const match = WILDCARD.exec(text);
  if (match === null) return { fault: 'has a wildcard that is not a whole first label; write https://*.example.com' };
  const [, scheme = 'https', rest = ''] = match;
  const base = exactEntry(`${scheme.toLowerCase()}://${rest}`);
  if (typeof base !== 'string') return base;
  const { hostname, protocol, host } = new URL(base);
  if (ADDRESS.test(hostname)) return { fault: 'has a wildcard before an address; addresses have no names below them' };
  if (!hostname.includes('.')) {
    return { fault: 'would let in a whole top-level domain; name the domain, as in https://*.example.com' };
  }
  return `${protocol}//*.${host}`;
}

/** The origins a list lets in. Immutable. */
export class OriginSet {
  /** The list has `*`: every origin but `null`. */
  readonly any: boolean;
  private readonly exact: ReadonlySet<string>;
  private readonly below: readonly RegExp[];

  /** @throws Error for an entry `parseOriginEntry` would not return: the text of a setting was not checked */
  constructor(entries: readonly string[]) {
    for (const entry of entries) {
      if (parseOriginEntry(entry) !== entry) throw new Error('an origin that was never checked');
    }
    this.any = entries.includes('*');
    this.exact = new Set(entries.filter((entry) => !entry.includes('*')));
    this.below = entries.filter((entry) => entry.includes('://*.')).map(belowOf);
  }

  /** @param origin the header as it came. What a browser would not write is no origin, whatever it resembles. */
  has(origin: string): boolean {
    if (this.exact.has(origin)) return true;
    for (const pattern of this.below) if (pattern.test(origin)) return true;
    return this.any && SERIALISED.test(origin);
  }
}

/** Whole labels before a dot, then the rest to the letter: scheme, name and port. */
function belowOf(entry: string): RegExp {
  const [scheme, rest] = entry.split('://*.') as [string, string];
  return new RegExp(`^${scheme}://(?:[a-z0-9_-]{1,63}\\.)+${rest.replaceAll('.', '\\.')}$`);
}

const LOOPBACK_ORIGIN = /^https?:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::[0-9]{1,5})?$/;

/** A page served from this machine, by one of the names that always mean it. */
export function isLoopbackOrigin(origin: string): boolean {
  return LOOPBACK_ORIGIN.test(origin);
}
