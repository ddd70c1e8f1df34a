import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FIXTURE_TOOLS } from '../support/fixture-server.ts';
import { type RawAnswer, sendRaw } from '../support/raw.ts';
import { Ground, TOKENS } from './ground.ts';
import { type Attack, prove } from './prove.ts';
import {
  bytesOf,
  callMessage,
  legacy,
  legacyCall,
  modern,
  modernCall,
  modernMessage,
  post,
  type Request,
  read,
} from './requests.ts';

/** `ruled` serves `echo`, `add` and what begins with f but `fail`; `none` serves nothing. */
const SERVES = ['echo', 'add'];

let ground: Ground;
let session: string;
let openSession: string;
beforeAll(async () => {
  ground = await Ground.open({
    servers: {
      open: {},
      ruled: { tools: { allow: ['echo', 'add', 'f*'], deny: ['fail'] } },
      denies: { tools: { deny: ['*_text', 'throw'] } },
    },
  });
  session = await ground.openSession(TOKENS.user, 'ruled');
  openSession = await ground.openSession();
});
afterAll(() => ground.close());

const call = (tool: string, server = 'ruled'): Request => modern(`/mcp/${server}`, TOKENS.user, callMessage(tool));
const callOnSession = (tool: string) => (): Request => legacy('/mcp/ruled', TOKENS.user, session, legacyCall(1, tool));

const unknown = (tool: string, reason: string) => ({
  status: 200,
  code: -32602,
  mayList: true,
  audit: { policy: 'authorize', reason, server: 'ruled', method: 'tools/call', tool, principal_name: 'user' },
});
/** Tools of the server that are not served, and names it does not have. */
const HIDDEN = ['fail', 'throw', 'big_text', 'slow_progress', 'toggle_extra_tool'];
const INVENTED = ['nope', 'f', 'fails', 'ECHO', 'Echo', 'echo ', 'ech', 'echo*', '*', '', 'e\u0441ho', 'extra'];

describe('a tool that is hidden or does not exist', () => {
  const name = (tool: string): Record<string, string> =>
    // Headers carry visible ASCII; the rest is encoded (2026-07-28, streamable-http "Value Encoding").
    /^[\x21-\x7e]+$/.test(tool) ? {} : { 'mcp-name': `=?base64?${Buffer.from(tool).toString('base64')}?=` };
  const reasonOf = (tool: string): string => (/^f(?!ail$)/.test(tool) ? 'tool.unknown' : 'tool.not-served');

  prove(
    () => ground,
    [...HIDDEN, ...INVENTED.filter((tool) => tool !== '')].flatMap((tool): Attack[] => [
      {
        name: `${JSON.stringify(tool)} on 2026-07-28`,
        send: modern('/mcp/ruled', TOKENS.user, callMessage(tool), { headers: name(tool) }),
        ...unknown(tool, reasonOf(tool)),
        twin: call('echo'),
        also: (answer) => expect(read(answer).json?.error).toMatchObject({ message: `Unknown tool: ${tool}` }),
      },
      {
        name: `${JSON.stringify(tool)} on 2025-11-25`,
        send: callOnSession(tool),
        ...unknown(tool, reasonOf(tool)),
        twin: callOnSession('echo'),
        also: (answer) => expect(read(answer).json?.error).toMatchObject({ message: `Unknown tool: ${tool}` }),
      },
    ]),
  );

  prove(
    () => ground,
    [
      {
        name: 'without a name, on 2025-11-25',
        send: () => legacy('/mcp/ruled', TOKENS.user, session, { ...legacyCall(), params: { arguments: {} } }),
        status: 400,
        code: -32602,
        audit: { policy: 'authorize', reason: 'tool.unnamed' },
        twin: callOnSession('echo'),
      },
      {
        name: 'whose name is a list, on 2025-11-25',
        send: () => legacy('/mcp/ruled', TOKENS.user, session, { ...legacyCall(), params: { name: ['echo'] } }),
        status: 400,
        code: -32602,
        audit: { policy: 'authorize', reason: 'tool.unnamed' },
        twin: callOnSession('echo'),
      },
    ],
  );

  it('answers alike to the byte but for its name and the ids', async () => {
    const shape = (answer: RawAnswer, tool: string): string =>
      answer.bytes
        .toString()
        .replaceAll(tool, 'TOOL')
        .replace(/X-Request-Id: .*|Date: .*|"decision_id":"[^"]*"|Content-Length: .*/g, '');
    const pairs = [
      ['fail', 'nope'],
      ['throw', 'threw'],
      ['big_text', 'wee_text'],
      ['elicit', 'fexist'],
    ] as const;
    ground.forgetHits();
    for (const [hidden, invented] of pairs) {
      const [one, other] = [await ground.send(call(hidden)), await ground.send(call(invented))];
      expect(shape(one, hidden)).toBe(shape(other, invented));
      const [old, elder] = [await ground.send(callOnSession(hidden)()), await ground.send(callOnSession(invented)())];
      expect(shape(old, hidden)).toBe(shape(elder, invented));
    }
    expect(ground.hits()).not.toContain('tools/call');
  });
});

