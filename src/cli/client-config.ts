/** Where a client finds the gateway and what it presents. `token` may be a placeholder. */
export interface ClientTarget {
  /** The name the client shows. */
  readonly name: string;
  readonly url: string;
  readonly token: string;
}

interface ClientRecipe {
  readonly title: string;
  /** Where the text goes. */
  readonly place: string;
  render(target: ClientTarget): string;
}

const RECIPES: Readonly<Record<string, ClientRecipe>> = {
  'claude-code': {
    title: 'Claude Code',
    place: 'run',
    render: ({ name, url, token }) =>
      `claude mcp add --transport http ${name} ${url} --header "Authorization: Bearer ${token}"`,
  },
  'claude-desktop': {
    title: 'Claude Desktop',
    place: 'claude_desktop_config.json',
    // Desktop starts local programs; mcp-remote is the program that speaks HTTP for it.
    render: ({ name, url, token }) =>
      json({
        mcpServers: {
          [name]: {
            command: 'npx',
            // biome-ignore lint/suspicious/noTemplateCurlyInString: the client expands it, not we
            args: ['-y', 'mcp-remote', url, '--header', 'Authorization:${AUTHORIZATION}'],
            env: { AUTHORIZATION: `Bearer ${token}` },
          },
        },
      }),
  },
  cursor: {
    title: 'Cursor',
    place: '~/.cursor/mcp.json',
    render: ({ name, url, token }) => json({ mcpServers: { [name]: { url, headers: bearer(token) } } }),
  },
  vscode: {
    title: 'VS Code',
    place: '.vscode/mcp.json',
    render: ({ name, url, token }) => json({ servers: { [name]: { type: 'http', url, headers: bearer(token) } } }),
  },
  inspector: {
    title: 'MCP Inspector',
    place: 'run',
    render: ({ url, token }) =>
      `npx @modelcontextprotocol/inspector --cli ${url} --transport http --method tools/list ` +
      `--header "Authorization: Bearer ${token}"`,
  },
};

/** The clients there is a recipe for, as `sallyport client-config` takes them. */
export const CLIENT_NAMES: readonly string[] = Object.keys(RECIPES);

/** Ready-to-paste configuration of one client; undefined when there is no recipe of that name. */
export function clientConfig(client: string, target: ClientTarget): string | undefined {
  return Object.hasOwn(RECIPES, client) ? RECIPES[client]?.render(target) : undefined;
}

/** Every recipe, one after the other, each under its title. */
export function allClientConfigs(target: ClientTarget): string {
  return Object.values(RECIPES)
    .map(({ title, place, render }) => `  ${title} (${place}):\n${indent(render(target))}`)
    .join('\n\n');
}

function bearer(token: string): { readonly Authorization: string } {
  return { Authorization: `Bearer ${token}` };
}

function json(value: unknown): string {
  return JSON.stringify(value, null, 2);
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '    ');
}
