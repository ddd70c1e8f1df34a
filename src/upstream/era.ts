import type { Message } from '../jsonrpc/message.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import { type Problem, particular } from '../problem/problem.ts';
import { type Era, LEGACY_REVISIONS, MODERN_REVISIONS } from '../protocol/revisions.ts';

export const METHOD_NOT_FOUND = -32601;
const INVALID_PARAMS = -32602;
/** HeaderMismatch, MissingRequiredClientCapability, UnsupportedProtocolVersion: only a modern server knows these. */
export const MODERN_ERRORS: ReadonlySet<number> = new Set([-32020, -32021, -32022]);
const SAYS_UNSUPPORTED = /unsupported|not supported|method not found|unknown method|protocol ?version|_meta/i;

/** Parameters of the `server/discover` by which the gateway asks a server for its era, as JSON text. */
export function discoverParams(version: string): string {
  const meta = {
    'io.modelcontextprotocol/protocolVersion': MODERN_REVISIONS[0],
    'io.modelcontextprotocol/clientCapabilities': {},
    'io.modelcontextprotocol/clientInfo': { name: 'sallyport', version },
  };
  return JSON.stringify({ _meta: meta });
}

/** The code of an error answer; 0 when it has none. */
export function errorCode(answer: Message): number {
  const code = answer.error?.id('code');
  return typeof code === 'number' ? code : 0;
}

/** True when this answer to `initialize` says that the server has no such era. */
export function refusesLegacy(answer: Message): boolean {
  if (answer.kind !== 'error') return false;
  const code = errorCode(answer);
  if (MODERN_ERRORS.has(code) || code === METHOD_NOT_FOUND) return true;
  return code === INVALID_PARAMS && SAYS_UNSUPPORTED.test(answer.error?.string('message') ?? '');
}

/** Public: which eras met. */
export function eraMismatch(server: string, client: Era): Problem {
  const spoken = {
    modern: `${MODERN_REVISIONS[0]}`,
    legacy: `${LEGACY_REVISIONS[0]} and earlier`,
  };
  const other = client === 'modern' ? 'legacy' : 'modern';
  return particular(PROBLEMS.ERA_MISMATCH, `client speaks ${spoken[client]}; server ${server} speaks ${spoken[other]}`);
}
