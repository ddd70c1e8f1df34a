import type { Call } from '../policy/call.ts';
import { parameterHeaders } from '../protocol/parameter-headers.ts';

const NONE: readonly string[] = Object.freeze([]);

/** The `Mcp-Param-*` headers a request leaves with: made from the body wherever the tool says what they mean. */
export function outboundParameters({ modern, received }: Call): readonly string[] {
  return modern === undefined ? NONE : parameterHeaders(modern.parameters, received, modern.headers.params);
}
