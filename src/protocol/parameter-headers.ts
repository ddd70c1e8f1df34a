import type { Message } from '../jsonrpc/message.ts';
import type { ObjectView } from '../jsonrpc/view.ts';
import type { Problem } from '../problem/problem.ts';
import { mismatch } from './classify.ts';
import type { MirroredParameter } from './mirrored-parameters.ts';
import { decodeSentinel, encodeSentinel } from './sentinel.ts';

/** A number whose value is surely the integer it looks like: every reader gets the same one. */
const PLAIN_INTEGER = /^-?(?:0|[1-9][0-9]*)(?:\.0+)?$/;
const POWER = /^-?[0-9.]+[eE][+-]?[0-9]+$/;
/** Digits that a double holds without rounding. */
const EXACT = 15;

/** What stands in the body for a parameter; undefined when nothing does, or nothing a header could carry. */
type Argument = string | boolean | { readonly integer: number | undefined };

/**
 * Whether the `Mcp-Param-*` headers of a call say what its arguments say (MCP 2026-07-28, streamable-http "Server Behavior for
 * Custom Headers"). Headers the tool does not know are nobody's business here.
 *
 * @param headers name, value, name, value; no name twice
 */
export function parameterDisagreement(
  parameters: readonly MirroredParameter[],
  message: Message,
  headers: readonly string[],
): Problem | undefined {
  const root = message.params?.object('arguments');
  for (const { header, key, path } of parameters) {
    const received = headerValue(headers, key);
    const argument = argumentAt(root, path);
    if (argument === undefined) {
      if (received === undefined) continue;
      return mismatch(`${header} header is there and its argument is not`);
    }
    if (received === undefined) return mismatch(`${header} header is missing`);
    const decoded = decodeSentinel(received);
    if (decoded === undefined) return mismatch(`${header} header is not validly encoded`);
    if (!says(decoded, argument)) return mismatch(`${header} header and its argument differ`);
  }
  return undefined;
}

/**
 * The `Mcp-Param-*` headers that leave with a call: those the tool knows made from the body, the others as they came.
 *
 * @param headers of the client: name, value, name, value
 */
export function parameterHeaders(
  parameters: readonly MirroredParameter[],
  message: Message,
  headers: readonly string[],
): readonly string[] {
  if (parameters.length === 0) return headers;
  const sent: string[] = [];
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const key = headers[at]!.toLowerCase();
    if (!parameters.some((parameter) => parameter.key === key)) sent.push(headers[at]!, headers[at + 1]!);
  }
  const root = message.params?.object('arguments');
  for (const { header, path } of parameters) {
    const text = textOf(argumentAt(root, path));
    if (text !== undefined) sent.push(header, encodeSentinel(text));
  }
  return sent;
}

/** The first header that comes twice. Which of two a reader takes is up to the reader. */
export function repeatedParameter(headers: readonly string[]): string | undefined {
  if (headers.length <= 2) return undefined;
  const seen = new Set<string>();
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const key = headers[at]!.toLowerCase();
    if (seen.has(key)) return headers[at]!;
    seen.add(key);
  }
  return undefined;
}

function headerValue(headers: readonly string[], key: string): string | undefined {
  for (let at = 0; at + 1 < headers.length; at += 2) {
    if (headers[at]!.toLowerCase() === key) return headers[at + 1];
  }
  return undefined;
}

function argumentAt(root: ObjectView | undefined, path: readonly string[]): Argument | undefined {
  let view = root;
  for (let at = 0; at < path.length - 1; at++) view = view?.object(path[at]!);
  const name = path[path.length - 1]!;
  const span = view?.spanOf(name);
  if (view === undefined || span === undefined) return undefined;
  const text = view.string(name);
  if (text !== undefined) return text;
  const flag = view.boolean(name);
  if (flag !== undefined) return flag;
  const raw = view.bytes.toString('latin1', span.start, span.end);
  return /^[-0-9]/.test(raw) ? { integer: exactInteger(raw) } : undefined;
}

function says(header: string, argument: Argument): boolean {
  if (typeof argument === 'string') return header === argument;
  if (typeof argument === 'boolean') return header === String(argument);
  return argument.integer !== undefined && exactInteger(header) === argument.integer;
}

function textOf(argument: Argument | undefined): string | undefined {
  if (argument === undefined || typeof argument === 'string') return argument;
  if (typeof argument === 'boolean') return String(argument);
  return argument.integer === undefined ? undefined : String(argument.integer);
}

/** Undefined for anything but an integer within ±(2^53−1) that no reader rounds. `42`, `42.0` and `4.2e1` are the same. */
function exactInteger(text: string): number | undefined {
  if (!PLAIN_INTEGER.test(text) && !(text.length <= EXACT && POWER.test(text))) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value + 0 : undefined;
}
