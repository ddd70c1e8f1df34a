import { z } from 'zod';
import { uuid } from '../crypto/random.ts';
import { hashToken, isToken, newToken, tokenPrefix } from '../crypto/token.ts';
import { BUILT_IN_ROLES } from '../identity/roles.ts';
import { StorageError, type TokenRecord } from '../storage/storage.ts';
import { CommandError, type ControlServices, command } from './command.ts';
import { parseDuration, parseMoment } from './times.ts';

/** A token as lists show it. Times are ISO 8601 in UTC. */
export interface TokenSummary {
  readonly id: string;
  readonly name: string;
  /** The secret's first six characters. */
  readonly prefix: string;
  /** `grace`: replaced, and still accepted until `grace_until`. */
  readonly state: 'active' | 'grace' | 'expired' | 'replaced' | 'revoked';
  readonly principal: string;
  readonly roles: readonly string[];
  /** null: every server. */
  readonly servers: readonly string[] | null;
  readonly created_at: string;
  readonly expires_at: string | null;
  readonly revoked_at: string | null;
  readonly replaced_by: string | null;
  readonly grace_until: string | null;
  readonly last_used_at: string | null;
}

/** The only place a secret ever appears: it is stored as a hash, and cannot be shown again. */
export interface CreatedToken {
  readonly secret: string;
  readonly token: TokenSummary;
  readonly warnings: readonly string[];
}

export interface RotatedToken extends CreatedToken {
  readonly replaced: TokenSummary;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const NAME = /^[\x21-\x7e](?:[\x20-\x7e]{0,62}[\x21-\x7e])?$/;

const name = z
  .string()
  .regex(NAME, 'a name has 1 to 64 printable ASCII characters')
  .refine((text) => !UUID.test(text) && !text.startsWith('sp_'), 'a name must not look like an id or a secret');
const expires = z.string().optional();
const reference = z
  .string()
  .min(1)
  .refine(
    (text) => !isToken(text),
    'this is a token\'s secret; name the token by its id or name ("sallyport token list" shows them)',
  );

export const createToken = command(
  z.strictObject({
    name: name.optional(),
    roles: z.array(z.enum(BUILT_IN_ROLES)).min(1, 'a token without a role could do nothing').default(['user']),
    servers: z
      .array(z.string().regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, 'not the id of a server'))
      .min(1)
      .optional(),
    expires,
  }),
  async (input, services): Promise<CreatedToken> => {
    const now = Date.now();
    const id = uuid();
    const { secret, record } = mint({
      id,
      principalId: uuid(),
      name: input.name ?? `token-${id.slice(0, 8)}`,
      roles: [...new Set(input.roles)],
      servers: input.servers === undefined ? null : [...new Set(input.servers)],
      createdAt: now,
      expiresAt: expiry(input.expires, now),
    });
    if ((await services.storage.tokens.list()).some((other) => isCurrent(other) && other.name === record.name)) {
      throw nameTaken(record.name);
    }
    await services.record({ command: 'token.create', ids: [id], summary: `create token "${record.name}"` });
    await storing(
      () => services.storage.tokens.insert(record),
      () => nameTaken(record.name),
    );
    await services.registry?.refresh();
    return { secret, token: summarize(record, now), warnings: unknownServers(record, services) };
  },
);

export const listTokens = command(
  z.strictObject({}),
  async (_input, { storage }): Promise<{ tokens: TokenSummary[] }> => {
    const now = Date.now();
    return { tokens: (await storage.tokens.list()).map((record) => summarize(record, now)) };
  },
);

/** By id: that token. By name: every one of that name that still opens something, those replaced with a time of grace too. */
export const revokeToken = command(
  z.strictObject({ token: reference }),
  async (input, services): Promise<{ revoked: TokenSummary[]; warnings: string[] }> => {
    const found = find(input.token, await services.storage.tokens.list());
    const now = Date.now();
    const doomed = found.filter((record) => record.revokedAt === null);
    if (doomed.length === 0) return { revoked: [], warnings: [`The token "${input.token}" was revoked before.`] };
    const ids = doomed.map((record) => record.id);
    await services.storage.tokens.revoke(ids, now);
    await services.registry?.refresh();
    const revoked = doomed.map((record) => summarize({ ...record, revokedAt: now }, now));
    try {
      await services.record({ command: 'token.revoke', ids, summary: `revoke token "${doomed[0]!.name}"` });
      return { revoked, warnings: [] };
    } catch {
      return { revoked, warnings: ['Revoked, but the audit record could not be written.'] };
    }
  },
);

