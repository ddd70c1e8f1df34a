import { describe, expect, it } from 'vitest';
import { exchangeOf } from '../../test/support/judged.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import { clientAddress } from './client-address.ts';

const step = clientAddress();

describe('the address of a client', () => {
  it('is that of the socket, whatever a header says', () => {
    const x = exchangeOf({
      peer: '203.0.113.7',
      headers: ['X-Forwarded-For', '127.0.0.1', 'X-Real-IP', '127.0.0.1', 'Forwarded', 'for=127.0.0.1'],
    });
    expect(step.evaluate(x)).toEqual({ pass: 'client-address.peer' });
    expect(x.clientAddress).toBe('203.0.113.7');
  });

  it('is the IPv4 address of an IPv4 caller on a dual-stack socket', () => {
    const x = exchangeOf({ peer: '::ffff:203.0.113.7' });
    expect(step.evaluate(x)).toHaveProperty('pass');
    expect([x.peer, x.clientAddress]).toEqual(['203.0.113.7', '203.0.113.7']);
  });

  it('must be known: a socket without one is refused', () => {
    const x = exchangeOf({ peer: '' });
    expect(step.evaluate(x)).toMatchObject({ deny: PROBLEMS.FORBIDDEN, reason: 'client-address.unknown' });
  });
});
