import type { Random } from '../random.ts';

const NAMES = ['name', 'arguments', '_meta', 'progressToken', 'uri', 'a', 'b', 'é', '', 'x y', 'content', 'tools', 'k'];
const METHODS = ['tools/call', 'tools/list', 'initialize', 'ping', 'notifications/cancelled', 'resources/read', 'é'];
const SPACES = ['', '', '', '', ' ', '\n', '\t', '\r\n'];
const SCALARS = ['0', '1', '-7', '0.5', '1e9', '9007199254740991', '9007199254740992', 'true', 'false', 'null'];
const TEXTS = ['', 'hello', 'a "quoted" word', 'line\nbreak', '\u{1f600}', 'x'.repeat(70), '\\', '\u2028', '\ud7ff'];

/** A string token, in one of the spellings JSON has for the text. */
function text(random: Random, content: string): string {
  if (!random.once(8)) return JSON.stringify(content);
  const units = Array.from({ length: content.length }, (_, i) => content.charCodeAt(i));
  return `"${units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('')}"`;
}

/** A JSON value, mostly small and sometimes deep or wide. */
export function value(random: Random, depth = 0): string {
  const kind = depth > 5 ? random.below(2) : random.below(5);
  if (kind === 0) return random.pick(SCALARS);
  if (kind === 1) return text(random, random.pick(TEXTS));
  const space = random.pick(SPACES);
  if (kind === 2) {
    const items = Array.from({ length: random.size(16) }, () => value(random, depth + 1));
    return `[${space}${items.join(`${space},`)}${space}]`;
  }
  return object(random, depth + 1);
}

export function object(random: Random, depth = 0, fixed: readonly string[] = []): string {
  const space = random.pick(SPACES);
  const members = [...fixed];
  for (let left = random.size(depth < 2 ? 40 : 5); left > 0; left--) {
    // Mostly names of their own, so that a sound message is not the exception.
    const name = random.once(4) ? random.pick(NAMES) : `n${left}`;
    members.push(`${text(random, name)}${space}:${value(random, depth + 1)}`);
  }
  return `{${space}${members.join(`,${space}`)}${space}}`;
}

function idToken(random: Random): string {
  return random.once(6) ? value(random, 6) : random.once(2) ? String(random.below(1000)) : `"id-${random.below(9)}"`;
}

/** A request, notification, result, error, or a batch of some. */
export function message(random: Random): string {
  if (random.once(12)) return `[${Array.from({ length: random.below(4) }, () => message(random)).join(',')}]`;
  const id = random.once(5) ? [] : [`"id":${idToken(random)}`];
  const kind = random.below(8);
  const deep = random.once(60) ? nested(random) : object(random);
  if (kind < 5) {
    const members = ['"jsonrpc":"2.0"', ...id, `"method":${JSON.stringify(random.pick(METHODS))}`];
    return `{${shuffled(random, random.once(6) ? members : [...members, `"params":${deep}`]).join(',')}}`;
  }
  const body = kind === 7 ? '"error":{"code":-32000,"message":"no"}' : `"result":${deep}`;
  return `{${shuffled(random, ['"jsonrpc":"2.0"', ...id, body]).join(',')}}`;
}

/** About as deep as is allowed. */
function nested(random: Random): string {
  const levels = 55 + random.below(14);
  return `{"a":${'['.repeat(levels)}${']'.repeat(levels)}}`;
}

function shuffled(random: Random, members: string[]): string[] {
  if (random.once(2)) return members;
  const at = random.below(members.length);
  return [...members.slice(at), ...members.slice(0, at)];
}
