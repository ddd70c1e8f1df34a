import { KEPT_BYTES, type MemberName } from './member-name.ts';

/**
 * The member names that decide what happens to a message, and the objects in which they do.
 *
 * Some parsers match names without regard to case (Go's encoding/json among them), so a second spelling of one of
 * these names could be read by the server where the policy read nothing. Such spellings are refused, not resolved.
 */

/** Which object is being read. Bits, so that one name can count in several objects. */
export const ROLE = { NONE: 0, TOP: 1, PARAMS: 2, RESULT: 4, ERROR: 8, META: 16, REF: 32, VIEW: 64 } as const;
export type Role = (typeof ROLE)[keyof typeof ROLE];

export interface ControlKey {
  readonly text: string;
  /** The objects (bits of ROLE) in which this name is read. */
  readonly roles: number;
  /** What the member's own value is, when that is an object. */
  readonly opens: Role;
}

const NAMES: readonly (readonly [roles: number, opens: Role, names: string])[] = [
  [ROLE.TOP, ROLE.NONE, 'jsonrpc id method'],
  [ROLE.TOP, ROLE.PARAMS, 'params'],
  [ROLE.TOP, ROLE.RESULT, 'result'],
  [ROLE.TOP, ROLE.ERROR, 'error'],
  [ROLE.PARAMS | ROLE.RESULT, ROLE.META, '_meta'],
  [ROLE.PARAMS, ROLE.REF, 'ref'],
  [ROLE.PARAMS | ROLE.REF, ROLE.NONE, 'name uri'],
  [ROLE.PARAMS, ROLE.NONE, 'arguments inputResponses cursor requestId protocolVersion capabilities'],
  [ROLE.PARAMS | ROLE.RESULT, ROLE.NONE, 'requestState taskId'],
  [ROLE.PARAMS | ROLE.META, ROLE.NONE, 'progressToken'],
  [ROLE.RESULT, ROLE.NONE, 'tools prompts resources resourceTemplates nextCursor resultType inputRequests'],
  [ROLE.REF, ROLE.NONE, 'type'],
  [ROLE.META, ROLE.NONE, 'io.modelcontextprotocol/protocolVersion io.modelcontextprotocol/clientInfo'],
  [ROLE.META, ROLE.NONE, 'io.modelcontextprotocol/clientCapabilities io.modelcontextprotocol/logLevel'],
  [ROLE.META, ROLE.NONE, 'io.modelcontextprotocol/subscriptionId io.modelcontextprotocol/serverInfo'],
];

const CONTROL_KEYS: readonly ControlKey[] = NAMES.flatMap(([roles, opens, names]) =>
  names.split(' ').map((text) => ({ text, roles, opens })),
);

/** A hash in which upper and lower case fall together, so a case variant meets the name it imitates. */
function foldingHash(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0;
  for (let at = start; at < end; at++) hash = (Math.imul(hash, 31) + (bytes[at]! | 0x20)) | 0;
  return hash;
}

/** Case folding as wide as any parser's: it also maps the Kelvin sign to k, the long s to s and the dotless i to i. */
export function foldCase(text: string): string {
  return text.toUpperCase().toLowerCase();
}

/** The characters outside ASCII that fold into it, as they do in `foldCase`: there are eleven. */
export const FOLDS_TO_ASCII: ReadonlyMap<number, Buffer> = new Map(
  [...'\u0131\u017f\u212a\u00df\ufb00\ufb01\ufb02\ufb03\ufb04\ufb05\ufb06'].map((c) => [
    c.codePointAt(0)!,
    Buffer.from(foldCase(c)),
  ]),
);

const byHash = new Map<number, ControlKey>();
let longest = 0;
for (const key of CONTROL_KEYS) {
  const hash = foldingHash(Buffer.from(key.text), 0, key.text.length);
  if (byHash.has(hash)) throw new Error(`two control names share a hash: ${key.text} needs a wider one`);
  byHash.set(hash, key);
  longest = Math.max(longest, key.text.length);
}

/** For names without escapes or non-ASCII bytes: the candidate, still to be compared with `spelling`. */
export function controlKeyAt(bytes: Buffer, start: number, end: number, role: Role): ControlKey | undefined {
  if (end - start > longest) return undefined;
  const key = byHash.get(foldingHash(bytes, start, end));
  return key !== undefined && (key.roles & role) !== 0 ? key : undefined;
}

const folded = Buffer.alloc(KEPT_BYTES);

/** For every other name: the one it is or imitates. */
export function controlKeyOf(name: MemberName, role: Role): ControlKey | undefined {
  if (name.length > KEPT_BYTES) return undefined;
  const key = name.ascii
    ? controlKeyAt(name.bytes, 0, name.length, role)
    : controlKeyAt(folded, 0, foldToAscii(name), role);
  if (key === undefined) return undefined;
  const as = name.ascii
    ? spelling(name.bytes, 0, name.length, key.text)
    : spelling(folded, 0, key.text.length, key.text);
  return as === 'other' ? undefined : key;
}

/** Writes the name's folded form; its length, or 0 when a character of it never folds into ASCII. */
function foldToAscii({ bytes, length }: MemberName): number {
  let to = 0;
  for (let at = 0; at < length; ) {
    const c = bytes[at]!;
    if (c < 0x80) {
      folded[to++] = c;
      at++;
      continue;
    }
    const size = c < 0xe0 ? 2 : 3;
    const point = size === 2 ? ((c & 0x1f) << 6) | (bytes[at + 1]! & 0x3f) : threeBytes(bytes, at);
    const into = FOLDS_TO_ASCII.get(point);
    if (c >= 0xf0 || into === undefined) return 0;
    for (const letter of into) folded[to++] = letter;
    at += size;
  }
  return to;
}

function threeBytes(bytes: Buffer, at: number): number {
  return ((bytes[at]! & 0x0f) << 12) | ((bytes[at + 1]! & 0x3f) << 6) | (bytes[at + 2]! & 0x3f);
}

/** How the bytes at `start`..`end` relate to `text`: the same, the same but for ASCII case, or another name. */
export function spelling(bytes: Buffer, start: number, end: number, text: string): 'exact' | 'variant' | 'other' {
  if (end - start !== text.length) return 'other';
  let exact = true;
  for (let i = 0; i < text.length; i++) {
    const have = bytes[start + i]!;
    const want = text.charCodeAt(i);
    if (have === want) continue;
    const letter = want | 0x20;
    if ((have ^ want) !== 0x20 || letter < 0x61 || letter > 0x7a) return 'other';
    exact = false;
  }
  return exact ? 'exact' : 'variant';
}
