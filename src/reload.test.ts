import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { load } from '../test/fixtures/config/folder.ts';
import { NO_LIVE_ENTRIES } from '../test/support/live-entries.ts';
import type { PrincipalId } from './identity/principal.ts';
import { parseAddress } from './net/parse-address.ts';
import { compileNetworkRules } from './perimeter/compile-rules.ts';
import { EndedEntries } from './reload.ts';
import { type EndReason, type Ticket, TicketOffice } from './session/tickets.ts';

const START = Date.parse('2026-01-01T00:00:00Z');
const until = (seconds: number) => new Date(START + seconds * 1_000).toISOString();

async function rulesFor(entries: string) {
  const { settings } = load(`security: { ip_whitelist: [${entries}] }\n`);
  return { network: (await compileNetworkRules(settings, NO_LIVE_ENTRIES)).data };
}
const entry = (cidr: string, seconds: number) => `{ cidr: ${cidr}, expires: ${until(seconds)} }`;

describe('a stream that an entry of a list let in', () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: START, toFake: ['Date'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** Open streams of two addresses, and which of them were ended. */
  function streams() {
    const tickets = new TicketOffice();
    const ended: [string, EndReason][] = [];
    for (const address of ['203.0.113.1', '203.0.113.2']) {
      const ticket: Ticket = {
        previous: undefined,
        next: undefined,
        kind: 'stream',
        holder: 'ada' as PrincipalId,
        client: parseAddress(address),
        isLocalhost: false,
        connection: undefined,
        server: 'crm',
        generation: 1,
        expiresAt: undefined,
        end: (reason) => void ended.push([address, reason]),
      };
      tickets.add(ticket);
    }
    return { tickets, ended };
  }
  const SECOND: [string, EndReason] = ['203.0.113.2', 'address-denied'];

  it('ends at the first look, when the entry has ended before it', async () => {
    const { tickets, ended } = streams();
    const rules = await rulesFor(`203.0.113.1, ${entry('203.0.113.2', 1)}`);
    vi.setSystemTime(START + 1_000);
    new EndedEntries().look({ tickets }, rules);
    expect(ended).toEqual([SECOND]);
  });

  it('ends at a later look, and not before the entry does', async () => {
    const { tickets, ended } = streams();
    const rules = await rulesFor(`203.0.113.1, ${entry('203.0.113.2', 20)}`);
    const entries = new EndedEntries();
    for (const seconds of [5, 19]) {
      vi.setSystemTime(START + seconds * 1_000);
      entries.look({ tickets }, rules);
    }
    expect(ended).toEqual([]);
    vi.setSystemTime(START + 20_000);
    entries.look({ tickets }, rules);
    expect(ended).toEqual([SECOND]);
  });

  it('ends when the entry came with a reload and ended before the next look', async () => {
    const { tickets, ended } = streams();
    const entries = new EndedEntries();
    entries.look({ tickets }, await rulesFor('203.0.113.0/24'));
    const reloaded = await rulesFor(`203.0.113.1, ${entry('203.0.113.2', 1)}`);
    vi.setSystemTime(START + 15_000);
    entries.look({ tickets }, reloaded);
    expect(ended).toEqual([SECOND]);
  });
});
