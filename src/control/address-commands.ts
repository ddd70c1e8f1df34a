import { z } from 'zod';
import { uuid } from '../crypto/random.ts';
import { Cidr, parseCidr } from '../net/cidr.ts';
import { parseAddress } from '../net/parse-address.ts';
import type { AddressRecord } from '../storage/storage.ts';
import { CommandError, type ControlServices, command } from './command.ts';
import { parseDuration } from './times.ts';

/** An entry as lists show it. Times are ISO 8601 in UTC. */
export interface EntrySummary {
  readonly id: string;
  readonly verdict: 'allow' | 'deny';
  readonly cidr: string;
  /** `ban`: made by the gateway itself. */
  readonly origin: 'command' | 'ban';
  readonly reason: string | null;
  /** Who made it; null for a ban. */
  readonly by: string | null;
  readonly created_at: string;
  /** null: it stays until it is removed. */
  readonly expires_at: string | null;
}

export interface ChangedEntry {
  readonly entry: EntrySummary;
  /** Whether it took the place of one for the same addresses. */
  readonly replaced: boolean;
  /** Calls and streams it ended. */
  readonly ended: number;
  readonly warnings: readonly string[];
}

/** Entries made by commands, at most. More belong in a list of the configuration, which holds a million. */
export const MAX_ENTRIES = 50_000;

const PRINTABLE = /^[^\p{Cc}\p{Cf}\u2028\u2029]*$/u;
const REFERENCE = /^[0-9a-f]{6,8}$|^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const LOOPBACK = [parseAddress('127.0.0.1')!, parseAddress('::1')!];

const input = z.strictObject({
  cidr: z.string(),
  for: z.string().optional(),
  reason: z.string().min(1).max(200).regex(PRINTABLE, 'no control characters').optional(),
  by: z.string().min(1).max(64).regex(PRINTABLE, 'no control characters').default('unknown'),
  /** It is meant although it reaches as far as it does. */
  confirmed: z.boolean().default(false),
});
type Input = z.output<typeof input>;

export const denyAddress = command(input, async (wish, services): Promise<ChangedEntry> => {
  const network = networkOf(wish.cidr);
  if (!wish.confirmed) refuseRash(network);
  const { record, replaces } = await draft('deny', network, wish, services);
  await recordsOf(services).put([record], replaces);
  const ended = services.perimeter?.endDenied() ?? 0;
  // A record that cannot be written must not keep out the denial.
  const warnings = await recorded(services, 'ip.deny', [record], wish);
  if (services.perimeter?.isEnforced() === false) {
    warnings.push('Only reported, for security.mode is report: what the address sends passes until it is enforce.');
  }
  return { entry: summarize(record), replaced: replaces.length > 0, ended, warnings };
});

export const allowAddress = command(input, async (wish, services): Promise<ChangedEntry> => {
  const network = networkOf(wish.cidr);
  if (!wish.confirmed && network.prefix === 0) {
    throw new CommandError('invalid', `"${network.text}" is every address: it would undo the allow list. ${CONFIRM}`);
  }
  const { record, replaces, others } = await draft('allow', network, wish, services);
  await services.record(eventOf('ip.allow', [record], wish));
  await recordsOf(services).put([record], replaces);
  const warnings = others
    .filter((other) => other.verdict === 'deny' && networkOf(other.cidr).contains(network.base))
    .map((other) => `The entry ${shortId(other)} denies ${other.cidr}, and a denial beats what is allowed.`);
  if (services.perimeter?.hasAllowList() === false) {
    warnings.push('No allow list is configured (security.ip_whitelist), so everybody is let in with or without this.');
  }
  return { entry: summarize(record), replaced: replaces.length > 0, ended: 0, warnings };
});

/** By id: that entry. By address or network: every entry for exactly it, bans too. */
export const removeAddress = command(
  z.strictObject({ entry: z.string().min(1), by: input.shape.by }),
  async (wish, services): Promise<{ removed: EntrySummary[]; ended: number; warnings: readonly string[] }> => {
    const doomed = find(wish.entry, await inForce(services));
    const ids = doomed.map(({ id }) => id);
    const lets = doomed.some(({ verdict }) => verdict === 'deny');
    // What lets callers in is recorded before it happens; what keeps them out must not wait for the record.
    if (lets) await services.record(eventOf('ip.remove', doomed, wish));
    await recordsOf(services).remove(ids);
    const ended = services.perimeter?.endDenied() ?? 0;
    const warnings = lets ? [] : await recorded(services, 'ip.remove', doomed, wish);
    return { removed: doomed.map(summarize), ended, warnings };
  },
);

export const listAddresses = command(
  z.strictObject({}),
  async (_input, services): Promise<{ entries: EntrySummary[] }> => ({
    entries: (await inForce(services)).map(summarize),
  }),
);

const CONFIRM = 'Say it again with --yes if that is meant.';

/** @throws CommandError `invalid` with what to write instead */
function networkOf(text: string): Cidr {
  const network = parseCidr(text);
  if (network instanceof Cidr) return network;
  throw new CommandError('invalid', `"${text}" ${network.fault}. ${network.remedy}`);
}

