import { type LineReader, type LineReading, ports, rule } from './firewall-read.ts';

const TARGETS: Readonly<Record<string, string>> = { ACCEPT: 'allow', DROP: 'deny', REJECT: 'deny' };
/** Options that change nothing about who is meant. */
const IRRELEVANT = new Set(['-m', '--reject-with', '-d']);
const UNDERSTOOD = /^(-s|-p|-j|--dports?|--comment)$/;

/** Reads what `iptables-save` writes: the chain INPUT. Of chains it jumps to, what denies is missing, and said to be. */
export function iptablesReader(text: string): LineReader {
  const reached = chainsOf(text);
  return (line) => readLine(line, reached);
}

/** The chains a packet for this machine may pass. */
function chainsOf(text: string): ReadonlySet<string> {
  const jumps = [...text.matchAll(/^-A (\S+) .*-[jg] (\S+)/gm)];
  const reached = new Set(['INPUT', 'PREROUTING']);
  for (let before = 0; before < reached.size; ) {
    before = reached.size;
    for (const [, from = '', to = ''] of jumps) if (reached.has(from)) reached.add(to);
  }
  return reached;
}

function readLine(line: string, reached: ReadonlySet<string>): LineReading {
  if (/^:INPUT DROP/.test(line)) return { closes: true };
  if (/^(#|\*|:|COMMIT$|$)/.test(line)) return undefined;
  const words: readonly string[] = line.match(/"(?:\\.|[^"\\])*"|\S+/g) ?? [];
  const [append, chain = ''] = words;
  if (append !== '-A') return { unread: 'is no rule `iptables-save` would write' };
  const said: Record<string, string> = {};
  let beyond: string | undefined;
  let negated = false;
  for (let i = 2; i < words.length; i += 1) {
    const option = words[i] as string;
    if (option === '!') negated = true;
    if (!option.startsWith('-')) continue; // what an option of a module was given
    if (negated) beyond ??= '!';
    else if (UNDERSTOOD.test(option)) said[option] = unquoted(words[++i] ?? '');
    else if (!IRRELEVANT.has(option)) beyond ??= option;
    negated = false;
  }
  const verb = TARGETS[said['-j'] ?? ''];
  const protocol = (said['-p'] ?? 'any').replace(/^all$/, 'any');
  const at = ports(said['--dport'] ?? said['--dports'] ?? 'any');
  if (chain !== 'INPUT') {
    const why = `is in the chain ${chain}, not in INPUT`;
    return verb === 'deny' && reached.has(chain) && isTcp(protocol) ? { unread: why, ports: at } : { left: why };
  }
  if (beyond !== undefined) {
    const why = `has "${beyond}", which is more than an address`;
    const counts = verb === 'deny' || words.includes('-s');
    return counts && isTcp(protocol) ? { unread: why, ports: at } : { left: why };
  }
  if (verb === undefined) return { unread: `goes to ${said['-j'] ?? 'nowhere'}`, ports: at };
  return rule(verb, said['-s'] ?? 'any', said['--comment'] ?? '', protocol, at);
}

const unquoted = (word: string): string => word.replace(/^"(.*)"$/, '$1').replace(/\\(.)/g, '$1');

const isTcp = (protocol: string): boolean => protocol === 'any' || protocol === 'tcp';
