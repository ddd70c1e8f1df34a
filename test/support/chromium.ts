import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What a page does, as text: an async function of what the test hands it. Its value comes back as JSON. */
export interface Page {
  /** The name the page is served under; every name leads to this machine. */
  readonly host: string;
  readonly script: string;
  readonly given: unknown;
}

/**
 * A real browser on real pages. It walks from page to page by itself: each posts what its script returned to where it came
 * from, and is told where to go next. So nothing steers it, and it stands between the page and the gateway as for any user.
 */
export class Chromium {
  readonly port: number;
  private readonly server: Server;
  private readonly folder = mkdtempSync(join(tmpdir(), 'sallyport-chromium-'));
  private readonly waiting: { readonly page: Page; readonly done: (value: unknown) => void }[] = [];
  private idle: ((next: string) => void) | undefined;
  private child: ChildProcess | undefined;
  private stderr = '';

  private constructor(server: Server) {
    this.server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on('request', (request, response) => void this.answer(request, response));
  }

  /** Serves pages; the browser starts with the first of them. */
  static async open(): Promise<Chromium> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Chromium(server);
  }

  originOf(host: string): string {
    return `http://${host}:${this.port}`;
  }

  /** Opens a page. Resolves with what its script returned, or `{ threw }`. */
  visit(page: Page): Promise<unknown> {
    const done = new Promise<unknown>((resolve) => this.waiting.push({ page, done: resolve }));
    if (this.child === undefined) this.start(this.originOf(page.host));
    else this.idle?.(this.originOf(page.host));
    this.idle = undefined;
    return done;
  }

  /** What the browser complained of, for the message of a failing test. */
  complaints(): string {
    return this.stderr.slice(-2_000);
  }

  async close(): Promise<void> {
    const { child } = this;
    if (child?.pid !== undefined && child.exitCode === null) {
      const gone = once(child, 'exit');
      // It is the leader of its own group: renderers and helpers end with it.
      process.kill(-child.pid, 'SIGKILL');
      await gone;
    }
    this.server.closeAllConnections();
    this.server.close();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  private start(url: string): void {
    const flags = [
      '--headless=new',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-extensions',
      '--disable-sync',
      '--no-first-run',
      '--no-proxy-server',
      '--host-resolver-rules=MAP * 127.0.0.1',
      '--remote-debugging-port=0',
      `--user-data-dir=${this.folder}`,
    ];
    const env = { PATH: process.env.PATH, HOME: this.folder, XDG_RUNTIME_DIR: this.folder };
    this.child = spawn('chromium', [...flags, url], { detached: true, env, stdio: ['ignore', 'ignore', 'pipe'] });
    this.child.stderr?.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString();
    });
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [first] = this.waiting;
    if (request.url === '/' && first !== undefined) {
      response.writeHead(200, { 'Content-Type': 'text/html', 'Cache-Control': 'no-store' });
      response.end(`<!doctype html><title>page</title><script>${shellOf(first.page)}</script>`);
    } else if (request.url === '/report' && first !== undefined) {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      this.waiting.shift();
      // The browser waits here until the test has somewhere else to go.
      this.idle = (next) => response.end(next);
      const [following] = this.waiting;
      if (following !== undefined) this.idle(this.originOf(following.page.host));
      first.done(JSON.parse(Buffer.concat(chunks).toString()));
    } else {
      response.writeHead(404).end();
    }
  }
}

function shellOf({ script, given }: Page): string {
  return `(async () => {
    const given = ${JSON.stringify(given).replaceAll('<', '\\u003c')};
    let value;
    try { value = await (${script})(given); } catch (error) { value = { threw: String(error) }; }
    const body = JSON.stringify(value ?? null);
    location.href = await (await fetch('/report', { method: 'POST', body })).text();
  })();`;
}
