import { type Command, Option } from 'commander';
import { stringify } from 'yaml';
import type { CliContext } from './context.ts';
import { formatOf, readFirewall } from './firewall-formats.ts';
import { overtaken } from './firewall-order.ts';
import {
  FIREWALL_FORMATS,
  type FirewallEntry,
  type FirewallFormat,
  type FirewallRules,
  type LeftLine,
} from './firewall-read.ts';
import { portOf } from './port-option.ts';
import { shown } from './shown-text.ts';
import { textOf } from './text-file.ts';

const HELP = `
FILE is what one of these writes, or - for standard input:
  ufw status, ufw status numbered, /etc/ufw/user.rules, /etc/ufw/user6.rules
  iptables-save, ip6tables-save (the chain INPUT)
  sallyport ip export --ufw
  lines of nginx: allow ADDRESS; deny ADDRESS;
  plain text: one address or network a line, with # in front of a note; all of them are allowed

Standard output is YAML for the configuration; what was left out, and why, goes to standard error. Ends with 1 when a denial may be
missing: a line could not be read, or denies what no address list can say.

Examples:
  sudo ufw status | sallyport ip import - --port 3000
  sallyport ip import office.txt`;

/** Adds `sallyport ip import FILE`. */
export function ipImportCommand(ip: Command, context: CliContext): void {
  ip.command('import')
    .argument('<file>', 'the rules; - for standard input')
    .description('take over the rules of a firewall as address lists')
    .addOption(
      new Option('--format <format>', 'what wrote the file').choices(['auto', ...FIREWALL_FORMATS]).default('auto'),
    )
    .option('--port <number>', "the gateway's port: rules for it count, rules for others do not")
    .addHelpText('after', HELP)
    .action((file: string, options: { readonly format: FirewallFormat | 'auto'; readonly port?: string }) => {
      const text = textOf(file);
      const format = options.format === 'auto' ? formatOf(text) : options.format;
      report(readFirewall(text, format, portOf(options.port)), format, context);
    });
}

function report(rules: FirewallRules, format: FirewallFormat, { stdout, stderr, exitCode }: CliContext): void {
  const allow = listOf(rules.entries, 'allow');
  const deny = listOf(rules.entries, 'deny');
  const lines = (from: readonly LeftLine[]): string =>
    from.map(({ line, text, why }) => `  line ${line}: ${shown(text)}\n    ${shown(why)}\n`).join('');
  const careful = overtaken(rules.entries).map(
    ({ allow: won, deny: lost }) =>
      `Careful: ${won.cidr.text} was allowed before ${lost.cidr.text} was denied. Here a denial always wins.\n`,
  );
  if (rules.left.length > 0) stderr.write(`Left out:\n${lines(rules.left)}`);
  if (careful.length > 0) stderr.write(careful.join(''));
  if (rules.unread.length > 0) {
    stderr.write(`Not taken over, and missing below:\n${lines(rules.unread)}`);
    exitCode(1);
  }
  if (rules.closes && allow.length === 0) {
    stderr.write(
      'These rules keep out whoever they do not allow, and nobody they allow could be taken over: list them.\n',
    );
    exitCode(1);
  }
  stderr.write(`Read as ${format}: ${allow.length} allowed, ${deny.length} denied.\n`);
  if (allow.length + deny.length === 0) return;
  stdout.write(`security:\n${written('ip_whitelist', allow)}${written('ip_blacklist', deny)}`);
}

/** Lists of a million are written line by line: a tree of YAML nodes of them is slow, and takes a gigabyte. */
function written(
  setting: string,
  list: readonly (string | { readonly cidr: string; readonly note: string })[],
): string {
  if (list.length === 0) return '';
  const items = list.map((entry) =>
    typeof entry === 'string' && !/^:|:$/.test(entry)
      ? `    - ${entry}\n`
      : stringify([entry], { lineWidth: 0 }).replace(/^(?=.)/gm, '    '),
  );
  return `  ${setting}:\n${items.join('')}`;
}

function listOf(
  entries: readonly FirewallEntry[],
  action: 'allow' | 'deny',
): (string | { cidr: string; note: string })[] {
  const notes = new Map<string, string>();
  for (const { cidr, note, action: own } of entries) {
    if (own === action && (notes.get(cidr.text) ?? '') === '') notes.set(cidr.text, note.slice(0, 200));
  }
  return [...notes].map(([cidr, note]) => (note === '' ? cidr : { cidr, note }));
}
