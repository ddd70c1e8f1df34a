import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { must } from './target.ts';

/** The compiled gateway as a process of its own. */
export class GatewayProcess {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #folder: string;
  #log = '';

  private constructor(child: ChildProcess, folder: string, url: string) {
    this.#child = child;
    this.#folder = folder;
    this.url = url;
    child.stderr!.on('data', (chunk: Buffer) => {
      this.#log = (this.#log + chunk).slice(-1_000_000);
    });
  }

  /** @param root the folder that holds dist/. */
  static async start(root: string, config: object): Promise<GatewayProcess> {
    const folder = mkdtempSync(join(tmpdir(), 'sallyport-fuzz-'));
    const file = join(folder, 'sallyport.yaml');
    writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
    const child = spawn(process.execPath, [join(root, 'dist/src/cli/main.js'), 'serve', '--config', file], {
      cwd: folder,
      env: {
        PATH: process.env.PATH,
        HOME: folder,
        SALLYPORT_STATE_DIR: join(folder, 'state'),
        SALLYPORT_READY_FD: '3',
      },
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    });
    const [ready] = (await Promise.race([once(child.stdio[3] as Readable, 'data'), once(child, 'exit')])) as [Buffer];
    must(Buffer.isBuffer(ready), 'the gateway did not start');
    const { url } = JSON.parse(ready.toString()) as { url: string };
    return new GatewayProcess(child, folder, url);
  }

  /** Lines of the log that tell of a defect, not of a caller. */
  get defects(): string[] {
    return this.#log.split('\n').filter((line) => /"level":"?(?:error|fatal|50|60)\b|Unhandled|Uncaught/.test(line));
  }

  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  async stop(): Promise<number | null> {
    if (this.isAlive) {
      this.#child.kill('SIGTERM');
      await once(this.#child, 'exit');
    }
    rmSync(this.#folder, { recursive: true, force: true });
    return this.#child.exitCode;
  }
}
