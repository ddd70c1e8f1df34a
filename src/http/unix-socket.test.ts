import { once } from 'node:events';
import { existsSync, linkSync, mkdtempSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { LISTENER_LIMITS } from '../../test/support/listener-limits.ts';
import { connectionOf } from './connection.ts';
import { Listener } from './listener.ts';

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'sallyport-socket-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function listenerOn(path: string, mode = 0o660): Listener {
  const listener = new Listener(
    'main',
    { host: '127.0.0.1', port: 0, limits: LISTENER_LIMITS, socket: { path, mode } },
    {
      request: ({ socket }, response) => {
        const { peer, isUnix } = connectionOf(socket);
        response.end(`${isUnix} ${peer?.text}`);
      },
      refused: () => '',
      turnedAway: () => '',
      headers: () => [],
    },
  );
  onTestFinished(() => listener.stop(AbortSignal.abort()));
  return listener;
}

async function get(socketPath: string): Promise<string> {
  const asked = request({ socketPath, path: '/' }).end();
  const [answer] = await once(asked, 'response');
  return text(answer);
}

describe('a listener on a Unix socket', () => {
  it('has peers without an address, never 127.0.0.1', async () => {
    const path = join(folder(), 'http.sock');
    await listenerOn(path).start();
    expect(await get(path)).toBe('true undefined');
  });

  it.each([0o600, 0o660, 0o666])('gives its file the permissions asked for (%o)', async (mode) => {
    const path = join(folder(), 'http.sock');
    await listenerOn(path, mode).start();
    expect(statSync(path).mode & 0o777).toBe(mode);
  });

  it('removes its file when it stops', async () => {
    const path = join(folder(), 'http.sock');
    const listener = listenerOn(path);
    await listener.start();
    expect(existsSync(path)).toBe(true);
    await listener.stop(new AbortController().signal);
    expect(existsSync(path)).toBe(false);
  });

  it('takes the place of a socket nobody listens on any more', async () => {
    const path = join(folder(), 'http.sock');
    await leaveBehind(path);
    expect(statSync(path).isSocket()).toBe(true);
    await listenerOn(path).start();
    expect(await get(path)).toBe('true undefined');
  });

  it('leaves alone a socket that somebody listens on', async () => {
    const path = join(folder(), 'http.sock');
    await listenerOn(path).start();
    await expect(listenerOn(path).start()).rejects.toThrow(`another process listens on ${path}`);
    expect(await get(path)).toBe('true undefined');
  });

  it('leaves alone what is no socket, a link to one included', async () => {
    const place = folder();
    writeFileSync(join(place, 'file'), 'mine');
    await listenerOn(join(place, 'live')).start();
    symlinkSync(join(place, 'live'), join(place, 'link'));
    for (const name of ['file', 'link']) {
      await expect(listenerOn(join(place, name)).start()).rejects.toThrow('is there and is no socket');
    }
  });

  it('names a path that is too long, and a folder that is not there', async () => {
    const place = folder();
    await expect(listenerOn(join(place, 'x'.repeat(120))).start()).rejects.toThrow(/bytes, and 10[37] is the most/);
    const nowhere = join(place, 'nowhere', 'http.sock');
    await expect(listenerOn(nowhere).start()).rejects.toThrow(/server\.socket: cannot make .*its folder must be there/);
  });
});

/** A bound socket that no process listens on, as `kill -9` leaves it. */
async function leaveBehind(path: string): Promise<void> {
  const server = createServer().listen(path);
  await once(server, 'listening');
  // Closing removes the name it was bound under, and this is another.
  linkSync(path, `${path}.kept`);
  server.close();
  await once(server, 'close');
  renameSync(`${path}.kept`, path);
}
