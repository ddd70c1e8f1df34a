import type { ProblemCode } from '../problem/catalogue.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import type { Problem } from '../problem/problem.ts';

/**
 * `WWW-Authenticate` values (RFC 6750, section 3), written once when the settings are known.
 * A caller that presented nothing gets no error code (section 3.1); what it presented is never repeated to it.
 */
export class Challenges {
  readonly #values: ReadonlyMap<ProblemCode, string>;

  /** @throws TypeError when the realm holds a character a header cannot carry */
  constructor(settings: { readonly realm?: string | undefined } = {}) {
    const realm = settings.realm === undefined ? [] : [parameter('realm', settings.realm)];
    this.#values = new Map([
      ['UNAUTHENTICATED', challenge(realm)],
      ['INVALID_TOKEN', challenge([...realm, ...error('invalid_token', PROBLEMS.INVALID_TOKEN)])],
      ['AMBIGUOUS_CREDENTIALS', challenge([...realm, ...error('invalid_request', PROBLEMS.AMBIGUOUS_CREDENTIALS)])],
    ]);
  }

  /** The header value to send with this problem; undefined when it asks for none. */
  for(problem: Problem): string | undefined {
    return this.#values.get(problem.code);
  }
}

function challenge(parameters: readonly string[]): string {
  return parameters.length === 0 ? 'Bearer' : `Bearer ${parameters.join(', ')}`;
}

function error(code: string, problem: Problem): string[] {
  return [parameter('error', code), parameter('error_description', problem.text)];
}

/** A quoted-string (RFC 9110, section 5.6.4). */
function parameter(name: string, value: string): string {
  if (!/^[\x20-\x7e]*$/.test(value))
    throw new TypeError(`${name} may only hold printable ASCII: ${JSON.stringify(value)}`);
  return `${name}="${value.replace(/["\\]/g, '\\$&')}"`;
}
