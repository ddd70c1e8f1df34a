import {
  type FirewallFormat,
  type FirewallRules,
  type LineReader,
  type LineReading,
  readRules,
} from './firewall-read.ts';

/** Reads the rules of a firewall. `plain` is one address or network a line, all of them allowed. */
export function readFirewall(text: string, format: FirewallFormat, port: number | undefined): FirewallRules {
  return readRules(text, READERS[format](text), port);
}

/** What the text looks like. */
export function formatOf(text: string): FirewallFormat {
  if (/^### tuple ###|^Status: |^To\s+Action\s+From\s*$/m.test(text)) return 'ufw';
  if (/^-A \S|^:[A-Z]\S* |^\*(filter|nat|mangle|raw)\s*$/m.test(text)) return 'iptables';
  return /^\s*(allow|deny)\s+\S+\s*;/m.test(text) ? 'nginx' : 'plain';
}

const READERS: Readonly<Record<FirewallFormat, (text: string) => LineReader>> = {
  // A rules file says each rule twice: in a comment as it was given, and as iptables takes it.
  ufw: (text) => (text.includes('### tuple ###') ? ufwTuple : ufwStatus),
  iptables: () => iptablesLine,
  nginx: () => nginxLine,
  plain: () => plainLine,
};

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

const ports = (written: string): readonly string[] => (written === 'any' ? [] : written.split(','));

function rule(verb: string, source: string, note: string, protocol: string, at: readonly string[]): LineReading {
  if (verb === 'limit') return { left: 'limits a rate, which is no matter of addresses' };
  if (verb !== 'allow' && verb !== 'deny' && verb !== 'reject') return { unread: `does "${verb}"` };
  if (protocol !== 'any' && protocol !== 'tcp') return { left: `is for ${protocol}` };
  return { action: verb === 'allow' ? 'allow' : 'deny', source, note, ports: at };
}

const TARGETS: Readonly<Record<string, string>> = { ACCEPT: 'allow', DROP: 'deny', REJECT: 'deny' };
/** Options that change nothing about who is meant: the value is skipped. */
const IRRELEVANT = new Set(['-m', '--reject-with', '-d']);

function iptablesLine(line: string): LineReading {
  if (/^(#|\*|:|COMMIT$|$)/.test(line)) return undefined;
  const words: readonly string[] = line.match(/"(?:\\.|[^"\\])*"|\S+/g) ?? [];
  if (words[0] !== '-A') return { unread: 'is no rule `iptables-save` would write' };
  if (words[1] !== 'INPUT') return { left: `is in the chain ${words[1]}, not in INPUT` };
  const said: Record<string, string> = {};
  for (let i = 2; i < words.length; i += 2) {
    const [option = '', value = ''] = [words[i], words[i + 1]];
    if (IRRELEVANT.has(option)) continue;
    if (!/^(-s|-p|-j|--dports?|--comment)$/.test(option)) {
      const why = `has "${option}", which is more than an address`;
      return words.includes('-s') ? { unread: why } : { left: why };
    }
    said[option] = value.replace(/^"(.*)"$/, '$1').replace(/\\(.)/g, '$1');
  }
  const verb = TARGETS[said['-j'] ?? ''];
  if (verb === undefined) return { unread: `goes to ${said['-j'] ?? 'nowhere'}` };
  const protocol = (said['-p'] ?? 'any').replace(/^all$/, 'any');
  const at = ports(said['--dport'] ?? said['--dports'] ?? 'any');
  return rule(verb, said['-s'] ?? 'any', said['--comment'] ?? '', protocol, at);
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
