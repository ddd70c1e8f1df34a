import { DEFAULT_LIMITS } from '../../src/jsonrpc/span.ts';

/** What a plain, slow reading of a text finds: JSON.parse for the grammar, then a walk for what JSON.parse lets pass. */
export interface Reading {
  readonly verdict: 'broken' | 'ambiguous' | 'sound';
  /** Of a text that is not broken. */
  readonly value?: unknown;
  /** Every member name of the text, decoded. */
  readonly names: ReadonlySet<string>;
}

const BROKEN: Reading = { verdict: 'broken', names: new Set() };
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|[{}[\],:]|true|false|null/gs;
const LONGEST_NUMBER = 1_000;
const LONE_SURROGATE = /\p{Surrogate}/u;

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function parseStrictly(bytes: Uint8Array): { text: string; value: unknown } | undefined {
  try {
    const text = decoder.decode(bytes);
    return { text, value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

/** `depthBefore` counts the containers around the text that are no part of the message. */
export function read(bytes: Uint8Array, depthBefore = 0): Reading {
  const parsed = parseStrictly(bytes);
  if (parsed === undefined) return BROKEN;
  const { text, value } = parsed;
  const names = new Set<string>();
  const open: (Set<string> | undefined)[] = [];
  let ambiguous = false;
  let members = 0;
  let last = '';
  let lastString = '';
  for (const [token] of text.matchAll(TOKEN)) {
    const first = token[0] as string;
    const container = open.at(-1);
    const startsElement = open.length > 0 && container === undefined && (last === '[' || last === ',');
    if (startsElement && token !== ']') members++;
    if (first === '"') {
      lastString = JSON.parse(token) as string;
      if (LONE_SURROGATE.test(lastString)) return BROKEN;
    } else if (token === ':') {
      members++;
      names.add(lastString);
      ambiguous ||= lastString === '__proto__' || container!.has(lastString);
      container!.add(lastString);
    } else if (token === '{' || token === '[') {
      open.push(token === '{' ? new Set() : undefined);
      if (open.length - depthBefore > DEFAULT_LIMITS.maxDepth) return BROKEN;
    } else if (token === '}' || token === ']') {
      open.pop();
    } else if (first !== 't' && first !== 'f' && first !== 'n' && first !== ',') {
      ambiguous ||= token.length > LONGEST_NUMBER;
    }
    last = token;
  }
  if (members > DEFAULT_LIMITS.maxMembers) return BROKEN;
  return { verdict: ambiguous ? 'ambiguous' : 'sound', value, names };
}