describe('the list of tools', () => {
  type Tool = { readonly name: string };
  const resultOf = (answer: RawAnswer) => read(answer).json?.result as { tools: Tool[]; cacheScope?: string };
  const listed = (answer: RawAnswer): Tool[] => resultOf(answer).tools;
  const LIST = modernMessage('tools/list');

  it('leaves out what is not served, and leaves the rest as the server wrote it', async () => {
    const { fixture } = ground;
    const direct = await sendRaw(fixture.url, bytesOf(modern('/mcp', undefined, LIST)));
    const all = listed(direct);
    expect(all.map(({ name }) => name)).toEqual([...FIXTURE_TOOLS]);
    for (const [server, served] of [
      ['ruled', SERVES],
      ['denies', FIXTURE_TOOLS.filter((tool) => !/_text$|^throw$/.test(tool))],
      ['open', [...FIXTURE_TOOLS]],
    ] as const) {
      const answer = await ground.send(modern(`/mcp/${server}`, TOKENS.user, LIST));
      expect(listed(answer).map(({ name }) => name)).toEqual(served);
      const bytes = answer.body.toString();
      for (const tool of all.filter(({ name }) => served.includes(name as never))) {
        expect(direct.body.toString()).toContain(JSON.stringify(tool));
        expect(bytes).toContain(JSON.stringify(tool));
      }
      for (const tool of all.filter(({ name }) => !served.includes(name as never))) {
        expect(bytes).not.toContain(`"${tool.name}"`);
      }
    }
  });

  it('is not one a shared cache may give to another caller, once something is left out', async () => {
    const scope = async (server: string) =>
      resultOf(await ground.send(modern(`/mcp/${server}`, TOKENS.user, LIST))).cacheScope;
    expect(await scope('ruled')).not.toBe('public');
  });

  it('is the same on the older revisions', async () => {
    const message = { jsonrpc: '2.0', id: 3, method: 'tools/list' };
    const of = async (server: string, id: string) =>
      listed(await ground.send(legacy(`/mcp/${server}`, TOKENS.user, id, message))).map(({ name }) => name);
    expect(await of('ruled', session)).toEqual(SERVES);
    expect(await of('open', openSession)).toEqual([...FIXTURE_TOOLS]);
  });
});

describe('a server without rules', () => {
  it('is asked for every name, known or not, and nothing is looked up first', async () => {
    ground.forgetHits();
    expect((await ground.send(modernCall('/mcp/open', TOKENS.user))).status).toBe(200);
    expect(read(await ground.send(call('nope', 'open'))).code).toBe(-32602);
    expect(ground.hits()).toEqual(['tools/call', 'tools/call']);
  });

  it('of the older revisions too', async () => {
    const fresh = await ground.openSession();
    ground.forgetHits();
    expect((await ground.send(legacy('/mcp/open', TOKENS.user, fresh, legacyCall()))).status).toBe(200);
    expect(ground.hits()).toEqual(['tools/call']);
  });
});

describe('arguments', () => {
  it('never stand in the record, however they are named', async () => {
    const secret = 'correct-horse-battery-staple';
    const args = { text: secret, password: secret, nested: { api_key: [secret] }, url: `https://u:${secret}@x/` };
    const request = modern('/mcp/open', TOKENS.user, callMessage('echo', args));
    expect(read(await ground.send(request)).json).toHaveProperty('result');
    const refused = modern('/mcp/ruled', TOKENS.user, callMessage('fail', args));
    expect(read(await ground.send(refused)).code).toBe(-32602);
    const broken = post('/mcp/open', TOKENS.user, `{"password":"${secret}"`);
    expect(read(await ground.send(broken)).code).toBe(-32700);
    // Held with every other secret of the run when the gateway has stopped.
    ground.secrets.push(secret);
    expect(ground.gateway.stderr()).not.toContain(secret);
  });
});
