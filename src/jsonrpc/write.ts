import type { Problem } from '../problem/problem.ts';
import type { RequestId } from './span.ts';

/** The text as a JSON token. Lone surrogates come out escaped, so the result is always UTF-8. */
export function jsonString(text: string): string {
  return JSON.stringify(text);
}

/** An id as a JSON token, of the type it came as: `"1"` is not `1`. */
export function idToken(id: RequestId): string {
  return typeof id === 'number' ? String(id) : JSON.stringify(id);
}

/** `rawResult` is JSON text and goes out as it is. */
export function writeResult(id: RequestId, rawResult: string): Buffer {
  return Buffer.from(`{"jsonrpc":"2.0","id":${idToken(id)},"result":${rawResult}}`);
}

/**
 * JSON-RPC 2.0, section 5.1. `null` says the id of the request could not be read; undefined leaves the member out,
 * as MCP revisions from 2025-11-25 on allow.
 */
export function writeError(
  id: RequestId | null | undefined,
  problem: Pick<Problem, 'rpcCode' | 'text'> & { readonly data?: Problem['data'] | undefined },
): Buffer {
  const idMember = id === undefined ? '' : `"id":${id === null ? 'null' : idToken(id)},`;
  const data = problem.data === undefined ? '' : `,"data":${JSON.stringify(problem.data)}`;
  const error = `{"code":${problem.rpcCode},"message":${JSON.stringify(problem.text)}${data}}`;
  return Buffer.from(`{"jsonrpc":"2.0",${idMember}"error":${error}}`);
}

/** `rawParams` is the JSON text of an object. */
export function writeRequest(id: RequestId, method: string, rawParams?: string): Buffer {
  return Buffer.from(
    `{"jsonrpc":"2.0","id":${idToken(id)},"method":${JSON.stringify(method)}${paramsMember(rawParams)}}`,
  );
}

/** `rawParams` is the JSON text of an object. */
export function writeNotification(method: string, rawParams?: string): Buffer {
  return Buffer.from(`{"jsonrpc":"2.0","method":${JSON.stringify(method)}${paramsMember(rawParams)}}`);
}

function paramsMember(rawParams: string | undefined): string {
  return rawParams === undefined ? '' : `,"params":${rawParams}`;
}
