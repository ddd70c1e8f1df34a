import { describe, expect, it } from 'vitest';
import { principalOf } from '../../test/support/judged.ts';
import { recordingLog } from '../../test/support/lane-calls.ts';
import type { PrincipalId } from '../identity/principal.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import { ProblemError } from '../problem/problem.ts';
import type { LeaseRequest } from '../upstream/lane.ts';
import { DirectoryShelf } from './directory-shelf.ts';
import type { ServerPlan } from './services.ts';

const leased: LeaseRequest[] = [];
const plan = (id: string): ServerPlan => ({
  id,
  description: undefined,
  transport: 'stdio',
  callTimeoutMs: 1_000,
  extensions: new Set(),
  keepsPrivate: false,
  toolRules: 'null',
  upstream: {
    id,
    lease: (request) => {
      leased.push(request);
      return Promise.reject(new ProblemError(PROBLEMS.UPSTREAM_BUSY));
    },
    health: () => ({ state: 'idle', children: 0, lastError: undefined }),
    close: () => Promise.resolve(),
  },
});
const crm = plan('crm');
const named = (name: string) => principalOf({ id: `token:${name}` as PrincipalId });

describe('what is known of tools', () => {
  it('is kept for a principal, and never shown to another', () => {
    const shelf = new DirectoryShelf(recordingLog([]));
    const mine = shelf.of(named('ada'), crm, '2026-07-28');
    expect(shelf.of(named('ada'), crm, '2026-07-28')).toBe(mine);
    expect(shelf.of(named('bob'), crm, '2026-07-28')).not.toBe(mine);
    expect(shelf.of(named('ada'), plan('search'), '2026-07-28')).not.toBe(mine);
  });

  it('is asked for on a lane of that principal', async () => {
    await expect(new DirectoryShelf(recordingLog([])).of(named('ada'), crm, '2026-07-28').lists('x')).rejects.toThrow();
    expect(leased).toEqual([{ principal: 'token:ada', era: 'modern', revision: '2026-07-28', session: undefined }]);
  });

  it('is forgotten when a reload changes the servers', () => {
    const shelf = new DirectoryShelf(recordingLog([]));
    const before = shelf.of(named('ada'), crm, '2026-07-28');
    shelf.clear();
    expect(shelf.of(named('ada'), crm, '2026-07-28')).not.toBe(before);
  });

  it('is bounded: who has not called for longest is forgotten first', () => {
    const shelf = new DirectoryShelf(recordingLog([]));
    const ada = shelf.of(named('ada'), crm, '2026-07-28');
    const bob = shelf.of(named('bob'), crm, '2026-07-28');
    for (let i = 0; i < 998; i++) shelf.of(named(`n${i}`), crm, '2026-07-28');
    expect(shelf.of(named('ada'), crm, '2026-07-28')).toBe(ada);
    shelf.of(named('one more'), crm, '2026-07-28');
    expect(shelf.of(named('ada'), crm, '2026-07-28')).toBe(ada);
    expect(shelf.of(named('bob'), crm, '2026-07-28')).not.toBe(bob);
  });
});
