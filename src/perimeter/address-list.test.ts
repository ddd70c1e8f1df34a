import { describe, expect, it } from 'vitest';
import { type Cidr, parseCidr } from '../net/cidr.ts';
import type { IpAddress } from '../net/ip-address.ts';
import { parseAddress } from '../net/parse-address.ts';
import { AddressList, type ListedEntry } from './address-list.ts';

const at = (text: string) => parseAddress(text) as IpAddress;
const entry = (cidr: string, expiresAt?: number): ListedEntry => ({
  cidr: parseCidr(cidr) as Cidr,
  place: `list ${cidr}`,
  note: undefined,
  expiresAt,
});

describe('a list of addresses', () => {
  it.each([
    ['203.0.113.0', true],
    ['203.0.113.1', true],
    ['203.0.113.254', true],
    ['203.0.113.255', true],
    ['203.0.112.255', false],
    ['203.0.114.0', false],
    ['::ffff:203.0.113.9', true],
    ['::203.0.113.9', false],
  ])('that holds 203.0.113.0/24 finds %s: %s', (text, found) => {
    const list = new AddressList([entry('203.0.113.0/24')]);
    expect(list.find(at(text)) !== undefined).toBe(found);
  });

  it('holds no address of the other family, not even as /0', () => {
    expect(new AddressList([entry('::/0')]).find(at('203.0.113.9'))).toBeUndefined();
    expect(new AddressList([entry('0.0.0.0/0')]).find(at('2001:db8::1'))).toBeUndefined();
  });

  it('names the entry that decides', () => {
    const list = new AddressList([entry('10.0.0.0/8'), entry('10.1.0.0/16')]);
    expect(list.find(at('10.1.2.3'))?.place).toBe('list 10.1.0.0/16');
    expect(list.find(at('10.2.2.3'))?.place).toBe('list 10.0.0.0/8');
  });

  it('takes two spellings for one entry', () => {
    const list = new AddressList([entry('2001:DB8:0:0::1'), entry('2001:db8::0:1')]);
    expect(list.find(at('2001:0db8::0001'))?.place).toBe('list 2001:DB8:0:0::1');
  });

  it('drops each entry when its end has come, and keeps what it hid', () => {
    let now = 1_000;
    const list = new AddressList([entry('10.0.0.0/8', 3_000), entry('10.1.0.0/16', 2_000)], [], () => now);
    const place = () => list.find(at('10.1.2.3'))?.place;
    expect([place(), list.until]).toEqual(['list 10.1.0.0/16', 2_000]);
    now = 1_999;
    expect(place()).toBe('list 10.1.0.0/16');
    now = 2_000;
    expect([place(), list.until]).toEqual(['list 10.0.0.0/8', 3_000]);
    now = 3_000;
    expect([place(), list.until]).toEqual([undefined, Number.POSITIVE_INFINITY]);
  });

  it('counts an entry that ended before the start for nothing', () => {
    expect(new AddressList([entry('10.0.0.0/8', 500)], [], () => 1_000).find(at('10.0.0.1'))).toBeUndefined();
  });

  it('without entries holds nobody', () => {
    expect(new AddressList([]).find(at('127.0.0.1'))).toBeUndefined();
  });
});
