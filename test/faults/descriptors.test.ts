import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRaw } from '../support/raw.ts';
import { ScriptedHttp } from '../support/scripted-http.ts';
import { until } from '../support/wait.ts';
import { Gate, script } from './gate.ts';
import { toolValue } from './talk.ts';

const LIMIT = 256;
const CLIENTS = 500;
const GET = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n';

let upstream: ScriptedHttp;
let gate: Gate;
beforeAll(async () => {
  upstream = await ScriptedHttp.start();
  const restart = { backoff_ms: 1, backoff_max_ms: 1, crash_loop_after: 1000 };
  gate = await Gate.start([
    script('running', ['server.mjs', 'modern'], { restart }),
    script('later', ['server.mjs', 'modern'], { restart }),
    { id: 'remote', transport: 'streamable-http', era: 'modern', url: upstream.url },
  ]);
  execFileSync('prlimit', ['--pid', String(gate.gateway.pid), `--nofile=${LIMIT}:${LIMIT}`]);
});
afterAll(async () => {
  await gate.stop();
  await upstream.stop();
});

/** User and system time of the gateway so far, in clock ticks (proc(5)). */
function ticks(): number {
  const stat = readFileSync(`/proc/${gate.gateway.pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

function client(): Socket {
  const { hostname, port } = new URL(gate.gateway.url);
  return connect(Number(port), hostname).on('error', () => {});
}

describe('a gateway that has run out of descriptors', () => {
  it('goes on with the connections it has, fails what needs another, does not spin, and recovers', async () => {
    expect(toolValue(await gate.caller('running').tool(1, 'echo', { before: true }))).toEqual({ before: true });
    const kept = await openRaw(gate.gateway.url);
    kept.write(GET);
    expect((await kept.answer()).status).toBe(200);

    const clients = Array.from({ length: CLIENTS }, client);
    await Promise.all(clients.map((socket) => Promise.race([once(socket, 'connect'), once(socket, 'close')])));
    await until(
      () => readdirSync(`/proc/${gate.gateway.pid}/fd`).length >= LIMIT - 2,
      'there is no descriptor left, or but one to refuse with',
    );

    // The health of the gateway can still be asked for on a connection that is there.
    const before = ticks();
    for (let round = 0; round < 20; round++) {
      kept.write(GET);
      expect((await kept.answer()).status).toBe(200);
    }
    // Twenty answers are a few hundredths of a second; a loop around accept would be all the time there is.
    expect(ticks() - before).toBeLessThan(100);

    for (const socket of clients) socket.destroy();
    await until(() => gate.descriptors() < 100, 'the descriptors are given back');
    kept.destroy();
    const answers = await Promise.all(
      ['running', 'later'].map((server) => gate.caller(server).tool('mine', 'echo', { server })),
    );
    expect(answers.map((answer) => [answer.last.id, toolValue(answer)])).toEqual([
      ['mine', { server: 'running' }],
      ['mine', { server: 'later' }],
    ]);
    expect((await gate.caller('remote').tool('mine', 'tool')).last).toMatchObject({ id: 'mine', result: { ok: true } });
    expect(gate.gateway.stderr().split('\n').length).toBeLessThan(200);
  });
});
