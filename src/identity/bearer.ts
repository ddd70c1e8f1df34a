import { PROBLEMS } from '../problem/catalogue.ts';
import type { Rejected } from './authentication.ts';

const MAX_TOKEN_LENGTH = 4096;
const SCHEME = 'bearer';
const SPACE = 0x20;

/** RFC 9110, section 11.2: one character class and one optional tail, so it reads any input once. */
const TOKEN68 = /^[A-Za-z0-9\-._~+/]+=*$/;

/** What programs send when the variable that should hold the token is not set. */
const PLACEHOLDERS: ReadonlySet<string> = new Set(['undefined', 'null']);

const AMBIGUOUS: Rejected = { rejected: PROBLEMS.AMBIGUOUS_CREDENTIALS, reason: 'authorization.repeated' };
const MALFORMED: Rejected = { rejected: PROBLEMS.INVALID_TOKEN, reason: 'token.malformed' };
const TOO_LONG: Rejected = { rejected: PROBLEMS.INVALID_TOKEN, reason: 'token.too-long' };
const PLACEHOLDER: Rejected = { rejected: PROBLEMS.INVALID_TOKEN, reason: 'token.placeholder' };

/**
 * The token of `Authorization: Bearer <token68>` (RFC 6750, section 2.1; RFC 9110, section 11.4).
 *
 * @param values every Authorization header of the request, in order
 * @returns the token; undefined when there is no header, or it is of another scheme; or why it is refused.
 *   Two headers are refused even when they agree, and so is a list of credentials in one header.
 */
export function readBearer(values: readonly string[]): string | Rejected | undefined {
  if (values.length === 0) return undefined;
  if (values.length > 1) return AMBIGUOUS;
  const value = values[0]!;
  if (!hasBearerScheme(value)) return undefined;
  let start = SCHEME.length;
  while (value.charCodeAt(start) === SPACE) start++;
  if (value.length - start > MAX_TOKEN_LENGTH) return TOO_LONG;
  const token = value.slice(start);
  if (!TOKEN68.test(token)) return MALFORMED;
  return PLACEHOLDERS.has(token) ? PLACEHOLDER : token;
}

/** Schemes are case-insensitive. The next character must end the word: `Bearerish x` is another scheme. */
function hasBearerScheme(value: string): boolean {
  for (let i = 0; i < SCHEME.length; i++) {
    if ((value.charCodeAt(i) | 0x20) !== SCHEME.charCodeAt(i)) return false;
  }
  const next = value.charCodeAt(SCHEME.length);
  return Number.isNaN(next) || !isTokenCharacter(next);
}

/** `tchar` of RFC 9110, section 5.6.2, as far as it matters: letters, digits, `-` and the like go on a scheme's name. */
function isTokenCharacter(code: number): boolean {
  return code > SPACE && code < 0x7f && !'"(),/:;<=>?@[\\]{}'.includes(String.fromCharCode(code));
}
