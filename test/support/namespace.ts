import { execFile, execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';

/** Addresses of the documentation (RFC 5737, RFC 3849) at both ends of a cable that leads to another network stack. */
export interface Namespace {
  /** This end, by the family or scope of what comes to it. */
  readonly near: { readonly v4: string; readonly v6: string; readonly linkLocal: string };
  /** The other end: two addresses of each family, and one that is link-local, with its zone there. */
  readonly far: { readonly v4: readonly string[]; readonly v6: readonly string[]; readonly linkLocal: string };
  /** Runs a script of node at the other end. Resolves with its standard output. */
  node(script: string, ...args: readonly string[]): Promise<string>;
  /** Removes both ends. */
  close(): void;
}

/** Why there can be no network namespace here, and what to do about it; undefined when there can be. */
export function namespaceObstacle(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces are of Linux';
  if (process.getuid?.() !== 0) return 'network namespaces need root: run the tests as root, or in a container as root';
  const name = `spt-${randomBytes(4).toString('hex')}`;
  try {
    execFileSync('ip', ['netns', 'add', name], { stdio: 'pipe' });
    execFileSync('ip', ['netns', 'del', name], { stdio: 'pipe' });
    return undefined;
  } catch (error) {
    const said = String((error as { stderr?: Buffer }).stderr ?? error).trim();
    return `network namespaces need iproute2, CAP_SYS_ADMIN and CAP_NET_ADMIN (docker run --privileged): ${said}`;
  }
}

/** @throws what `ip` says, with nothing left behind */
export function openNamespace(): Namespace {
  const space = `spt-${randomBytes(4).toString('hex')}`;
  const ip = (...args: string[]): void => void execFileSync('ip', args, { stdio: 'pipe' });
  const within = ['netns', 'exec', space];
  ip('netns', 'add', space);
  const close = (): void => ip('netns', 'del', space); // both ends of the cable go with it
  try {
    const number = layCable(ip, space);
    const [here, there] = [`spa${number}`, `spb${number}`];
    const v4 = (host: number): string => `203.0.113.${8 * number + host}`;
    const v6 = (host: number): string => `2001:db8:${number + 1}::${host}`;
    address(ip, here, [`${v4(1)}/29`, `${v6(1)}/64`, 'fe80::1/64']);
    const far = [v4(2), v4(3)].map((one) => `${one}/29`).concat([v6(2), v6(3), 'fe80::9'].map((one) => `${one}/64`));
    address((...args) => ip(...within, 'ip', ...args), there, far);
    return {
      near: { v4: v4(1), v6: v6(1), linkLocal: `fe80::1%${there}` },
      far: { v4: [v4(2), v4(3)], v6: [v6(2), v6(3)], linkLocal: `fe80::9%${there}` },
      close,
      node: async (script, ...args) => {
        const command = [...within, process.execPath, '-e', script, ...args];
        return (await promisify(execFile)('ip', command, { timeout: 20_000 })).stdout;
      },
    };
  } catch (error) {
    close();
    throw error;
  }
}

/** Each cable has networks of its own, by its number: tests that run at the same time never meet. */
function layCable(ip: (...args: string[]) => void, space: string): number {
  for (let number = 0; ; number++) {
    try {
      ip('link', 'add', `spa${number}`, 'type', 'veth', 'peer', 'name', `spb${number}`, 'netns', space);
      return number;
    } catch (error) {
      const isTaken = String((error as { stderr?: Buffer }).stderr).includes('File exists');
      if (!isTaken || number === 30) throw error;
    }
  }
}

/** No waiting until the system is sure that nobody else has the addresses: nobody else is there. */
function address(ip: (...args: string[]) => void, device: string, addresses: readonly string[]): void {
  ip('link', 'set', 'dev', device, 'addrgenmode', 'none');
  for (const one of addresses) ip('addr', 'add', one, 'dev', device, ...(one.includes(':') ? ['nodad'] : []));
  ip('link', 'set', device, 'up');
}
