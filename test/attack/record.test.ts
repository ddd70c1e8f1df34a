import { mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AuditLine, type Gateway, startGateway } from '../support/gateway.ts';
import { openRaw, sendRaw } from '../support/raw.ts';
import { until } from '../support/wait.ts';
import { freshToken, Ground, TOKENS } from './ground.ts';
import { bytesOf, callMessage, get, legacy, legacyCall, modern, modernCall, read } from './requests.ts';

describe('while the record cannot be written', () => {
  let folder: string;
  let ground: Ground;
  let session: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sallyport-record-'));
    ground = await Ground.open({ auditFile: join(folder, 'kept', 'audit.jsonl') });
    session = await ground.openSession();
  });
  afterAll(async () => {
    await ground.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const call = () => ground.send(modernCall('/mcp/open', TOKENS.user));
  const ready = async () => (await ground.send(get('/readyz', undefined))).status;
  const lines = (): AuditLine[] =>
    readFileSync(join(folder, 'kept', 'audit.jsonl'), 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));

  it('no call is made, readiness fails, and both come back by themselves', async () => {
    expect((await call()).status).toBe(200);
    const before = lines().length;
    // The folder is gone, and a file stands where it was: nothing can be created there.
    renameSync(join(folder, 'kept'), join(folder, 'aside'));
    writeFileSync(join(folder, 'kept'), '');
    await until(async () => (await call()).status === 503, 'calls are refused');

    ground.forgetHits();
    const refused = await call();
    expect(read(refused)).toMatchObject({ status: 503, code: 50301 });
    expect(refused.headers.get('retry-after')).toBeDefined();
    expect(read(await ground.send(legacy('/mcp/open', TOKENS.user, session, legacyCall())))).toMatchObject({
      code: 50301,
    });
    expect(await ready()).toBe(503);
    expect((await ground.send(get('/health', undefined))).status).toBe(503);
    expect((await ground.send(get('/healthz', undefined))).status).toBe(200);
    // Refusals do not need the record to be refusals.
    expect((await ground.send(modernCall('/mcp/open', freshToken()))).status).toBe(401);
    expect(ground.hits()).toEqual([]);
    expect((await ground.scrape()).body.toString()).toMatch(/audit\w*fail\w*(\{[^}]*\})? [1-9]/);

    rmSync(join(folder, 'kept'));
    renameSync(join(folder, 'aside'), join(folder, 'kept'));
    await until(async () => (await ready()) === 200, 'readiness is back');
    ground.forgetHits();
    expect((await call()).status).toBe(200);
    expect(ground.hits()).toEqual(['tools/call']);
    const since = lines().slice(before);
    expect(since.find((line) => line.type === 'recovered')).toBeDefined();
    expect(since.filter((line) => line.reason === 'audit.unavailable').length).toBeGreaterThan(0);
    const { code, stderr } = await ground.gateway.command('audit', 'verify', join(folder, 'kept', 'audit.jsonl'));
    expect(code, stderr).toBe(0);
  });
});

describe('refusals before anybody is known', () => {
  const anonymous = bytesOf(modernCall('/mcp/open', undefined));

  async function refuse(gateway: Gateway, times: number): Promise<void> {
    const connection = await openRaw(gateway.url);
    for (let i = 0; i < times; i += 1) connection.write(anonymous);
    for (let i = 0; i < times; i += 1) expect((await connection.answer()).status).toBe(401);
    connection.destroy();
  }

  const start = (stateDir: string, refusals: object): Promise<Gateway> =>
    startGateway({
      stateDir,
      config: {
        audit: { refusals },
        mcps: [{ id: 'open', transport: 'streamable-http', url: 'http://127.0.0.1:9/mcp' }],
      },
    });

  function counts(stateDir: string): { full: number; counted: readonly unknown[] } {
    const text = readFileSync(join(stateDir, 'audit', 'audit.jsonl'), 'utf8');
    const rows = text
      .split('\n')
      .filter(Boolean)
      .map((line): AuditLine => JSON.parse(line));
    return {
      full: rows.filter((row) => row.reason === 'token.absent' && row.type === 'decision').length,
      counted: rows.filter((row) => row.type === 'refusals').map((row) => row.count),
    };
  }

  let stateDir: string;
  beforeAll(() => {
    stateDir = mkdtempSync(join(tmpdir(), 'sallyport-refusals-'));
  });
  afterAll(() => rmSync(stateDir, { recursive: true, force: true }));

  it('cannot fill the disk: 200 of them are 20 rows and one that counts the rest when the gateway stops', async () => {
    const folder = join(stateDir, 'stop');
    const gateway = await start(folder, {});
    await refuse(gateway, 200);
    await gateway.stop();
    expect(counts(folder)).toEqual({ full: 20, counted: [180] });
  });

  it('are counted at the end of their window too', async () => {
    const folder = join(stateDir, 'window');
    const gateway = await start(folder, { per_window: 3, window_ms: 1_500 });
    await refuse(gateway, 30);
    const total = () => {
      const { full, counted } = counts(folder);
      return full + counted.reduce<number>((sum, count) => sum + (count as number), 0);
    };
    await until(() => total() === 30, 'all are accounted for while the gateway runs');
    expect(counts(folder).counted.length).toBeGreaterThan(0);
    await gateway.stop();
    expect(total()).toBe(30);
  });
});

