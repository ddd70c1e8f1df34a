import { describe, expect, it } from 'vitest';
import type { PrincipalId } from '../identity/principal.ts';
import { type SessionEntry, SessionTable } from './session-table.ts';
import { type EndReason, type Ticket, TicketOffice } from './tickets.ts';

const ada = 'token:ada' as PrincipalId;
const bob = 'token:bob' as PrincipalId;

class Stub implements SessionEntry {
  readonly id: string;
  readonly principal: PrincipalId;
  readonly server = 'crm';
  busy = false;
  ended: EndReason | undefined;

  constructor(id: string, principal: PrincipalId) {
    this.id = id;
    this.principal = principal;
  }

  end(reason: EndReason): void {
    this.ended = reason;
  }
}

function table(max = 10, perPrincipal = 2) {
  const clock = { now: 0 };
  const settings = { max, max_per_principal: perPrincipal, idle_timeout_ms: 1_000 };
  return { clock, sessions: new SessionTable<Stub>(settings, () => clock.now) };
}

describe('the session table', () => {
  it('gives a session to its own principal and nobody else', () => {
    const { sessions } = table();
    const session = new Stub('s1', ada);
    sessions.add(session);
    expect(sessions.find('s1', ada, 'crm')).toBe(session);
    expect(sessions.find('s1', bob, 'crm')).toBeUndefined();
    expect(sessions.find('s1', ada, 'other')).toBeUndefined();
    expect(sessions.find('s2', ada, 'crm')).toBeUndefined();
  });

  it('bounds sessions per principal and in total, and has room again when one ends', () => {
    const { sessions } = table(3, 2);
    sessions.add(new Stub('a1', ada));
    sessions.add(new Stub('a2', ada));
    expect(sessions.noRoomFor(ada)).toBe('sessions.max_per_principal');
    expect(sessions.noRoomFor(bob)).toBeUndefined();
    sessions.add(new Stub('b1', bob));
    expect(sessions.noRoomFor(bob)).toBe('sessions.max');
    sessions.remove('a1');
    expect(sessions.noRoomFor(ada)).toBeUndefined();
  });

  it('ends idle sessions, but not used or busy ones', () => {
    const { clock, sessions } = table();
    const [idle, used, busy] = [new Stub('1', ada), new Stub('2', ada), new Stub('3', bob)];
    busy.busy = true;
    for (const session of [idle, used, busy]) sessions.add(session);
    clock.now = 600;
    sessions.find('2', ada, 'crm');
    clock.now = 1_100;
    expect(sessions.sweep()).toBe(1);
    expect([idle.ended, used.ended, busy.ended]).toEqual(['session-idle', undefined, undefined]);
    expect(sessions.find('1', ada, 'crm')).toBeUndefined();
    expect(sessions.find('2', ada, 'crm')).toBe(used);
  });

  it('counts idle time from the end of what kept a session busy', () => {
    const { clock, sessions } = table();
    const session = new Stub('1', ada);
    sessions.add(session);
    session.busy = true;
    clock.now = 5_000;
    expect(sessions.sweep()).toBe(0);
    session.busy = false;
    clock.now = 5_900;
    expect(sessions.sweep()).toBe(0);
    clock.now = 6_000;
    expect(sessions.sweep()).toBe(1);
  });

  it('gives a session whose time is over to nobody, though nothing has looked for it yet', () => {
    const { clock, sessions } = table();
    const [idle, used] = [new Stub('1', ada), new Stub('2', ada)];
    sessions.add(idle);
    sessions.add(used);
    clock.now = 999;
    expect(sessions.find('2', ada, 'crm')).toBe(used);
    clock.now = 1_000;
    expect(sessions.find('1', bob, 'crm')).toBeUndefined();
    expect(idle.ended).toBeUndefined();
    expect(sessions.find('1', ada, 'crm')).toBeUndefined();
    expect(idle.ended).toBe('session-idle');
    expect(sessions.find('2', ada, 'crm')).toBe(used);
    expect(sessions.size).toBe(1);
  });

  it('finds a session that was busy for longer than the idle time', () => {
    const { clock, sessions } = table();
    const session = new Stub('1', ada);
    sessions.add(session);
    session.busy = true;
    clock.now = 5_000;
    expect(sessions.find('1', ada, 'crm')).toBe(session);
    clock.now = 9_000;
    session.busy = false;
    sessions.rests(session);
    clock.now = 9_999;
    expect(sessions.find('1', ada, 'crm')).toBe(session);
    clock.now = 10_999;
    expect(sessions.find('1', ada, 'crm')).toBeUndefined();
  });

  it('ends idle sessions that are in the way of a new one', () => {
    const { clock, sessions } = table(10, 1);
    const session = new Stub('1', ada);
    sessions.add(session);
    clock.now = 900;
    expect(sessions.noRoomFor(ada)).toBe('sessions.max_per_principal');
    clock.now = 1_000;
    // Looked through a moment ago: a flood of attempts must not make each one search.
    expect(sessions.noRoomFor(ada)).toBe('sessions.max_per_principal');
    clock.now = 1_900;
    expect(sessions.noRoomFor(ada)).toBeUndefined();
    expect(session.ended).toBe('session-idle');
  });
});

describe('the ticket office', () => {
  it('ends the tickets a filter names, each once, and keeps the others', () => {
    const office = new TicketOffice();
    const ends: string[] = [];
    const ticket = (principal: PrincipalId): Ticket => ({
      kind: 'call',
      holder: principal,
      client: undefined,
      isLocalhost: true,
      connection: undefined,
      server: 'crm',
      generation: 1,
      expiresAt: undefined,
      end: (reason) => ends.push(`${principal} ${reason}`),
    });
    office.add(ticket(ada));
    office.add(ticket(bob));
    expect(office.rejudge((t) => (t.holder === ada ? 'token-revoked' : undefined))).toBe(1);
    expect(office.rejudge((t) => (t.holder === ada ? 'token-revoked' : undefined))).toBe(0);
    expect(ends).toEqual(['token:ada token-revoked']);
    expect(office.size).toBe(1);
  });
});
