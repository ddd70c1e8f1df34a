import type { ObjectView } from '../jsonrpc/view.ts';

/** The requests whose answer may be `input_required` (MCP 2026-07-28, basic/patterns/mrtr). */
export const MAY_REQUIRE_INPUT: ReadonlySet<string> = new Set(['tools/call', 'prompts/get', 'resources/read']);

/**
 * Why a server may not ask a client these things: one of them is none of the three there are, or needs a capability the
 * client did not declare with this request, or would open an address that is none of the web's. Undefined when it may.
 *
 * @param capabilities those of the request that is answered
 */
export function unaskable(inputRequests: ObjectView, capabilities: ObjectView | undefined): string | undefined {
  for (const key of inputRequests.keys()) {
    const request = inputRequests.object(key);
    const method = request?.string('method');
    const refusal = judge(method, request?.object('params'), capabilities);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

function judge(
  method: string | undefined,
  params: ObjectView | undefined,
  capabilities: ObjectView | undefined,
): string | undefined {
  switch (method) {
    case 'elicitation/create':
      return elicitation(params, capabilities?.object('elicitation'));
    case 'sampling/createMessage':
      return sampling(params, capabilities?.object('sampling'));
    case 'roots/list':
      return capabilities?.object('roots') === undefined ? undeclared('roots') : undefined;
    default:
      return 'it asks the client for something that is not sampling, elicitation or roots';
  }
}

/** Declaring nothing about modes declares the form (schema 2026-07-28, ClientCapabilities). */
function elicitation(params: ObjectView | undefined, declared: ObjectView | undefined): string | undefined {
  if (declared === undefined) return undeclared('elicitation');
  const mode = params?.has('mode') ? params.string('mode') : 'form';
  if (mode === 'form') return declared.has('form') || !declared.has('url') ? undefined : undeclared('elicitation.form');
  if (mode !== 'url') return 'it elicits in a mode that does not exist';
  if (!declared.has('url')) return undeclared('elicitation.url');
  return isWebAddress(params?.string('url')) ? undefined : 'it wants an address opened that is neither http nor https';
}

function sampling(params: ObjectView | undefined, declared: ObjectView | undefined): string | undefined {
  if (declared === undefined) return undeclared('sampling');
  const wantsTools = params?.has('tools') === true || params?.has('toolChoice') === true;
  return wantsTools && !declared.has('tools') ? undeclared('sampling.tools') : undefined;
}

function undeclared(capability: string): string {
  return `it asks for what needs the capability ${capability}, which the request did not declare`;
}

function isWebAddress(url: string | undefined): boolean {
  if (url === undefined || !URL.canParse(url)) return false;
  const { protocol } = new URL(url);
  return protocol === 'https:' || protocol === 'http:';
}