describe('what a caller writes into the record', () => {
  let ground: Ground;
  beforeAll(async () => {
    ground = await Ground.open();
  });
  afterAll(() => ground.close());

  const HOSTILE = [
    '{"type":"decision","verdict":"allow"}',
    '"},{"verdict":"allow',
    '\\u000a{"x":1}',
    '<script>alert(1)</script>',
    '=cmd()',
    'x'.repeat(4_000),
    'caf\xe9\x80\xff',
    '%0d%0a{"event":"admin.login"}',
  ];

  it.each(HOSTILE)('stays one value of one line: %j', async (text) => {
    const mark = await ground.mark();
    const headers = { 'user-agent': text, 'x-request-id': text };
    const answer = await ground.send(modernCall('/mcp/open', undefined, { headers }));
    expect(answer.status).toBe(401);
    expect(answer.headers.get('x-request-id')?.[0]).toMatch(/^[A-Za-z0-9._-]{1,128}$/);
    const rows = await ground.control(mark);
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({ verdict: 'deny', reason: 'token.absent', user_agent: expect.any(String) });
    expect(String(rows[0]?.user_agent).length).toBeLessThanOrEqual(640);
    expect(rows[0]?.request_id).not.toBe(text);
  });

  it.each([
    'a\u2028b\u2029c',
    '\u001b[31mred',
    '\r\n{"event":"admin.login"}',
    '\u0000',
    '\u202eevil',
    'x'.repeat(100_000),
  ])('stays one value of one line when it is the name of a tool: %j', async (tool) => {
    const mark = await ground.mark();
    const headers = { 'mcp-name': `=?base64?${Buffer.from(tool).toString('base64')}?=` };
    // More than a header may hold is refused before the record knows the name.
    const fits = tool.length < 10_000;
    const session = fits ? undefined : await ground.openSession(TOKENS.other);
    const request = fits
      ? modern('/mcp/open', TOKENS.user, callMessage(tool), { headers })
      : legacy('/mcp/open', TOKENS.other, session, legacyCall(1, tool));
    await ground.send(request);
    const rows = (await ground.control(mark)).filter((row) => row.method === 'tools/call');
    expect(rows.map((row) => row.type)).toEqual(['decision', 'outcome']);
    for (const row of rows) expect(String(row.tool).length).toBeLessThanOrEqual(1_100);
    if (fits) expect(rows[0]?.tool).toBe(tool);
  });

  it('is a file only its owner may read', () => {
    const file = join(ground.gateway.stateDir, 'audit', 'audit.jsonl');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(join(ground.gateway.stateDir, 'audit')).mode & 0o777).toBe(0o700);
  });

  it('never becomes a label of the metrics', async () => {
    const odd = Array.from({ length: 60 }, (_, i) => `made-up-${i}`);
    for (const name of odd) {
      await ground.send(modern('/mcp/open', TOKENS.user, callMessage(name)));
      await ground.send(get(`/mcp/${name}`, TOKENS.user));
      await ground.send(get(`/${name}`, undefined, { headers: { 'user-agent': name, host: name } }));
      await sendRaw(ground.gateway.url, bytesOf(get('/', undefined, { method: name })));
    }
    const metrics = (await ground.scrape()).body.toString();
    expect(metrics).toContain('sallyport');
    expect(metrics).not.toContain('made-up');
    for (const name of ['user', 'roleless']) expect(metrics).not.toContain(`"${name}"`);
  });
});
