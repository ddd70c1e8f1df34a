// What both servers of the benchmark answer. Tools: `echo` gives back its message, `large` 100 KB of text.
const LARGE = result('x'.repeat(100_000));
const TOOLS = JSON.stringify({ tools: ['echo', 'large'].map((name) => ({ name, inputSchema: { type: 'object' } })) });
const SERVER = { capabilities: { tools: {} }, serverInfo: { name: 'bench', version: '1' } };
const DISCOVERED = JSON.stringify({ supportedVersions: ['2026-07-28'], ...SERVER });

function result(text) {
  return JSON.stringify({ content: [{ type: 'text', text }], isError: false });
}

/** The result of a request as JSON text. */
export function resultOf({ method, params }) {
  if (method === 'tools/call') return params.name === 'large' ? LARGE : result(`Echo: ${params.arguments.message}`);
  if (method === 'tools/list') return TOOLS;
  if (method === 'server/discover') return DISCOVERED;
  return JSON.stringify({ protocolVersion: params?.protocolVersion, ...SERVER });
}

export const answerTo = (message) =>
  `{"jsonrpc":"2.0","id":${JSON.stringify(message.id)},"result":${resultOf(message)}}`;
