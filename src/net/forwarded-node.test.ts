import { describe, expect, it } from 'vitest';
import { parseForwardedNode } from './forwarded-node.ts';

describe('the address of a forwarded hop', () => {
  it.each([
    ['198.51.100.7', '198.51.100.7'],
    ['198.51.100.7:4431', '198.51.100.7'],
    ['198.51.100.7:0', '198.51.100.7'],
    ['198.51.100.7:65535', '198.51.100.7'],
    ['2001:db8::7', '2001:db8::7'],
    ['[2001:db8::7]', '2001:db8::7'],
    ['[2001:DB8::7]:4431', '2001:db8::7'],
    ['2001:db8::7:4431', '2001:db8::7:4431'],
    ['::1', '::1'],
    ['::ffff:198.51.100.7', '198.51.100.7'],
    ['[::ffff:198.51.100.7]:99', '198.51.100.7'],
    ['::FFFF:c633:6407', '198.51.100.7'],
    ['0:0:0:0:0:ffff:198.51.100.7', '198.51.100.7'],
  ])('in %s is %s', (text, address) => {
    expect(parseForwardedNode(text)?.text).toBe(address);
  });

  it.each([
    ['a port too high', '198.51.100.7:99999'],
    ['an empty port', '198.51.100.7:'],
    ['a port with a sign', '198.51.100.7:+80'],
    ['a port of six digits', '198.51.100.7:000080'],
    ['a name for a port', '198.51.100.7:_port'],
    ['a port of IPv6 too high', '[2001:db8::7]:65536'],
    ['an empty port of IPv6', '[2001:db8::7]:'],
    ['something behind the bracket', '[2001:db8::7]4431'],
    ['a bracket left open', '[2001:db8::7'],
    ['a bracket that was never opened', '2001:db8::7]'],
    ['IPv4 in brackets', '[198.51.100.7]'],
    ['two brackets', '[[2001:db8::7]]'],
    ['a zone', 'fe80::1%eth0'],
    ['an encoded zone in brackets', '[fe80::1%25eth0]:80'],
    ['a short form', '127.1'],
    ['a short form with a port', '127.1:80'],
    ['octal', '0177.0.0.1'],
    ['octal that decimal readers take for another', '010.9.0.1'],
    ['hexadecimal', '0x7f.0.0.1'],
    ['an integer', '2130706433'],
    ['words behind it', '198.51.100.7 evil'],
    ['a space in front', ' 198.51.100.7'],
    ['a tab behind it', '198.51.100.7\t'],
    ['a no-break space behind it', '198.51.100.7\u00a0'],
    ['quotes', '"198.51.100.7"'],
    ['a CIDR', '198.51.100.0/24'],
    ['unknown', 'unknown'],
    ['obfuscated', '_hidden'],
    ['a name', 'example.com:80'],
    ['nothing', ''],
    ['a colon', ':'],
    ['a port alone', ':80'],
    ['empty brackets', '[]:80'],
  ])('%s (%j) is none', (_, text) => {
    expect(parseForwardedNode(text)).toBeUndefined();
  });
});
