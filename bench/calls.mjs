// The bytes of the requests that are sent. Ids have nine digits, so that the length of a request never changes.
export const FIRST_ID = 100_000_000;

const MESSAGE = 'hello from the load generator, some forty-eight bytes...';
const MODERN = '2026-07-28';
export const LEGACY = '2025-11-25';
const META = `{"io.modelcontextprotocol/protocolVersion":"${MODERN}","io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/clientInfo":{"name":"bench","version":"1"}}`;

function post({ path, token }, headers, length) {
  return [
    `POST ${path} HTTP/1.1`,
    'Host: 127.0.0.1',
    'Content-Type: application/json',
    'Accept: application/json, text/event-stream',
    'User-Agent: sallyport-bench',
    ...(token === undefined ? [] : [`Authorization: Bearer ${token}`]),
    ...headers,
    `Content-Length: ${length}`,
    '\r\n',
  ].join('\r\n');
}

/** A whole request for a body without an id that changes. */
export function request(target, headers, body) {
  return post(target, headers, body.length) + body;
}

/** GET of a session's stream. */
export function streamRequest({ path, token }, headers) {
  const authorization = token === undefined ? [] : [`Authorization: Bearer ${token}`];
  return [
    `GET ${path} HTTP/1.1`,
    'Host: 127.0.0.1',
    'Accept: text/event-stream',
    ...authorization,
    ...headers,
    '\r\n',
  ].join('\r\n');
}

/** A `tools/call` as the text before the id and the text after it. `session`: that of a legacy client. */
export function toolCall(target, tool, session) {
  const meta = session === undefined ? `,"_meta":${META}` : '';
  const before = '{"jsonrpc":"2.0","id":';
  const after = `,"method":"tools/call","params":{"name":"${tool}","arguments":{"message":"${MESSAGE}"}${meta}}}`;
  const headers =
    session === undefined
      ? [`MCP-Protocol-Version: ${MODERN}`, 'Mcp-Method: tools/call', `Mcp-Name: ${tool}`]
      : sessionHeaders(session);
  const length = before.length + String(FIRST_ID).length + after.length;
  return { before: post(target, headers, length) + before, after };
}

export function sessionHeaders(session) {
  return [`MCP-Protocol-Version: ${LEGACY}`, `Mcp-Session-Id: ${session}`];
}

export const INITIALIZE = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"${LEGACY}","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}}`;
export const INITIALIZED = '{"jsonrpc":"2.0","method":"notifications/initialized"}';
