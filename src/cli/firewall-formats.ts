import {
  type FirewallFormat,
  type FirewallRules,
  type LineReader,
  type LineReading,
  ports,
  readRules,
  rule,
} from './firewall-read.ts';
import { iptablesReader } from './iptables-read.ts';

/** Reads the rules of a firewall. `plain` is one address or network a line, all of them allowed. */
export function readFirewall(text: string, format: FirewallFormat, port: number | undefined): FirewallRules {
  return readRules(text, READERS[format](text), port, format === 'ufw' && UFW_COMMANDS.test(text));
}

/** What the text looks like. */
export function formatOf(text: string): FirewallFormat {
  if (/^### tuple ###|^Status: |^To\s+Action\s+From\s*$/m.test(text) || UFW_COMMANDS.test(text)) return 'ufw';
  if (/^-A \S|^:[A-Z]\S* |^\*(filter|nat|mangle|raw)\s*$/m.test(text)) return 'iptables';
  return /^\s*(allow|deny)\s+\S+\s*;/m.test(text) ? 'nginx' : 'plain';
}

const READERS: Readonly<Record<FirewallFormat, (text: string) => LineReader>> = {
  // A rules file says each rule twice: in a comment as it was given, and as iptables takes it.
  ufw: (text) => (text.includes('### tuple ###') ? ufwTuple : UFW_COMMANDS.test(text) ? ufwCommand : ufwStatus),
  iptables: iptablesReader,
  nginx: () => nginxLine,
  plain: () => plainLine,
};

/** What `sallyport ip export --ufw` writes. */
const UFW_COMMANDS = /^ufw prepend /m;
const UFW_COMMAND = /^ufw prepend (allow|deny) proto (tcp)(?: from (\S+))? to any port (\d+)(?: comment '([^']*)')?$/;

function ufwCommand(line: string): LineReading {
  if (/^$|^#|^set -eu$/.test(line)) return undefined;
  const command = UFW_COMMAND.exec(line);
  if (command === null) return { unread: 'is no command `sallyport ip export --ufw` would write' };
  const [, verb = '', protocol = '', source = 'any', port = '', note = ''] = command;
  return rule(verb, source, note, protocol, ports(port));
}

const UFW_TUPLE = /^### tuple ### (\S+) (\S+) (\S+) (\S+) (\S+) (\S+) (.+)$/;

function ufwTuple(line: string): LineReading {
  const tuple = UFW_TUPLE.exec(line);
  if (tuple === null) return line.startsWith('### tuple') ? { unread: 'is no rule ufw would write' } : undefined;
  const [, verb = '', protocol = '', port = '', , , source = '', rest = ''] = tuple;
  const comment = /comment=((?:[0-9a-f]{2})+)/.exec(rest)?.[1] ?? '';
  const direction =
    rest
      .replace(/\s*comment=\S*/, '')
      .split(' ')
      .at(-1) ?? '';
  if (!/^in(_|$)/.test(direction)) return { left: 'is not about what comes in' };
  return rule(verb.replace(/_log(-all)?$/, ''), source, Buffer.from(comment, 'hex').toString(), protocol, ports(port));
}

const UFW_ROW =
  /^(?:\[ *\d+\] *)?(\S.*?) {2,}(ALLOW|DENY|REJECT|LIMIT)(?: (IN|OUT|FWD))? {2,}(\S.*?)(?: {2,}# ?(.*))?$/;
const UFW_HEAD = /^$|^(Status|Logging|Default|New profiles):|^To {2,}Action|^-- /;

function ufwStatus(line: string): LineReading {
  if (/^Default: (deny|reject) \(incoming\)/.test(line)) return { closes: true };
  if (UFW_HEAD.test(line)) return undefined;
  const row = UFW_ROW.exec(line);
  if (row === null) return { unread: 'is no row of `ufw status`' };
  const [, target = '', verb = '', direction = 'IN', source = '', note = ''] = row;
  if (direction !== 'IN') return { left: 'is not about what comes in' };
  const where = target.replace(/ \(v6\)$/, '');
  const [, port = '', protocol = 'any'] = /^([\d:,]+)(?:\/(\w+))?$/.exec(where) ?? [];
  if (port === '' && where !== 'Anywhere') return { unread: `names "${where}", which may be any port` };
  return rule(verb.toLowerCase(), source, note, protocol, ports(port === '' ? 'any' : port));
}

function nginxLine(line: string): LineReading {
  if (line === '' || line.startsWith('#')) return undefined;
  const found = /^(allow|deny)\s+([^\s;]+)\s*;\s*(?:#\s*(.*))?$/.exec(line);
  if (found === null) return { unread: 'is not `allow ADDRESS;` or `deny ADDRESS;` alone' };
  const [, verb = '', source = '', note = ''] = found;
  return rule(verb, source, note, 'any', []);
}

function plainLine(line: string): LineReading {
  const hash = line.indexOf('#');
  const source = (hash === -1 ? line : line.slice(0, hash)).trim();
  return source === '' ? undefined : rule('allow', source, hash === -1 ? '' : line.slice(hash + 1), 'any', []);
}
