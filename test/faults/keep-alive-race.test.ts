import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answer, type Script, ScriptedHttp } from '../support/scripted-http.ts';
import { until } from '../support/wait.ts';
import { Gate } from './gate.ts';

const CALLS = 600;
const LANES = 4;

let upstream: ScriptedHttp;
let gate: Gate;
beforeAll(async () => {
  upstream = await ScriptedHttp.start();
  upstream.otherwise = hangUp;
  gate = await Gate.start([{ id: 'remote', transport: 'streamable-http', url: upstream.url, era: 'modern' }]);
});
afterAll(async () => {
  await gate.stop();
  await upstream.stop();
});

let answers = 0;
/** Answers, promises to keep the connection, and closes it: at once, a turn later, or as the next call may be on its way. */
const hangUp: Script = (request, response) => {
  const { socket } = response;
  response.on('finish', () => {
    answers += 1;
    if (answers % 3 === 0) socket?.end();
    else if (answers % 3 === 1) setImmediate(() => socket?.destroy());
    else setTimeout(() => socket?.end(), answers % 4);
  });
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(answer(request, { content: [], resultType: 'complete' }));
};

describe('a server that closes a connection as it is used again', () => {
  it('is never sent a call twice, and each call is answered: with its result, or as one that may have failed', async () => {
    const outcomes = new Map<number, number>();
    await Promise.all(
      Array.from({ length: LANES }, async (_, lane) => {
        const caller = gate.caller('remote');
        for (let turn = 0; turn < CALLS / LANES; turn++) {
          const nonce = turn * LANES + lane;
          const { last } = await caller.modern(nonce, 'tools/call', { name: 'tool', arguments: { nonce } });
          outcomes.set(nonce, last.error?.code ?? 0);
        }
      }),
    );
    const runs = new Map<number, number>();
    for (const { rpc } of upstream.of('tools/call')) {
      const { nonce } = (rpc.params as { arguments: { nonce: number } }).arguments;
      runs.set(nonce, (runs.get(nonce) ?? 0) + 1);
    }
    expect(outcomes.size).toBe(CALLS);
    for (const [nonce, code] of outcomes) {
      if (code === 0) expect(runs.get(nonce), `runs of call ${nonce}`).toBe(1);
      else expect(runs.get(nonce) ?? 0, `runs of call ${nonce}, answered ${code}`).toBeLessThanOrEqual(1);
    }
    const codes = new Set(outcomes.values());
    expect([...codes].filter((code) => ![0, 50201, 50203].includes(code))).toEqual([]);
    expect(codes).toContain(0);
    upstream.otherwise = (request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(answer(request, { content: [], resultType: 'complete' }));
    };
    // The last connections of before may still be closed under a call.
    const call = () => gate.caller('remote').modern('last', 'tools/call', { name: 'tool', arguments: { nonce: -1 } });
    await until(async () => (await call()).last.result, 'a call goes through again');
  });
});
