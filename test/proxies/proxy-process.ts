import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until, within } from '../support/wait.ts';

/** A proxy server of its own, with a configuration of its own in a folder of its own. */
export interface RunningProxy {
  stop(): Promise<void>;
}

/** A file of `deploy/` with these texts replaced. @throws when one is not in it: then the sample is no longer what is tested */
export function sample(path: string, replace: Readonly<Record<string, string>>): string {
  const file = fileURLToPath(new URL(`../../deploy/${path}`, import.meta.url));
  return replaced(readFileSync(file, 'utf8'), replace);
}

export function replaced(text: string, replace: Readonly<Record<string, string>>): string {
  return Object.entries(replace).reduce((all, [from, to]) => {
    if (!all.includes(from)) throw new Error(`the configuration does not have: ${from}`);
    return all.replaceAll(from, to);
  }, text);
}

/** A port nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0);
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** @param http what stands inside of `http { }` */
export function startNginx(http: string, port: number): Promise<RunningProxy> {
  return start(port, (folder) => {
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      .map((name) => `${name}_temp_path ${folder}/${name};`)
      .join(' ');
    const text = `daemon off; master_process off; pid ${folder}/pid; error_log stderr;
events { worker_connections 256; }
http { access_log off; ${temporary}
${http}
}`;
    return ['nginx', '-p', folder, '-c', write(folder, 'nginx.conf', text)];
  });
}

const APACHE_MODULES = ['mpm_event', 'authz_core', 'alias', 'env', 'headers', 'proxy', 'proxy_http', 'setenvif', 'ssl'];
const asRoot = process.getuid?.() === 0;

/** @param hosts the virtual hosts, and the `Listen` they need */
export function startApache(hosts: string, port: number): Promise<RunningProxy> {
  return start(port, (folder) => {
    const modules = APACHE_MODULES.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`);
    const text = `ServerRoot ${folder}
ServerName localhost
DefaultRuntimeDir ${folder}
PidFile ${folder}/pid
ErrorLog ${folder}/error.log
${modules.join('\n')}
${asRoot ? 'User nobody\nGroup nogroup' : ''}
Mutex posixsem
StartServers 1
${hosts}`;
    return ['apache2', '-DFOREGROUND', '-f', write(folder, 'apache2.conf', text)];
  });
}

export function startHaproxy(config: string, port: number): Promise<RunningProxy> {
  return start(port, (folder) => ['haproxy', '-db', '-f', write(folder, 'haproxy.cfg', config)]);
}

function write(folder: string, name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

/** Runs until it takes connections on the port. @throws with what the program said when it ends before */
async function start(port: number, command: (folder: string) => readonly string[]): Promise<RunningProxy> {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-proxy-'));
  const [program = '', ...args] = command(folder);
  const env = { PATH: `${process.env.PATH}:/usr/sbin` };
  const child = spawn(program, args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'exit');
  const said: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (piece: Buffer) => said.push(piece));
  try {
    await until(() => {
      if (child.exitCode !== null) throw new Error(`${program} ended: ${Buffer.concat(said)}`);
      return takesConnections(port);
    }, `${program} listens on ${port}`);
  } catch (error) {
    await end(child, ended, folder);
    throw new Error(`${program} said: ${Buffer.concat(said)}`, { cause: error });
  }
  return { stop: () => end(child, ended, folder) };
}

async function takesConnections(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  const opened = await Promise.race([
    once(socket, 'connect').then(() => true),
    once(socket, 'close').then(() => false),
  ]).catch(() => false);
  socket.destroy();
  return opened;
}

async function end(child: ChildProcess, ended: Promise<unknown>, folder: string): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    child.kill('SIGTERM');
    await within(ended, `${child.spawnfile} has ended`);
  }
  rmSync(folder, { recursive: true, force: true });
}
