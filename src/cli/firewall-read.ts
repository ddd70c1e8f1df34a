import { Cidr, parseCidr } from '../net/cidr.ts';

export const FIREWALL_FORMATS = ['ufw', 'iptables', 'nginx', 'plain'] as const;
export type FirewallFormat = (typeof FIREWALL_FORMATS)[number];

export interface FirewallEntry {
  readonly action: 'allow' | 'deny';
  readonly cidr: Cidr;
  readonly note: string;
}

/** A line that became no entry, from 1, and why. */
export interface LeftLine {
  readonly line: number;
  readonly text: string;
  readonly why: string;
}

export interface FirewallRules {
  /** In the order of the text. */
  readonly entries: readonly FirewallEntry[];
  /** Lines of which something may be missing: nobody could read them, or they deny what an address list cannot say. */
  readonly unread: readonly LeftLine[];
  /** Lines that were read and have no place in an address list; leaving them out lets nobody in. */
  readonly left: readonly LeftLine[];
  /** Whoever the text does not allow is kept out by it. */
  readonly closes: boolean;
}

/** What one line says: an entry, why it is none, or undefined when it has nothing to say. */
export type LineReading =
  | {
      readonly action: 'allow' | 'deny';
      readonly source: string;
      readonly note: string;
      readonly ports?: readonly string[];
    }
  | { readonly unread: string; readonly ports?: readonly string[] }
  | { readonly left: string }
  | { readonly closes: true }
  | undefined;

export type LineReader = (line: string) => LineReading;

/** The ports of a rule, none when it is for all of them. */
export const ports = (written: string): readonly string[] => (written === 'any' ? [] : written.split(','));

/** What a line says that was taken apart, in the words of ufw. */
export function rule(verb: string, source: string, note: string, protocol: string, at: readonly string[]): LineReading {
  if (verb === 'limit') return { left: 'limits a rate, which is no matter of addresses' };
  if (verb !== 'allow' && verb !== 'deny' && verb !== 'reject') return { unread: `does "${verb}"` };
  if (protocol !== 'any' && protocol !== 'tcp') return { left: `is for ${protocol}` };
  return { action: verb === 'allow' ? 'allow' : 'deny', source, note, ports: at };
}

/** Sources that mean everybody. */
const EVERYBODY = /^(any|all|anywhere|anywhere \(v6\)|0\.0\.0\.0\/0|::\/0)$/i;

/**
 * Reads rules line by line. A rule for a port counts when it is the gateway's (`port`); one for another port says nothing of who
 * may come here. Without a port, rules that name one become no entries, each with its reason.
 *
 * @param prepended each line goes in front of those before it, so the last one is the first rule
 */
export function readRules(text: string, read: LineReader, port: number | undefined, prepended: boolean): FirewallRules {
  const entries: FirewallEntry[] = [];
  const unread: LeftLine[] = [];
  const left: LeftLine[] = [];
  /** Families of which everybody has been denied: firewalls take the first rule that fits, so later ones let nobody in. */
  const closed = new Set<4 | 6>();
  let closes = false;
  const lines = [
    ...text
      .replace(/^\ufeff/, '')
      .split(/\r?\n/)
      .entries(),
  ];
  if (prepended) lines.reverse();
  for (const [index, raw] of lines) {
    const at = { line: index + 1, text: raw.trim().slice(0, 120) };
    const reading = read(raw.trim());
    if (reading === undefined) continue;
    if ('closes' in reading) closes = true;
    else if ('left' in reading) left.push({ ...at, why: reading.left });
    else if ('unread' in reading) {
      const foreign = port === undefined ? undefined : otherPort(reading.ports, port);
      if (foreign === undefined) unread.push({ ...at, why: reading.unread });
      else left.push({ ...at, why: foreign });
    } else {
      const { action, source } = reading;
      const foreign = otherPort(reading.ports, port);
      const why = foreign ?? ofEverybody(source, action, closed);
      const cidr = why === undefined ? parseCidr(source) : undefined;
      if (foreign !== undefined && action === 'deny' && port === undefined) unread.push({ ...at, why: foreign });
      else if (cidr === undefined) left.push({ ...at, why: why as string });
      else if (!(cidr instanceof Cidr))
        unread.push({ ...at, why: `"${source.slice(0, 60)}" ${cidr.fault}. ${cidr.remedy}` });
      else if (action === 'allow' && closed.has(cidr.family)) left.push({ ...at, why: NEVER_REACHED });
      else entries.push({ action, cidr, note: reading.note.trim() });
    }
  }
  const byLine = (a: LeftLine, b: LeftLine): number => a.line - b.line;
  return { entries, unread: unread.sort(byLine), left: left.sort(byLine), closes: closes || closed.size > 0 };
}

function otherPort(ports: readonly string[] = [], port: number | undefined): string | undefined {
  if (ports.length === 0) return undefined;
  if (port === undefined) return `is for port ${ports.join(', ')}: give --port when that is the gateway's`;
  return ports.some((range) => holds(range, port)) ? undefined : `is for port ${ports.join(', ')}`;
}

/** `80` or `8000:8010`. */
function holds(range: string, port: number): boolean {
  const [first, last = first] = range.split(':');
  return Number(first) <= port && port <= Number(last);
}

function ofEverybody(source: string, action: 'allow' | 'deny', closed: Set<4 | 6>): string | undefined {
  if (!EVERYBODY.test(source)) return undefined;
  if (action === 'deny') {
    if (!/v6|::/.test(source)) closed.add(4);
    if (!/^anywhere$|^0\./i.test(source)) closed.add(6);
    return 'denies everybody else, as an allow list does by itself';
  }
  return 'allows everybody: an allow list with it would keep nobody out';
}

const NEVER_REACHED = 'comes behind a line that denies everybody, and so lets nobody in';
