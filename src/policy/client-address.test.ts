import { describe, expect, it } from 'vitest';
import { exchangeOf, type RequestFacts } from '../../test/support/judged.ts';
import type { BelievedHeader } from '../net/forwarded-walk.ts';
import type { IpAddress } from '../net/ip-address.ts';
import { Trust } from '../net/trust.ts';
import { isTrustFault, parseTrust, type TrustValue } from '../net/trust-grammar.ts';
import { clientAddress } from './client-address.ts';

function judged(facts: RequestFacts, value: TrustValue = false, believed: BelievedHeader = 'x-forwarded-for') {
  const spec = parseTrust(value);
  if (isTrustFault(spec)) throw new Error(spec.fault);
  const doubts: string[] = [];
  const step = clientAddress({ trust: new Trust(spec), believed }, { doubts: { doubt: (kind) => doubts.push(kind) } });
  const x = exchangeOf(facts);
  const verdict = step.evaluate(x);
  return { x, verdict, doubts };
}

const FORGED = ['X-Forwarded-For', '127.0.0.1', 'X-Real-IP', '127.0.0.1', 'Forwarded', 'for=127.0.0.1'];

describe('the address of a client', () => {
  it('is that of the socket, whatever a header says, while no proxy is trusted', () => {
    const { x, verdict, doubts } = judged({ peer: '203.0.113.7', headers: [...FORGED, 'X-Forwarded-Proto', 'https'] });
    expect(verdict).toEqual({ pass: 'client-address.peer' });
    expect([x.clientAddress, x.client?.text, x.forwardedFor]).toEqual(['203.0.113.7', '203.0.113.7', []]);
    expect([x.isLocalhost, x.isSecure]).toEqual([false, false]);
    expect(doubts).toEqual(['forwarded.untrusted-peer']);
  });

  it('is the IPv4 address of an IPv4 caller on a dual-stack socket', () => {
    const { x, verdict } = judged({ peer: '::ffff:203.0.113.7' });
    expect(verdict).toHaveProperty('pass');
    expect([x.peer, x.clientAddress]).toEqual(['203.0.113.7', '203.0.113.7']);
  });

  it('is what a trusted proxy says, also one that comes to a dual-stack socket', () => {
    const headers = [
      'X-Forwarded-For',
      '1.1.1.1',
      'x-forwarded-for',
      '198.51.100.7, 10.9.0.2',
      'X-Forwarded-Proto',
      'https',
    ];
    const { x, verdict, doubts } = judged({ peer: '::ffff:10.9.0.1', headers }, '10.9.0.0/16');
    expect(verdict).toEqual({ pass: 'client-address.forwarded' });
    expect([x.peer, x.clientAddress, x.isSecure]).toEqual(['10.9.0.1', '198.51.100.7', true]);
    expect(x.forwardedFor).toEqual(['198.51.100.7', '10.9.0.2']);
    expect(doubts).toEqual([]);
  });

  it('may be unknown: what becomes of such a request is not decided here', () => {
    const { x, verdict } = judged({ peer: '' });
    expect(verdict).toEqual({ pass: 'client-address.unknown' });
    expect([x.client, x.clientAddress, x.isLocalhost]).toEqual([undefined, '', false]);
  });

  it('is unknown when a trusted proxy hands over none; the proxy is named in the record', () => {
    const { x, verdict, doubts } = judged({ peer: '127.0.0.1', headers: ['X-Forwarded-For', '127.1'] }, 'loopback');
    expect(verdict).toEqual({ pass: 'client-address.unknown' });
    expect([x.client, x.clientAddress, x.isLocalhost]).toEqual([undefined, '127.0.0.1', false]);
    expect(doubts).toEqual(['forwarded.unparsable']);
  });
});

