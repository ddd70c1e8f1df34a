// What is measured: the upstream itself, the cheapest proxy, and the gateway with its layers off and on.
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MEASURED, MEASURING, start } from './process.mjs';

const here = (file) => fileURLToPath(new URL(file, import.meta.url));
export const OWN_BUILD = here('../dist');
const TOKEN = randomBytes(32).toString('hex');
const folder = mkdtempSync(join(tmpdir(), 'sallyport-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

export const newFolder = (name) => mkdtempSync(join(folder, name));

/** One path for each era; a server speaks one of them. */
export const PATHS = { modern: '/mcp/modern', legacy: '/mcp/legacy' };

/** The upstream behind the proxies, beside the load. It is never what limits a round unless the proxy costs next to nothing. */
export function startUpstream(cpu = MEASURING) {
  return start(here('upstream.mjs'), { cpu });
}

/** The upstream alone, on the processor that the others get when it is their turn. */
export async function startDirect() {
  const process = await startUpstream(MEASURED);
  return { name: 'direct', process, target: { port: process.ready.port, paths: PATHS } };
}

/** The upstream where it is when a proxy stands before it: it shares its processor with the load. */
export function besideLoad(upstream) {
  return { name: 'beside', process: upstream, target: { port: upstream.ready.port, paths: PATHS } };
}

export async function startFloor(upstream) {
  const process = await start(here('floor.mjs'), { cpu: MEASURED, args: [String(upstream.ready.port)] });
  return { name: 'floor', process, target: { port: process.ready.port, paths: PATHS } };
}

/**
 * @param layers `off`: nobody is asked who they are and nothing is recorded; `on`: a token, tool rules, the audit record
 *   handed to the kernel before each call leaves
 * @param servers instead of the two that call `upstream`
 * @param build the folder of a compiled gateway; another one than ours makes a branch-against-branch comparison
 */
export async function startGateway(
  layers,
  upstream,
  { build = OWN_BUILD, name = layers, execArgv = [], servers } = {},
) {
  const state = newFolder('state-');
  const file = join(newFolder('config-'), 'sallyport.json');
  const mcps = servers ?? httpServers(`http://127.0.0.1:${upstream.ready.port}/mcp`);
  writeFileSync(file, JSON.stringify(settings(layers, mcps)), { mode: 0o600 });
  const process = await start(join(resolve(build), 'src/cli/main.js'), {
    cpu: MEASURED,
    args: ['serve', '--config', file],
    env: { HOME: state, SALLYPORT_STATE_DIR: state },
    execArgv,
    gateway: true,
  });
  const port = Number(new URL(process.ready.url).port);
  return { name, process, target: { port, paths: PATHS, token: layers === 'on' ? TOKEN : undefined } };
}

/** The gateway as it starts when nothing is configured, with its demo server. */
export function startDemo(build = OWN_BUILD) {
  const state = newFolder('demo-');
  mkdirSync(join(state, 'home'));
  return start(join(resolve(build), 'src/cli/main.js'), {
    cpu: MEASURED,
    args: ['serve', '--port', '0', '--admin-port', '0', '--log-level', 'error'],
    env: { HOME: join(state, 'home'), SALLYPORT_STATE_DIR: join(state, 'state') },
    gateway: true,
  });
}

const httpServers = (url) => ['modern', 'legacy'].map((era) => ({ id: era, transport: 'streamable-http', url, era }));

/** The lists of nginx, bans, and pages of one origin. */
const PERIMETER = {
  ip_whitelist: [...Array.from({ length: 50 }, (_, i) => `10.${i}.0.0/16`), '127.0.0.1'],
  ip_blacklist: Array.from({ length: 50 }, (_, i) => `10.${i + 100}.0.0/16`),
  bans: { enabled: true },
  cors: { allowed_origins: ['https://app.example.com'] },
};

const NO_HEADERS = {
  x_frame_options: '',
  permissions_policy: '',
  x_xss_protection: '',
  x_dns_prefetch_control: '',
  x_download_options: '',
  x_permitted_cross_domain_policies: '',
  cross_origin_resource_policy: '',
  cross_origin_opener_policy: '',
};

function settings(layers, mcps) {
  const tools =
    layers === 'on' ? { allow: ['echo', 'lar*', 'search_*', 'get_?'], deny: ['*_admin', 'delete_*'] } : undefined;
  return {
    server: { host: '127.0.0.1', port: 0, limits: { idle_timeout_ms: 600_000 } },
    admin: { enabled: false },
    security: layers === 'on' ? PERIMETER : { headers: NO_HEADERS },
    auth:
      layers === 'on'
        ? { methods: [{ type: 'token', tokens: [{ name: 'bench', token: TOKEN }] }] }
        : { enabled: false, anonymous: { roles: ['user'] } },
    audit: { enabled: layers === 'on' },
    sessions: { max_per_principal: 5_000 },
    streams: { max_per_principal: 5_000 },
    log: { level: 'error' },
    mcps: mcps.map((server) => ({ ...(tools && { tools }), ...server })),
  };
}
