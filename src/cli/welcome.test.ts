import { describe, expect, it } from 'vitest';
import { messageOf } from '../../test/support/judged.ts';
import { disagreement } from '../protocol/agreement.ts';
import { classify } from '../protocol/classify.ts';
import { type WelcomeFacts, welcome } from './welcome.ts';

const facts: WelcomeFacts = {
  url: 'http://127.0.0.1:3000',
  adminUrl: 'http://127.0.0.1:3001',
  servers: [{ id: 'demo', what: 'the bundled demo server' }],
  stateDir: '/home/ann/.local/share/sallyport',
  auditFile: '/home/ann/.local/share/sallyport/audit/audit.jsonl',
  token: { kind: 'shown', secret: 'sp_secret' },
  demo: true,
};
const said = (changes: Partial<WelcomeFacts> = {}) => welcome({ ...facts, ...changes });

/** The body and the headers of the printed command. */
function curlOf(text: string) {
  const body = /-d '(.*)'/.exec(text)?.[1] ?? '';
  const header = (name: string) =>
    new RegExp(`-H '${name}: ([^']*)'`).exec(text)?.[1] ?? text.match(new RegExp(`${name}: ([^']*)'`))?.[1];
  return { message: messageOf(body), header };
}

describe('what a person reads first', () => {
  it('is where the gateway is, what is behind it, and where it keeps its state and its record', () => {
    const text = said();
    expect(text).toContain('Sallyport is open at http://127.0.0.1:3000');
    expect(text).toContain('http://127.0.0.1:3000/mcp/demo  the bundled demo server');
    expect(text).toContain('http://127.0.0.1:3001/metrics');
    expect(text).toContain(facts.stateDir);
    expect(text).toContain(facts.auditFile);
  });

  it('names /mcp while there is one server, and the first of several otherwise', () => {
    const two = [...facts.servers, { id: 'crm', what: 'customers' }];
    expect(said()).toContain('curl -sS http://127.0.0.1:3000/mcp \\');
    expect(said({ servers: two })).toContain('curl -sS http://127.0.0.1:3000/mcp/demo \\');
    expect(said({ servers: two })).not.toContain('the only server');
  });

  it('leaves out what is not there', () => {
    const text = said({ adminUrl: undefined, auditFile: undefined });
    expect(text).not.toContain('/metrics');
    expect(text).not.toContain('record:');
  });

  it('has something to paste for every client', () => {
    for (const title of ['Claude Code', 'Claude Desktop', 'Cursor', 'VS Code', 'MCP Inspector']) {
      expect(said()).toContain(title);
    }
  });
});

describe('the token', () => {
  it('made on a terminal is shown, and is in every command', () => {
    const text = said();
    expect(text).toContain('shown this once: sp_secret');
    expect(text).toContain('Authorization: Bearer sp_secret');
    expect(text).not.toContain('YOUR_TOKEN');
  });

  it('made elsewhere is in a file, which the command reads; it is never printed', () => {
    const text = said({ token: { kind: 'file', path: '/state/first-run.token' } });
    expect(text).toContain('Your token is in /state/first-run.token');
    expect(text).toContain(`Bearer $(cat '/state/first-run.token')`);
    expect(text).toContain('YOUR_TOKEN');
  });

  it('that exists already is not known here, but how to make another is', () => {
    const text = said({ token: { kind: 'exists' } });
    expect(text).toContain('sallyport token create');
    expect(text).toContain('$SALLYPORT_TOKEN');
  });

  it('is not made where there is nothing to open, and that is said', () => {
    const text = said({ servers: [], token: { kind: 'no-servers' } });
    expect(text).toContain('No server is configured');
    expect(text).not.toContain('sp_');
  });

  it('is not needed where authentication is off, and that is said', () => {
    expect(said({ token: undefined })).toContain('Authentication is off');
  });
});

describe('the printed request', () => {
  it('is a whole modern one for the demo server', () => {
    const { message, header } = curlOf(said());
    const headers = { protocolVersion: header('MCP-Protocol-Version'), sessionId: undefined };
    expect(classify(headers, [message])).toEqual({ era: 'modern', revision: '2026-07-28' });
    expect(disagreement({ mcpMethod: header('Mcp-Method'), mcpName: undefined, params: [] }, message)).toBeUndefined();
  });

  it('is an initialize for any other, which every older server answers', () => {
    const { message } = curlOf(said({ demo: false }));
    expect(message.method).toBe('initialize');
    expect(classify({ protocolVersion: undefined, sessionId: undefined }, [message])).toMatchObject({ era: 'legacy' });
  });
});