/** A new secret for the same principal, roles, servers and (unless told otherwise) expiry. */
export const rotateToken = command(
  z.strictObject({ token: reference, grace: z.string().default('0'), expires }),
  async (input, services): Promise<RotatedToken> => {
    const now = Date.now();
    const grace = parseDuration(input.grace);
    if (grace === undefined)
      throw new CommandError('invalid', `grace: "${input.grace}" is not a time such as 24h, 30m or 0`);
    const old = rotatable(input.token, await services.storage.tokens.list(), input.expires, now);
    const id = uuid();
    const expiresAt = input.expires === undefined ? old.expiresAt : expiry(input.expires, now);
    const { name, principalId, roles, servers } = old;
    const { secret, record } = mint({ id, principalId, name, roles, servers, createdAt: now, expiresAt });
    const graceUntil = grace === 0 ? null : now + grace;
    await services.record({
      command: 'token.rotate',
      ids: [old.id, id],
      summary: `rotate token "${name}", grace ${input.grace}`,
    });
    await storing(
      () => services.storage.tokens.replace(old.id, record, graceUntil),
      () =>
        new CommandError(
          'conflict',
          `The token "${name}" was changed by someone else just now; look with "sallyport token list".`,
        ),
    );
    await services.registry?.refresh();
    const replaced = { ...old, replacedBy: id, graceUntil, revokedAt: graceUntil === null ? now : null };
    return {
      secret,
      token: summarize(record, now),
      replaced: summarize(replaced, now),
      warnings: unknownServers(record, services),
    };
  },
);

type NewToken = Pick<TokenRecord, 'id' | 'principalId' | 'name' | 'roles' | 'servers' | 'createdAt' | 'expiresAt'>;

function mint(facts: NewToken): { secret: string; record: TokenRecord } {
  const secret = newToken();
  const unset = { revokedAt: null, replacedBy: null, graceUntil: null, lastUsedAt: null };
  return { secret, record: { ...facts, ...unset, hash: hashToken(secret), prefix: tokenPrefix(secret) } };
}

function expiry(text: string | undefined, now: number): number | null {
  if (text === undefined) return null;
  const moment = parseMoment(text, now);
  if (moment === undefined) {
    throw new CommandError(
      'invalid',
      `expires: "${text}" is not a time such as 30d, 12h, 2027-01-01 or 2027-01-01T12:00:00Z`,
    );
  }
  if (moment <= now) throw new CommandError('invalid', `expires: "${text}" is in the past`);
  return moment;
}

function isCurrent(record: TokenRecord): boolean {
  return record.revokedAt === null && record.replacedBy === null;
}

function rotatable(
  reference: string,
  records: readonly TokenRecord[],
  expires: string | undefined,
  now: number,
): TokenRecord {
  const current = find(reference, records).find(isCurrent);
  if (current === undefined) {
    throw new CommandError(
      'conflict',
      `The token "${reference}" is revoked or already replaced; make another with "sallyport token create".`,
    );
  }
  if (current.expiresAt !== null && current.expiresAt <= now && expires === undefined) {
    throw new CommandError(
      'conflict',
      `The token "${current.name}" has expired; say until when the new one holds with --expires.`,
    );
  }
  return current;
}

/** The token of that id, or those of that name. @throws CommandError `not-found` */
function find(reference: string, records: readonly TokenRecord[]): readonly TokenRecord[] {
  const found = UUID.test(reference)
    ? records.filter((record) => record.id === reference)
    : records.filter((record) => record.name === reference);
  if (found.length > 0) return found;
  throw new CommandError(
    'not-found',
    `No token has the id or name "${reference}"; "sallyport token list" shows those there are.`,
  );
}

async function storing(change: () => Promise<void>, onConflict: () => CommandError): Promise<void> {
  try {
    await change();
  } catch (error) {
    throw error instanceof StorageError && error.fault === 'conflict' ? onConflict() : error;
  }
}

function nameTaken(name: string): CommandError {
  return new CommandError(
    'conflict',
    `A token named "${name}" exists. Choose another --name, give it a new secret with "sallyport token rotate", or revoke it first.`,
  );
}

function unknownServers(record: TokenRecord, { serverIds }: ControlServices): string[] {
  const known = serverIds?.();
  const missing = known === undefined ? [] : (record.servers ?? []).filter((id) => !known.includes(id));
  return missing.map(
    (id) =>
      `No server "${id}" is configured now (there is: ${known!.join(', ') || 'none'}); the token opens it once it is.`,
  );
}

function summarize(record: TokenRecord, now: number): TokenSummary {
  return {
    id: record.id,
    name: record.name,
    prefix: record.prefix,
    state: stateOf(record, now),
    principal: `token:${record.principalId}`,
    roles: record.roles,
    servers: record.servers,
    created_at: iso(record.createdAt)!,
    expires_at: iso(record.expiresAt),
    revoked_at: iso(record.revokedAt),
    replaced_by: record.replacedBy,
    grace_until: iso(record.graceUntil),
    last_used_at: iso(record.lastUsedAt),
  };
}

function stateOf(record: TokenRecord, now: number): TokenSummary['state'] {
  if (record.revokedAt !== null) return record.replacedBy === null ? 'revoked' : 'replaced';
  if (record.replacedBy !== null && (record.graceUntil ?? 0) <= now) return 'replaced';
  if (record.expiresAt !== null && record.expiresAt <= now) return 'expired';
  return record.replacedBy === null ? 'active' : 'grace';
}

function iso(time: number | null): string | null {
  return time === null ? null : new Date(time).toISOString();
}
