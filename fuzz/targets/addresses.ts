import { Cidr, parseCidr } from '../../src/net/cidr.ts';
import { cidrSetOf } from '../../src/net/cidr-set.ts';
import { parseForwardedNode } from '../../src/net/forwarded-node.ts';
import { readNetworkText } from '../../src/net/network-text.ts';
import { parseAddress } from '../../src/net/parse-address.ts';
import { atOnce } from '../../src/net/slices.ts';
import type { Random } from '../random.ts';
import { must, mustEqual, type Target } from '../target.ts';

/** An address has one spelling, which reads as itself, with or without what a proxy puts around it. */
function checkAddress(text: string): void {
  const address = parseAddress(text);
  const node = parseForwardedNode(text);
  if (address === undefined) return;
  mustEqual(node?.text, address.text, 'a proxy that names the address alone');
  const again = parseAddress(address.text);
  must(again?.equals(address) === true && again.text === address.text, `${address.text} does not read as itself`);
  const bracketed = address.family === 4 ? `${address.text}:65535` : `[${address.text}]:0`;
  mustEqual(parseForwardedNode(bracketed)?.text, address.text, 'the same with a port');
  must(parseAddress(bracketed) === undefined, `${bracketed} is an address`);
}

/** A network has one spelling, holds its ends, and one that is none comes with words. */
function checkNetwork(text: string): void {
  const cidr = parseCidr(text);
  if (!(cidr instanceof Cidr)) return must(cidr.fault !== '' && cidr.remedy !== '', 'a fault without words');
  const again = parseCidr(cidr.text);
  must(again instanceof Cidr && again.text === cidr.text && again.prefix === cidr.prefix, `${cidr.text} is not itself`);
  must(cidr.contains(cidr.first) && cidr.contains(cidr.last), `${cidr.text} does not hold its ends`);
  must(cidr.first.family === cidr.family && cidr.last.family === cidr.family, `${cidr.text} is of two families`);
}

/** A list file says for every line a network, a fault or nothing, and its set holds what its lines hold. */
function checkList(bytes: Buffer): void {
  const list = atOnce(readNetworkText(bytes));
  const set = atOnce(cidrSetOf(list.columns));
  const lines = bytes
    .toString('utf8')
    .replace(/^\ufeff/, '')
    .split('\n');
  const said = lines.map((line) => line.replace(/#.*$/s, '').trim());
  const networks = said.flatMap((text, at) => {
    const cidr = parseCidr(text);
    return cidr instanceof Cidr ? [{ cidr, line: at + 1 }] : [];
  });
  mustEqual(list.columns.length, networks.length, 'networks of a list');
  mustEqual(list.faultCount, said.filter((text) => text !== '').length - networks.length, 'faults of a list');
  for (const [index, { cidr, line }] of networks.entries()) {
    mustEqual([list.lines.lineOf(index), list.lines.prefixOf(index)], [line, cidr.prefix], 'the line of an entry');
    for (const address of [cidr.first, cidr.last]) {
      const found = networks[set.find(address)]?.cidr;
      must(found?.contains(address) === true, `${address.text} is not in the set`);
      must((found as Cidr).prefix >= cidr.prefix, `${address.text} has a narrower entry than the set says`);
    }
  }
}

export const addresses: Target = {
  name: 'addresses',
  weight: 10,
  maxBytes: 512,
  dictionary: [
    '::',
    '::ffff:',
    ':',
    '.',
    '/',
    '/0',
    '/24',
    '/96',
    '/128',
    '%eth0',
    '[',
    ']:80',
    '255',
    '0',
    '# ',
    '\n',
    '\r\n',
  ],
  generate(random: Random): Buffer {
    const ipv4 = (): string =>
      Array.from({ length: 4 }, () => random.pick([0, 1, 127, 255, random.below(256)])).join('.');
    const groups = (count: number): string =>
      Array.from({ length: count }, () => random.pick(['0', 'ffff', 'DB8', random.below(65_536).toString(16)])).join(
        ':',
      );
    const ipv6 = (): string => {
      const left = random.below(8);
      return random.once(4) ? groups(8) : `${groups(left)}::${groups(random.below(8 - left))}`;
    };
    const one = (): string => (random.once(2) ? ipv4() : random.once(4) ? `::ffff:${ipv4()}` : ipv6());
    const entry = (): string => `${one()}${random.pick(['', '', `/${random.below(129)}`, ' # note', ':80'])}`;
    return Buffer.from(Array.from({ length: 1 + random.below(8) }, entry).join('\n'));
  },
  check(bytes) {
    for (const text of bytes.toString('latin1').split('\n', 50)) {
      checkAddress(text);
      checkNetwork(text);
    }
    checkList(bytes);
  },
};
