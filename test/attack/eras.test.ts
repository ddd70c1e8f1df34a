import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RawAnswer } from '../support/raw.ts';
import { Ground, TOKENS } from './ground.ts';
import { initializeMessage, modernCall, post, type Request, read } from './requests.ts';

const MISMATCH = 40001;

let ground: Ground;
beforeAll(async () => {
  ground = await Ground.open({ servers: { open: {}, older: { era: 'legacy' }, newer: { era: 'modern' } } });
});
afterAll(() => ground.close());

const modernTo = (server: string): Request => modernCall(`/mcp/${server}`, TOKENS.user);
const legacyTo = (server: string): Request => post(`/mcp/${server}`, TOKENS.user, initializeMessage());

const ROWS: readonly [client: string, send: Request, twin: Request][] = [
  ['a client of 2026-07-28 and a server of the older revisions', modernTo('older'), modernTo('newer')],
  ['a client of an older revision and a server of 2026-07-28', legacyTo('newer'), legacyTo('older')],
];

describe('eras that cannot be bridged yet', () => {
  it.each(ROWS)('%s get an error that names both, in a code of our own', async (_, send, twin) => {
    const mark = await ground.mark();
    const answer = await ground.send(send);
    const said = read(answer);
    // Not -32020 to -32022: a client of both eras would draw the wrong conclusion from those.
    expect(said).toMatchObject({ status: 400, code: MISMATCH });
    const message = JSON.stringify(said.json?.error);
    expect(message).toMatch(/2026-07-28/);
    expect(message).toMatch(/2025-11-25/);
    expect(answer.headers.get('mcp-session-id')).toBeUndefined();
    expect(ground.hits()).toEqual([]);
    const rows = (await ground.control(mark)).filter((row) => row.decision_id === said.decisionId);
    expect(rows).toMatchObject([
      { type: 'decision', verdict: 'allow' },
      { type: 'outcome', outcome: 'failed', status: 400, rpc_code: MISMATCH },
    ]);
    const passed: RawAnswer = await ground.send(twin);
    expect(passed.status).toBe(200);
    expect(read(passed).json).toHaveProperty('result');
  });

  it('leave no session behind', async () => {
    for (let i = 0; i < 150; i += 1) expect((await ground.send(legacyTo('newer'))).status).toBe(400);
    const { stdout } = await ground.gateway.command('status', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ sessions: expect.any(Number) });
    expect(JSON.parse(stdout).sessions).toBeLessThan(5);
  });
});
