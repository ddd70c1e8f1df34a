import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Chromium } from '../support/chromium.ts';
import { within } from '../support/wait.ts';
import { Ground, TOKENS } from './ground.ts';

const PAGE = 'app.example';
const EVIL = 'evil.example';

let chromium: Chromium;
let ground: Ground;
beforeAll(async () => {
  chromium = await Chromium.open();
  const allowed_origins = [chromium.originOf(PAGE), `http://*.below.example:${chromium.port}`];
  ground = await Ground.open({ settings: { security: { cors: { allowed_origins } } }, servers: { open: {} } });
});
afterAll(async () => {
  await chromium.close();
  await ground.close();
});

/** Runs a script on a page. It may use `speak(message, headers)`, which posts a message as an MCP client does. */
async function onPage(host: string, script: string, url = ground.gateway.url): Promise<unknown> {
  const prelude = `async ({ url, token, steps }) => {
    const base = { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream' };
    const speak = (message, headers = {}) => fetch(url + '/mcp/open', {
      method: 'POST',
      headers: { ...base, Authorization: 'Bearer ' + token, ...headers },
      body: JSON.stringify({ jsonrpc: '2.0', ...message }),
    });
    const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'page', version: '1' } };
    const initialize = { id: 0, method: 'initialize', params };
    const outcome = (promise) => promise.then((answer) => answer.status, (error) => error.name);
    ${script}
  }`;
  const visit = chromium.visit({ host, script: prelude, given: { url, token: TOKENS.user } });
  return within(visit, `the page has reported; the browser said: ${chromium.complaints()}`, 20_000);
}

const CONVERSATION = `
  const opened = await speak(initialize);
  const session = opened.headers.get('Mcp-Session-Id');
  const version = (await readMessages(opened)).at(-1)?.result?.protocolVersion;
  const own = { 'Mcp-Session-Id': session, 'MCP-Protocol-Version': '2025-11-25' };
  const ready = (await speak({ method: 'notifications/initialized' }, own)).status;
  const called = await speak({ id: 1, method: 'tools/call', params: { name: 'echo', arguments: { text: 'hi' } } }, own);
  const told = (await readMessages(called)).at(-1)?.result?.content?.[0]?.text;
  const slow = { name: 'slow_progress', arguments: { steps: 3, interval_ms: 5 }, _meta: { progressToken: 'p' } };
  const streamed = await readMessages(await speak({ id: 2, method: 'tools/call', params: slow }, own));
  const stream = await fetch(url + '/mcp/open', {
    headers: { Authorization: 'Bearer ' + token, Accept: 'text/event-stream', ...own },
  });
  const type = stream.headers.get('Content-Type');
  await stream.body.cancel();
  const ended = (await fetch(url + '/mcp/open', { method: 'DELETE', headers: { Authorization: 'Bearer ' + token, ...own } })).status;
  const stranger = await speak(initialize, { Authorization: 'Bearer wrong' });
  const cookies = await speak(initialize, { 'X-Evil': '1' }).then(() => 'sent', () => 'kept');
  return {
    session, version, ready, told, type, ended, cookies,
    progress: streamed.filter((message) => message.method === 'notifications/progress').length,
    last: streamed.at(-1)?.id,
    refusal: [stranger.status, stranger.headers.get('WWW-Authenticate')?.split(' ')[0]],
  };

  async function readMessages(answer) {
    const text = await answer.text();
    if (!answer.headers.get('Content-Type').startsWith('text/event-stream')) return [JSON.parse(text)];
    const lines = text.split('\\n').filter((line) => line.startsWith('data: {'));
    return lines.map((line) => JSON.parse(line.slice(6)));
  }
`;

describe('in a real browser', () => {
  it.each([PAGE, 'a.b.below.example'])('a page of %s speaks MCP, and reads streams and errors', async (host) => {
    const said = (await onPage(host, CONVERSATION)) as { readonly session: string };
    expect(said).toEqual({
      session: expect.stringMatching(/^[\x21-\x7e]{20,}$/),
      version: '2025-11-25',
      ready: 202,
      told: 'hi',
      type: 'text/event-stream',
      ended: 204,
      progress: 3,
      last: 2,
      refusal: [401, 'Bearer'],
      cookies: 'kept',
    });
    ground.secrets.push(said.session);
  });

  it.each([
    EVIL,
    'below.example',
    'evil-app.example',
    'app.example.evil.example',
  ])('a page of %s can call nothing and read nothing, and no server hears of it', async (host) => {
    const mark = await ground.mark();
    const said = await onPage(
      host,
      `return [
          await outcome(speak(initialize)),
          await outcome(fetch(url + '/mcp/open', { method: 'POST', body: JSON.stringify(initialize) })),
          await outcome(fetch(url + '/healthz')),
          await outcome(fetch(url + '/mcp/open', { method: 'POST', mode: 'no-cors', body: JSON.stringify(initialize) })),
        ];`,
    );
    // The last is sent without asking. Cross-Origin-Resource-Policy keeps even its answer out of the page's process.
    expect(said).toEqual(['TypeError', 'TypeError', 'TypeError', 'TypeError']);
    expect(ground.hits()).toEqual([]);
    const rows = (await ground.control(mark)).filter((row) => row.verdict === 'deny');
    expect(rows.map((row) => [row.reason, row.detail])).toEqual(
      Array.from({ length: 4 }, () => ['origin.not-allowed', chromium.originOf(host)]),
    );
  });

  it('a sandboxed frame of an allowed page is nobody', async () => {
    const mark = await ground.mark();
    const said = await onPage(
      PAGE,
      `const frame = document.createElement('iframe');
      frame.sandbox = 'allow-scripts';
      const inside = "fetch('" + url + "/healthz').then((a) => a.status, (e) => e.name).then((s) => parent.postMessage(s, '*'))";
      frame.srcdoc = '<script>' + inside + '</' + 'script>';
      const heard = new Promise((resolve) => addEventListener('message', ({ data, origin }) => resolve([data, origin])));
      document.documentElement.append(frame);
      return [await heard, await outcome(fetch(url + '/healthz'))];`,
    );
    expect(said).toEqual([['TypeError', 'null'], 200]);
    const rows = (await ground.control(mark)).filter((row) => row.verdict === 'deny');
    expect(rows.map((row) => row.detail)).toEqual(['null']);
  });

  it('a name that was pointed at the gateway is not served, whoever asks', async () => {
    const mark = await ground.mark();
    const rebound = new URL(ground.gateway.url);
    rebound.hostname = EVIL;
    const probe = `return [await outcome(speak(initialize)), await outcome(fetch(url + '/mcp/open', { mode: 'no-cors' }))];`;
    expect(await onPage(EVIL, probe, rebound.origin)).toEqual(['TypeError', 'TypeError']);
    expect(await onPage(PAGE, probe, rebound.origin)).toEqual(['TypeError', 'TypeError']);
    expect(ground.hits()).toEqual([]);
    const rows = (await ground.control(mark)).filter((row) => row.verdict === 'deny');
    expect(rows.map((row) => row.reason)).toEqual(Array.from({ length: 4 }, () => 'host.not-served'));
  });
});
