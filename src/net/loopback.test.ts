import { describe, expect, it } from 'vitest';
import { isLoopback, reachableHost } from './loopback.ts';

describe('loopback', () => {
  it.each([
    '127.0.0.1',
    '127.0.0.53',
    '127.255.255.254',
    '::1',
    '[::1]',
    '::1%lo',
    'localhost',
    'LOCALHOST',
    'app.localhost',
    '::ffff:127.0.0.1',
    '[::ffff:7f00:1]',
  ])('%s is this machine', (host) => {
    expect(isLoopback(host)).toBe(true);
  });

  it.each([
    ['every address', '0.0.0.0'],
    ['every IPv6 address', '::'],
    ['a private network', '10.0.0.1'],
    ['the neighbour of 127/8', '128.0.0.1'],
    ['an IPv4 neighbour inside IPv6', '::ffff:128.0.0.1'],
    ['a name that begins like an address', '127.0.0.1.example.com'],
    ['a name that ends like one', 'notlocalhost'],
    ['a name under another domain', 'localhost.example.com'],
    ['an address parsers disagree about', '127.1'],
    ['an address with a part too large', '127.0.0.256'],
    ['octal', '0127.0.0.1'],
    ['another IPv6 address', '::2'],
    ['nothing', ''],
  ])('%s (%s) is not', (_, host) => {
    expect(isLoopback(host)).toBe(false);
  });
});

describe('the host by which this machine reaches a bind', () => {
  it.each([
    ['0.0.0.0', '127.0.0.1'],
    ['::', '[::1]'],
    ['::1', '[::1]'],
    ['2001:db8::1', '[2001:db8::1]'],
    ['192.0.2.1', '192.0.2.1'],
    ['localhost', 'localhost'],
  ])('of %s is %s', (bind, host) => expect(reachableHost(bind)).toBe(host));
});
