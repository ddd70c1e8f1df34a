import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { descendants, expectGone, isAlive } from './processes.ts';
import { openRaw, sendRaw } from './raw.ts';
import { until, within } from './wait.ts';

describe('a raw request', () => {
  let server: Server;
  let url: string;
  beforeAll(async () => {
    server = createServer((req, res) => {
      if (req.url === '/chunked') {
        res.write('one ');
        res.end('two');
      } else if (req.url === '/hang') req.socket.destroy();
      else res.writeHead(200, { 'set-cookie': ['a=1', 'b=2'], 'content-length': 2 }).end('ok');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => void server.close());

  it('gets a whole answer, repeated headers apart', async () => {
    const answer = await sendRaw(url, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(answer.status).toBe(200);
    expect(answer.headers.get('set-cookie')).toEqual(['a=1', 'b=2']);
    expect(answer.body.toString()).toBe('ok');
  });

  it('takes chunked framing off', async () => {
    const answer = await sendRaw(url, 'GET /chunked HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(answer.body.toString()).toBe('one two');
  });

  it('passes over interim answers and takes pipelined ones one by one', async () => {
    const connection = await openRaw(url);
    connection.write('POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n');
    connection.write('GET /chunked HTTP/1.1\r\nHost: x\r\n\r\n');
    expect((await connection.answer()).body.toString()).toBe('ok');
    expect((await connection.answer()).body.toString()).toBe('one two');
    connection.destroy();
  });

  it('shows what the parser refuses', async () => {
    expect((await sendRaw(url, 'GET / HTTP/1.1\r\nHost: x\r\nBad Name: 1\r\n\r\n')).status).toBe(400);
  });

  it('says when there was no answer', async () => {
    await expect(sendRaw(url, 'GET /hang HTTP/1.1\r\nHost: x\r\n\r\n')).rejects.toThrow('without a whole answer');
  });
});

describe('waiting', () => {
  it('gives the value once it is there', async () => {
    let left = 3;
    expect(await until(() => (left-- > 0 ? undefined : 'there'), 'it is there')).toBe('there');
  });

  it('says what did not happen, and why', async () => {
    const probe = () => Promise.reject(new Error('refused'));
    await expect(until(probe, 'the port opens', 10)).rejects.toThrow(/until the port opens; last seen: Error: refused/);
    await expect(within(new Promise(() => {}), 'pigs fly', 10)).rejects.toThrow('until pigs fly');
    expect(await within(Promise.resolve(1), 'one', 10)).toBe(1);
  });
});

describe('processes', () => {
  it('are found with their descendants, and seen to be gone', async () => {
    const parent = spawn('sh', ['-c', 'sleep 60 & sleep 61; true'], { detached: true });
    const pid = parent.pid as number;
    const family = await until(() => {
      const list = descendants(pid);
      return list.filter((p) => p.command.startsWith('sleep')).length === 2 && list;
    }, 'both children run');
    expect(descendants(process.pid).map((p) => p.pid)).toContain(pid);
    await expect(expectGone(family, 10)).rejects.toThrow('sleep 60');
    process.kill(-pid, 'SIGKILL');
    await expectGone(family);
    await until(() => !isAlive(pid), 'the parent has ended');
  });
});
