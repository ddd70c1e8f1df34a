import { PROBLEMS } from '../problem/catalogue.ts';

/** `WWW-Authenticate` values for the two ways of not being recognised (RFC 6750, section 3). */
export interface Challenges {
  /** Nothing was presented: no error code (section 3.1). */
  readonly absent: string;
  /** What was presented is not good. It is never repeated. */
  readonly invalid: string;
}

/**
 * The challenges of a route, written once when the settings are known.
 *
 * @throws TypeError when the realm holds a character a header cannot carry
 */
export function compileChallenges(settings: { readonly realm?: string | undefined } = {}): Challenges {
  const realm = settings.realm === undefined ? [] : [parameter('realm', settings.realm)];
  return {
    absent: bearer(realm),
    invalid: bearer([
      ...realm,
      parameter('error', 'invalid_token'),
      parameter('error_description', PROBLEMS.INVALID_TOKEN.text),
    ]),
  };
}

function bearer(parameters: readonly string[]): string {
  return parameters.length === 0 ? 'Bearer' : `Bearer ${parameters.join(', ')}`;
}

/** A quoted-string (RFC 9110, section 5.6.4). */
function parameter(name: string, value: string): string {
  if (!/^[\x20-\x7e]*$/.test(value)) {
    throw new TypeError(`${name} may only hold printable ASCII: ${JSON.stringify(value)}`);
  }
  return `${name}="${value.replace(/["\\]/g, '\\$&')}"`;
}
