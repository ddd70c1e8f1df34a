import type { Command } from 'commander';
import type { Settings } from '../config/settings.ts';
import { Cidr, parseCidr } from '../net/cidr.ts';
import type { ConfiguredContext } from './context.ts';
import { type FirewallList, type FirewallPolicy, nginxList, ufwCommands } from './firewall-write.ts';
import { portOf } from './port-option.ts';
import { textOf } from './text-file.ts';

const HELP = `
The gateway-wide lists of the configuration, security.ip_whitelist and security.ip_blacklist, as a second layer in front of it.
Lists of single servers, and entries made while the gateway runs, stay with the gateway.

Examples:
  sallyport ip export --ufw > rules.sh && less rules.sh && sudo sh rules.sh
  sallyport ip export --nginx > /etc/nginx/snippets/sallyport-addresses.conf`;

interface Options extends Readonly<Record<string, unknown>> {
  readonly ufw?: boolean;
  readonly nginx?: boolean;
  readonly port?: string;
}

type Written = NonNullable<Settings['security']['ip_whitelist']>;

/** Adds `sallyport ip export`. */
export function ipExportCommand(ip: Command, context: ConfiguredContext): void {
  ip.command('export')
    .description('the configured address lists as rules for ufw or nginx, in an order that is safe')
    .option('--ufw', 'commands for ufw')
    .option('--nginx', 'lines for nginx')
    .option('--port <number>', 'the port to protect (default: server.port)')
    .option('--config <file>', 'the configuration file')
    .addHelpText('after', HELP)
    .action(({ ufw = false, nginx = false, port, config }: Options) => {
      if (ufw === nginx) throw new Error('give either --ufw or --nginx');
      const { settings } = context.configuration(config === undefined ? {} : { config });
      const policy = policyOf(settings.security, nginx);
      if (policy.allow === undefined && policy.deny.length === 0)
        throw new Error('there is nothing to export: neither security.ip_whitelist nor security.ip_blacklist is set');
      if (settings.security.mode === 'report')
        context.stderr.write('note: the gateway only reports (security.mode: report); these rules refuse.\n');
      context.stdout.write(nginx ? nginxList(policy) : ufwCommands(policy, portToProtect(port, settings)));
    });
}

/** @throws Error when no port is known: rules for port 0 protect nothing */
function portToProtect(written: string | undefined, { server }: Settings): number {
  const port = portOf(written) ?? (server.socket === undefined ? server.port : 0);
  if (port !== 0) return port;
  const why = server.socket === undefined ? 'server.port is 0, any free one' : 'the gateway listens on server.socket';
  throw new Error(`which port the rules are to protect is not known: ${why}. Give it with --port.`);
}

/** ufw lets programs on its own machine through by itself. */
function policyOf({ ip_whitelist, ip_blacklist, ip_localhost }: Settings['security'], nginx: boolean): FirewallPolicy {
  const local = nginx && ip_localhost === 'always' ? ['127.0.0.0/8', '::1'] : [];
  const allow = ip_whitelist === undefined ? undefined : [...listOf(local), ...listOf(ip_whitelist)];
  return { allow, deny: listOf(ip_blacklist ?? []) };
}

function listOf(written: Written): FirewallList[] {
  return written.flatMap((entry): FirewallList[] => {
    if (typeof entry === 'string') return [listed(entry, '')];
    if ('file' in entry) return fileOf(entry.file);
    if (entry.expires === undefined) return [listed(entry.cidr, entry.note ?? '')];
    if (entry.expires.getTime() <= Date.now()) return [];
    return [listed(entry.cidr, `${entry.note ?? ''} (until ${entry.expires.toISOString().slice(0, 16)}Z)`)];
  });
}

function fileOf(file: string): FirewallList[] {
  return textOf(file)
    .replace(/^\ufeff/, '')
    .split('\n')
    .flatMap((line, at) => {
      const [, text = '', note = ''] = /^([^#]*)#?(.*)$/s.exec(line) ?? [];
      return text.trim() === '' ? [] : [listed(text.trim(), note, `${file}:${at + 1}: `)];
    });
}

/** @throws Error with the place */
function listed(text: string, note: string, place = ''): FirewallList {
  const cidr = parseCidr(text);
  if (!(cidr instanceof Cidr)) throw new Error(`${place}"${text}" ${cidr.fault}. ${cidr.remedy}`);
  return { cidr: cidr.text, note };
}
