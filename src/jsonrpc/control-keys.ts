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

const byHash = new Map<number, ControlKey>();
const byFold = new Map<string, ControlKey>();
let longest = 0;
for (const key of CONTROL_KEYS) {
  const hash = foldingHash(Buffer.from(key.text), 0, key.text.length);
  if (byHash.has(hash)) throw new Error(`two control names share a hash: ${key.text} needs a wider one`);
  byHash.set(hash, key);
  byFold.set(foldCase(key.text), key);
  longest = Math.max(longest, key.text.length);
}

/** For names without escapes or non-ASCII bytes: the candidate, still to be compared with `spelling`. */
export function controlKeyAt(bytes: Buffer, start: number, end: number, role: Role): ControlKey | undefined {
  if (end - start > longest) return undefined;
  const key = byHash.get(foldingHash(bytes, start, end));
  return key !== undefined && (key.roles & role) !== 0 ? key : undefined;
}

/** For every other name, by its decoded text. */
export function controlKeyByText(text: string, role: Role): ControlKey | undefined {
  const key = byFold.get(foldCase(text));
  return key !== undefined && (key.roles & role) !== 0 ? key : undefined;
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