describe('an address', () => {
  const chain = ['X-Forwarded-For', '198.51.100.7, 203.0.113.9'];
  const cases: [string, RequestFacts, TrustValue, boolean][] = [
    ['of a caller who comes straight here', { peer: '203.0.113.9' }, 'loopback', true],
    ['of a caller who forges a chain', { peer: '203.0.113.9', headers: chain }, 'loopback', true],
    ['that a trusted proxy gives', { peer: '127.0.0.1', headers: chain }, 'loopback', true],
    ['of a trusted proxy that speaks for nobody', { peer: '127.0.0.1' }, 'loopback', false],
    [
      'of a proxy at the far end of a chain',
      { peer: '127.0.0.1', headers: chain },
      ['loopback', '198.51.100.0/24', '203.0.113.9'],
      false,
    ],
    ['anybody may claim', { peer: '203.0.113.9', headers: chain }, true, false],
    ['of whoever may be a proxy', { peer: '203.0.113.9' }, true, false],
    ['behind fewer proxies than there should be', { peer: '127.0.0.1', headers: chain }, 3, false],
    // Whoever gets around the proxies sends as many hops as he likes.
    ['behind as many proxies as there should be', { peer: '127.0.0.1', headers: chain }, 2, false],
    [
      'of the proxy that handed over junk',
      { peer: '127.0.0.1', headers: ['X-Forwarded-For', '203.0.113.9, junk'] },
      'loopback',
      false,
    ],
  ];

  it.each(cases)('%s is held against it, or not, as it should be', (_, facts, value, own) => {
    const { x } = judged(facts, value);
    expect(x.proof.isItsOwn(x.client as IpAddress)).toBe(own);
  });
});

describe('a request of this machine', () => {
  it.each(['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1'])('comes from %s and speaks for nobody else', (peer) => {
    expect(judged({ peer }).x.isLocalhost).toBe(true);
    expect(judged({ peer }, 'loopback').x.isLocalhost).toBe(true);
  });

  it('does not come from elsewhere', () => {
    expect(judged({ peer: '10.0.0.1' }, true).x.isLocalhost).toBe(false);
  });

  it.each([
    'X-Forwarded-For',
    'X-Real-IP',
    'Forwarded',
    'CF-Connecting-IP',
    'True-Client-IP',
    'X-Client-IP',
    'X-Forwarded-Host',
    'X-Forwarded-Proto',
    'x-forwarded-anything',
    'Via',
  ])('has no %s header', (name) => {
    for (const value of ['127.0.0.1', '::1', '', 'for=127.0.0.1']) {
      for (const trust of [false, 'loopback', true]) {
        expect(judged({ peer: '127.0.0.1', headers: [name, value] }, trust).x.isLocalhost).toBe(false);
      }
    }
  });

  it('has no PROXY header before it', () => {
    const x = exchangeOf({ peer: '127.0.0.1' });
    x.connection.isAnnounced = true;
    const step = clientAddress(
      { trust: new Trust({ mode: 'none' }), believed: 'x-forwarded-for' },
      { doubts: { doubt: () => {} } },
    );
    expect(step.evaluate(x)).toHaveProperty('pass');
    expect([x.clientAddress, x.isLocalhost]).toEqual(['127.0.0.1', false]);
  });
});

describe('a header that names nobody', () => {
  it('raises no doubt about the peer that sends it', () => {
    expect(judged({ peer: '203.0.113.7', headers: ['Via', '1.1 proxy'] }).doubts).toEqual([]);
    for (const name of ['True-Client-IP', 'X-Forwarded-Host', 'Forwarded']) {
      const { doubts } = judged({ peer: '203.0.113.7', headers: [name, 'a'] });
      expect(doubts, name).toEqual(['forwarded.untrusted-peer']);
    }
  });
});

describe('an X-Real-IP beside the chain', () => {
  const chain = ['X-Forwarded-For', '1.1.1.1, 198.51.100.7'];
  it.each([
    [['198.51.100.7'], []],
    [['::ffff:198.51.100.7'], []],
    [['1.1.1.1'], ['forwarded.contradiction']],
    [['junk'], ['forwarded.contradiction']],
    [['198.51.100.7', '198.51.100.7'], ['forwarded.contradiction']],
  ])('of %j raises %j', (values, expected) => {
    const headers = [...chain, ...values.flatMap((value) => ['X-Real-IP', value])];
    expect(judged({ peer: '127.0.0.1', headers }, 'loopback').doubts).toEqual(expected);
  });
});
