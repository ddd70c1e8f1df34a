import { allClientConfigs } from './client-config.ts';
import type { TokenNews } from './first-run.ts';

export interface WelcomeFacts {
  readonly url: string;
  /** The Unix socket it listens on in place of an address: `url` is then where clients reach the proxy in front. */
  readonly socket?: string | undefined;
  readonly adminUrl: string | undefined;
  readonly servers: readonly { readonly id: string; readonly what: string }[];
  readonly stateDir: string;
  readonly auditFile: string | undefined;
  /** Undefined where authentication is off. */
  readonly token: TokenNews | undefined;
  /** The bundled demo speaks the modern era, so one request shows everything. */
  readonly demo: boolean;
}

/** What a person needs next, on standard output. Holds a secret only when that goes to a terminal. */
export function welcome(facts: WelcomeFacts): string {
  const { url, servers } = facts;
  const only = servers.length === 1;
  const path = only || servers[0] === undefined ? '/mcp' : `/mcp/${servers[0].id}`;
  const endpoint = `${url}${path}`;
  const token = shownToken(facts.token);
  const lines = [
    `Sallyport is open at ${facts.socket === undefined ? url : `unix:${facts.socket}`}`,
    '',
    ...servers.map(({ id, what }) => `  ${url}/mcp/${id}  ${what}`),
    ...(only ? [`  ${url}/mcp  the same, while it is the only server`] : []),
    ...(facts.adminUrl === undefined ? [] : [`  ${facts.adminUrl}/metrics  metrics, for this machine`]),
    '',
    `  state: ${facts.stateDir}`,
    ...(facts.auditFile === undefined ? [] : [`  record: ${facts.auditFile}`]),
    '',
    ...tokenLines(facts.token, facts.stateDir),
    'Try it:',
    '',
    indent(curl(endpoint, token.shell, facts.demo)),
    '',
    'Connect a client (or: sallyport client-config NAME):',
    '',
    allClientConfigs({ name: 'sallyport', url: endpoint, token: token.text }),
    '',
  ];
  return lines.join('\n');
}

function tokenLines(token: TokenNews | undefined, stateDir: string): string[] {
  switch (token?.kind) {
    case undefined:
      return ['Authentication is off: everybody who can connect has the roles in auth.anonymous.roles.', ''];
    case 'shown':
      return [`Your token, shown this once: ${token.secret}`, ''];
    case 'file':
      return [`Your token is in ${token.path} (readable by you alone).`, ''];
    case 'no-servers':
      return ['No server is configured, so no token was made: there is nothing it could open.', ''];
    case 'exists':
      return [`Tokens exist already. Make another: sallyport token create --name laptop --state-dir '${stateDir}'`, ''];
  }
}

/** How the token is written in commands and in files: itself only where it was shown anyway. */
function shownToken(token: TokenNews | undefined): { readonly shell: string; readonly text: string } {
  if (token?.kind === 'shown') return { shell: token.secret, text: token.secret };
  if (token?.kind === 'file') return { shell: `$(cat '${token.path}')`, text: 'YOUR_TOKEN' };
  return { shell: '$SALLYPORT_TOKEN', text: 'YOUR_TOKEN' };
}

/** One request that works as printed. The modern one needs no session; older servers are asked to initialize. */
function curl(endpoint: string, token: string, modern: boolean): string {
  const headers = [
    `-H "Authorization: Bearer ${token}"`,
    `-H 'Content-Type: application/json' -H 'Accept: application/json, text/event-stream'`,
    ...(modern ? [`-H 'MCP-Protocol-Version: 2026-07-28' -H 'Mcp-Method: tools/list'`] : []),
  ];
  return [`curl -sS ${endpoint} \\`, ...headers.map((header) => `  ${header} \\`), `  -d '${body(modern)}'`].join('\n');
}

function body(modern: boolean): string {
  const meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  const hello = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'curl', version: '1' } };
  const request = modern
    ? { jsonrpc: '2.0', id: 1, method: 'tools/list', params: { _meta: meta } }
    : { jsonrpc: '2.0', id: 1, method: 'initialize', params: hello };
  return JSON.stringify(request);
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '  ');
}
