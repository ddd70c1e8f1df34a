import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { allClientConfigs, CLIENT_NAMES, clientConfig } from './client-config.ts';

const target = { name: 'crm', url: 'http://127.0.0.1:3000/mcp/crm', token: 'sp_abc-123' };
const rendered = (client: string) => clientConfig(client, target) ?? '';

describe('the configuration of a client', () => {
  it('is there for the clients people have', () => {
    expect(CLIENT_NAMES).toEqual(['claude-code', 'claude-desktop', 'cursor', 'vscode', 'inspector']);
  });

  it.each(CLIENT_NAMES)('%s finds the gateway and presents the token', (client) => {
    expect(rendered(client)).toContain(target.url);
    expect(rendered(client)).toContain('Bearer sp_abc-123');
  });

  it('is JSON for the clients that read files', () => {
    const header = { Authorization: 'Bearer sp_abc-123' };
    expect(JSON.parse(rendered('cursor'))).toEqual({ mcpServers: { crm: { url: target.url, headers: header } } });
    expect(JSON.parse(rendered('vscode'))).toEqual({
      servers: { crm: { type: 'http', url: target.url, headers: header } },
    });
  });

  it('keeps the token of Claude Desktop out of the arguments everybody on the machine can read', () => {
    const { mcpServers } = JSON.parse(rendered('claude-desktop'));
    expect(mcpServers.crm.args.join(' ')).not.toContain('sp_abc-123');
    expect(mcpServers.crm.env).toEqual({ AUTHORIZATION: 'Bearer sp_abc-123' });
  });

  it.each(['claude-code', 'inspector'])('is a line a shell takes for %s', (client) => {
    const words = execFileSync('sh', ['-c', `printf '%s\\n' ${rendered(client)}`], { encoding: 'utf8' }).split('\n');
    expect(words).toContain(target.url);
    expect(words).toContain('Authorization: Bearer sp_abc-123');
  });

  it('is unknown for a client nobody has heard of', () => {
    expect(clientConfig('telnet', target)).toBeUndefined();
    expect(clientConfig('constructor', target)).toBeUndefined();
  });

  it('of all clients comes with a title and a place each', () => {
    const text = allClientConfigs(target);
    for (const title of ['Claude Code', 'Claude Desktop', 'Cursor', 'VS Code', 'MCP Inspector']) {
      expect(text).toMatch(new RegExp(`^ {2}${title} \\(.+\\):$`, 'm'));
    }
  });
});