function refuseRash(network: Cidr): void {
  if (network.prefix === 0) {
    const family = network.family === 4 ? 'IPv4' : 'IPv6';
    throw new CommandError('invalid', `"${network.text}" is every ${family} address: nobody could call. ${CONFIRM}`);
  }
  if (network.base.isLoopback || LOOPBACK.some((address) => network.contains(address))) {
    throw new CommandError(
      'invalid',
      `"${network.text}" has this machine's own addresses in it: programs here, and proxies that are not trusted, could not call. ${CONFIRM}`,
    );
  }
}

/** @throws CommandError when the time is none, or there are too many entries already */
async function draft(verdict: AddressRecord['verdict'], network: Cidr, wish: Input, services: ControlServices) {
  const now = Date.now();
  const lasts = wish.for === undefined ? undefined : parseDuration(wish.for);
  if (wish.for !== undefined && (lasts === undefined || lasts === 0)) {
    throw new CommandError('invalid', `for: "${wish.for}" is not a time such as 90s, 30m, 2h or 7d`);
  }
  const others = await inForce(services);
  const own = others.filter(({ origin }) => origin === 'command');
  const same = own.filter((other) => other.verdict === verdict && other.cidr === network.text);
  if (own.length - same.length >= MAX_ENTRIES) {
    throw new CommandError(
      'conflict',
      `There are ${own.length} entries already, as many as there may be. Remove some, or put them in security.ip_${verdict === 'deny' ? 'blacklist' : 'whitelist'}.`,
    );
  }
  const record: AddressRecord = {
    id: uuid(),
    verdict,
    cidr: network.text,
    origin: 'command',
    reason: wish.reason ?? null,
    owner: wish.by,
    createdAt: now,
    expiresAt: lasts === undefined ? null : now + lasts,
    strikes: 0,
  };
  return { record, replaces: same.map(({ id }) => id), others };
}

/** The running gateway's book, which has it in force at once; or the store. */
function recordsOf({ perimeter, storage }: ControlServices) {
  return perimeter?.addresses ?? storage.addresses;
}

async function inForce(services: ControlServices): Promise<readonly AddressRecord[]> {
  const now = Date.now();
  const all = await recordsOf(services).list();
  return all.filter(({ expiresAt }) => expiresAt === null || expiresAt > now);
}

/** @throws CommandError `not-found`, `conflict` */
function find(reference: string, entries: readonly AddressRecord[]): readonly AddressRecord[] {
  if (REFERENCE.test(reference)) {
    const found = entries.filter(({ id }) => id.startsWith(reference));
    if (found.length === 1) return found;
    if (found.length > 1) {
      throw new CommandError('conflict', `${found.length} entries begin with "${reference}"; write the whole id.`);
    }
    throw new CommandError(
      'not-found',
      `No entry has the id "${reference}"; "sallyport ip list" shows those there are.`,
    );
  }
  const network = networkOf(reference);
  const found = entries.filter(({ cidr }) => cidr === network.text);
  if (found.length > 0) return found;
  const wider = entries.filter(({ cidr }) => networkOf(cidr).contains(network.base));
  const hint = wider.map((other) => `${other.cidr} (${other.verdict}, ${shortId(other)})`).join(', ');
  throw new CommandError(
    'not-found',
    hint === ''
      ? `No entry is for ${network.text}; "sallyport ip list" shows those there are.`
      : `No entry is for exactly ${network.text}; it is in ${hint}.`,
  );
}

/** @returns a warning when the record could not be written */
async function recorded(
  services: ControlServices,
  name: string,
  entries: readonly AddressRecord[],
  wish: { by: string },
): Promise<string[]> {
  try {
    await services.record(eventOf(name, entries, wish));
    return [];
  } catch {
    return ['Done, but the audit record could not be written.'];
  }
}

function eventOf(name: string, entries: readonly AddressRecord[], { by }: { by: string }) {
  const what = entries.map(({ verdict, cidr, origin, reason, expiresAt }) => {
    const until = expiresAt === null ? 'for good' : `until ${new Date(expiresAt).toISOString()}`;
    return `${origin === 'ban' ? 'ban of' : verdict} ${cidr} ${until}${reason === null ? '' : ` (${reason})`}`;
  });
  const verb = name === 'ip.remove' ? 'removed: ' : '';
  return { command: name, ids: entries.map(({ id }) => id), summary: `${verb}${what.join('; ')}, by ${by}` };
}

function shortId({ id }: { id: string }): string {
  return id.slice(0, 8);
}

function summarize(record: AddressRecord): EntrySummary {
  const { id, verdict, cidr, origin, reason, owner, createdAt, expiresAt } = record;
  return {
    id,
    verdict,
    cidr,
    origin,
    reason,
    by: owner,
    created_at: new Date(createdAt).toISOString(),
    expires_at: expiresAt === null ? null : new Date(expiresAt).toISOString(),
  };
}
