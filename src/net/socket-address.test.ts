import { describe, expect, it } from 'vitest';
import { socketAddress } from './socket-address.ts';

describe('the address of a socket peer', () => {
  it.each([
    ['an IPv4 peer is itself', '203.0.113.7', '203.0.113.7'],
    ['an IPv4 peer of a dual-stack socket is the IPv4 address', '::ffff:203.0.113.7', '203.0.113.7'],
    ['the same in upper case', '::FFFF:203.0.113.7', '203.0.113.7'],
    ['the same in the spelling of URLs', '::ffff:cb00:7107', '203.0.113.7'],
    ['short groups of that spelling are read as numbers', '::ffff:a00:1', '10.0.0.1'],
    ['the highest address keeps its sign', '::ffff:ffff:ffff', '255.255.255.255'],
    ['an IPv6 peer is in lower case', '2001:DB8::A', '2001:db8::a'],
    ['a link-local peer loses its zone', 'fe80::1%eth0', 'fe80::1'],
    ['a mapped peer with a zone loses both', '::ffff:10.0.0.1%2', '10.0.0.1'],
    ['IPv6 that merely begins alike stays IPv6', '::ffff:0:10.0.0.1', '::ffff:0:a00:1'],
    ['the deprecated compatible form is no IPv4 address', '::10.0.0.1', '::a00:1'],
  ])('%s', (_, text, canonical) => {
    expect(socketAddress(text)?.text).toBe(canonical);
  });

  it('is none when the socket has none', () => {
    expect(socketAddress(undefined)).toBeUndefined();
    expect(socketAddress('')).toBeUndefined();
  });
});
