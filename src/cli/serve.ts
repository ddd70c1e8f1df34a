import { closeSync, fstatSync, writeSync } from 'node:fs';
import { App } from '../app.ts';
import { READY_VARIABLE } from '../config/environment.ts';
import { renderFault } from '../config/fault.ts';
import { type Loaded, loadConfiguration } from '../config/load.ts';
import { listsText } from '../perimeter/summary.ts';
import { trustInForce } from '../perimeter/trust.ts';
import { createLog, type Log } from '../telemetry/log.ts';
import { VERSION } from '../version.ts';
import { firstRunToken, type TokenNews } from './first-run.ts';
import { commandOverlay, demoOverlay } from './servers.ts';
import { startDoubts } from './start-doubts.ts';
import type { Terminal } from './terminal.ts';
import { welcome } from './welcome.ts';

export interface ServeOptions {
  /** `--config`. */
  readonly file: string | undefined;
  /** Settings given as flags. */
  readonly flags: Readonly<Record<string, unknown>>;
  /** The program behind `--`. */
  readonly command: readonly string[];
}

/** Runs the gateway until a signal ends it. @returns the exit code */
export async function serve(options: ServeOptions, terminal: Terminal): Promise<number> {
  const ready = readyPipe(terminal);
  const { loaded, demo } = load(options, terminal);
  const log = createLog({ level: loaded.settings.log.level, format: loaded.settings.log.format ?? terminal.logFormat });
  warn(loaded, log);
  tellTrust(loaded, log);
  const app = await App.open({ loaded, version: VERSION, log });
  tellLists(app, log);
  let news: TokenNews | undefined;
  try {
    news = await tokenNews(app, loaded, terminal);
    await app.start();
  } catch (error) {
    await app.abandon();
    throw error;
  }
  // Whoever is told that it is ready may send a signal at once, and one that nobody listens to ends the process.
  const stopped = untilStopped(app, options, terminal, log);
  announce(app, loaded, news, demo, terminal, ready);
  return stopped;
}

/** With nothing configured the demo server stands in; a configuration without servers gets no demo. */
function load(options: ServeOptions, terminal: Terminal): { loaded: Loaded; demo: boolean } {
  const base = {
    ...(options.file === undefined ? {} : { file: options.file }),
    env: terminal.env,
    flags: options.flags,
    cwd: terminal.cwd,
  };
  if (options.command.length > 0) {
    const loaded = loadConfiguration({ ...base, overlay: commandOverlay(options.command) });
    refuseOtherServers(loaded);
    return { loaded, demo: false };
  }
  const loaded = loadConfiguration(base);
  if (loaded.file !== undefined || loaded.settings.mcps.length > 0) return { loaded, demo: false };
  return { loaded: loadConfiguration({ ...base, overlay: demoOverlay() }), demo: true };
}

/** The program behind `--` is the only server; a configuration that names others would silently take its place. */
function refuseOtherServers(loaded: Loaded): void {
  const place = loaded.provenance.get('mcps[0].id');
  if (place === 'start-up') return;
  throw new Error(
    `${place ?? loaded.file} names servers under mcps, and -- names one too. Add the command there, or run this in a folder ` +
      'without that file.',
  );
}

function warn(loaded: Loaded, log: Log): void {
  for (const warning of loaded.warnings) log.warn(renderFault(warning));
  for (const { problem, remedy } of startDoubts(loaded)) log.warn(problem, remedy === undefined ? {} : { remedy });
}

/** The default depends on other settings, so what is in force is said at every start. */
function tellTrust({ settings }: Loaded, log: Log): void {
  const { value, why } = trustInForce(settings);
  const nobody = value === false || settings.server.forwarded_header === 'none';
  const written = Array.isArray(value) ? value.join(', ') : String(value);
  const trusted = /^[0-9]+$/.test(written) ? `${written} ${written === '1' ? 'hop' : 'hops'}` : written;
  log.info(
    nobody ? 'forwarding headers are believed from nobody' : `forwarding headers are believed from: ${trusted}`,
    {
      header: settings.server.forwarded_header,
      because: why,
    },
  );
}

