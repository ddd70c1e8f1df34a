import type { Command } from 'commander';
import { callGateway } from '../control/client.ts';
import type { GatewayStatus, ServerStatus } from '../control/command.ts';
import { listsText } from '../perimeter/summary.ts';
import { inspectStateFolder } from '../storage/state-folder.ts';
import type { CliContext } from './context.ts';
import { addTargetOptions, attempt } from './gateway-or-store.ts';
import { table } from './table.ts';

/** The LSB's code for "program is not running". */
const NOT_RUNNING = 3;

const HELP = `
Ends with 0 when a gateway is running on the state folder, with 3 when none is, with 1 when that cannot be told.

Examples:
    sallyport status
    sallyport status --json | jq '.servers[] | select(.state != "up")'`;

/** Adds `sallyport status`. */
export function statusCommand(program: Command, context: CliContext): void {
  const status = program
    .command('status')
    .description('say whether a gateway is running, and how it is')
    .option('--json', 'write JSON')
    .addHelpText('after', HELP);
  addTargetOptions(status).action((options: { json?: boolean }, command: Command) =>
    attempt(context, async () => {
      const stateDir = context.stateDir(command.optsWithGlobals());
      const answer = inspectStateFolder(stateDir) ? await callGateway(stateDir, 'status', {}) : 'not-running';
      const running = answer !== 'not-running';
      if (options.json) {
        const report = running ? { running, ...answer } : { running, state_dir: stateDir };
        context.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
      } else {
        context.stdout.write(running ? report(answer) : `not running (state folder ${stateDir})\n`);
      }
      context.exitCode(running ? 0 : NOT_RUNNING);
    }),
  );
}

function report(status: GatewayStatus): string {
  const { pid, version, started_at, audit } = status;
  const facts = [
    ['running', `pid ${pid}, version ${version}, up ${elapsed(Date.now() - Date.parse(started_at))}`],
    ['state', status.state_dir],
    ['config', status.config_file ?? 'none'],
    ...status.listeners.map(({ name, url }) => [name, url]),
    ...perimeterFacts(status),
    ['streams', String(status.open_streams)],
    ['sessions', String(status.sessions)],
    [
      'audit',
      !audit.enabled ? 'off' : audit.healthy ? 'healthy' : 'FAILING: calls are refused until it can be written',
    ],
  ];
  const servers = status.servers.map((server) => [
    server.id,
    server.transport,
    server.state,
    children(server),
    lastError(server),
  ]);
  const width = Math.max(...facts.map(([name]) => name!.length));
  const lines = facts.map(([name, value]) => `${name!.padEnd(width)}  ${value}\n`).join('');
  return servers.length === 0
    ? lines
    : `${lines}\n${table(['SERVER', 'TRANSPORT', 'STATE', 'OPEN', 'LAST ERROR'], servers)}`;
}

function perimeterFacts({ perimeter }: GatewayStatus): string[][] {
  const { mode, otherwise, lists, trust_proxy, forwarded_header } = perimeter;
  const isReport = mode === 'report';
  const except =
    otherwise.length === 0 ? '' : `, but ${isReport ? 'enforced' : 'only reported'} for ${otherwise.join(', ')}`;
  const words = isReport ? 'REPORT: nobody is refused for an address, an origin or a host (sallyport ip report)' : mode;
  return [
    ['lists', listsText(lists)],
    ['mode', `${words}${except}`],
    ['trusts', `${trusted(trust_proxy.value)} (${trust_proxy.why}; server.forwarded_header ${forwarded_header})`],
  ];
}

function trusted(value: GatewayStatus['perimeter']['trust_proxy']['value']): string {
  // The environment and the command line have text for what a file has a number or a boolean for.
  const text = String(value).trim().toLowerCase();
  if (/^[0-9]+$/.test(text)) return text === '0' ? 'nobody' : `${text} ${text === '1' ? 'hop' : 'hops'}`;
  if (text === 'true') return 'everybody';
  if (text === 'false') return 'nobody';
  return Array.isArray(value) ? value.join(', ') : String(value);
}

function children({ transport, children: count }: ServerStatus): string {
  const noun = transport === 'stdio' ? ['child', 'children'] : ['connection', 'connections'];
  return `${count} ${noun[count === 1 ? 0 : 1]}`;
}

/** Text that began in a server's own output: nothing in it may steer the terminal. */
function lastError({ last_error }: ServerStatus): string {
  return (last_error ?? '').replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, '?').slice(0, 120);
}

/** `3 d 4 h`, `12 min`, `8 s`: the two largest units that count. */
function elapsed(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [days, hours, minutes] = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3600) % 24,
    Math.floor(seconds / 60) % 60,
  ];
  if (days > 0) return `${days} d ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min` : `${seconds} s`;
}