/** A list that was not read, or is not the one that was meant, shows in its size. */
function tellLists(app: App, log: Log): void {
  const { mode, otherwise, lists } = app.perimeter();
  const except = otherwise.length === 0 ? {} : { otherwise: otherwise.join(', ') };
  log.info('lists of addresses in force', { lists: listsText(lists), mode, ...except });
}

/** Where tokens are configured the operator has them; otherwise the first run makes one. */
async function tokenNews(app: App, loaded: Loaded, terminal: Terminal): Promise<TokenNews | undefined> {
  const { auth, mcps } = loaded.settings;
  if (!auth.enabled) return undefined;
  // A server with `auth` of its own takes no other token.
  const ids = mcps.filter((server) => server.auth === undefined).map((server) => server.id);
  const configured = auth.methods.some((method) => method.tokens.length > 0) || ids.length === 0;
  if (configured && mcps.length > 0) return { kind: 'exists' };
  return firstRunToken(app.controlServices(), app.stateDir, ids, terminal.isTerminal);
}

/**
 * The descriptor a manager waits on. Looked at before anything is opened: a number left over in the environment must not
 * name the database or the record by the time it is written to.
 * @throws Error when it is no pipe or socket
 */
function readyPipe(terminal: Terminal): number | undefined {
  const text = terminal.env[READY_VARIABLE];
  if (text === undefined) return undefined;
  const fd = /^[0-9]{1,4}$/.test(text) ? Number(text) : -1;
  try {
    const kind = fstatSync(fd);
    if (kind.isFIFO() || kind.isSocket()) return fd;
  } catch {
    // Not open, or no number: said below.
  }
  throw new Error(`${READY_VARIABLE} = ${text} is no open pipe; unset it, or pass a pipe under that number`);
}

function announce(
  app: App,
  loaded: Loaded,
  news: TokenNews | undefined,
  demo: boolean,
  terminal: Terminal,
  readyPipe: number | undefined,
): void {
  const urls = new Map(app.urls().map(({ name, url }) => [name, url]));
  const opened = urls.get('main') ?? '';
  const adminUrl = urls.get('admin');
  const { settings } = loaded;
  const { socket, public_url } = settings.server;
  const url = socket === undefined ? opened : (public_url ?? 'http://localhost').replace(/\/$/, '');
  const servers = settings.mcps.map((server) => ({ id: server.id, what: server.description ?? server.transport }));
  const auditFile = settings.audit.enabled ? settings.audit.file : undefined;
  terminal.print(welcome({ url, socket, adminUrl, servers, stateDir: app.stateDir, auditFile, token: news, demo }));
  if (readyPipe === undefined) return;
  const ready = { url: opened, admin_url: adminUrl ?? null, pid: process.pid, state_dir: app.stateDir };
  writeSync(readyPipe, `${JSON.stringify(ready)}\n`);
  // Children would inherit it, and whoever waits for its end would wait for them.
  closeSync(readyPipe);
}

function untilStopped(app: App, options: ServeOptions, terminal: Terminal, log: Log): Promise<number> {
  return new Promise((resolve) => {
    let stopping = false;
    const stop = (signal: NodeJS.Signals): void => {
      // A second signal means now: the operator will not wait for the grace period.
      if (stopping) process.exit(130);
      stopping = true;
      log.info('stopping', { signal });
      void app.stop().then(() => resolve(0));
    };
    process.on('SIGTERM', stop);
    process.on('SIGINT', stop);
    process.on('SIGHUP', () => void reload(app, options, terminal, log));
    // Node opens a debugger port on SIGUSR1 unless somebody listens to it.
    process.on('SIGUSR1', () => log.warn('SIGUSR1 is not used'));
  });
}

async function reload(app: App, options: ServeOptions, terminal: Terminal, log: Log): Promise<void> {
  try {
    const { loaded } = load(options, terminal);
    for (const warning of loaded.warnings) log.warn(renderFault(warning));
    const fixed = await app.reload(loaded);
    tellTrust(loaded, log);
    tellLists(app, log);
    log.info('configuration reloaded');
    if (fixed.length > 0)
      log.warn('some settings that changed count only after a restart; until then the old values are in force', {
        needs_restart: fixed.join(', '),
      });
  } catch (error) {
    log.error('the configuration was not reloaded; the old one stays in force', {
      error: error instanceof Error ? error.message : String(error),
    });
  }
}
