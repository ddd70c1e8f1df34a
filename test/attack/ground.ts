import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { type FixtureHttp, startFixtureHttp } from '../support/fixture-server.ts';
import { type AuditLine, type Gateway, startGateway } from '../support/gateway.ts';
import { openRaw, type RawAnswer, type RawConnection, sendRaw } from '../support/raw.ts';
import { until } from '../support/wait.ts';
import { bytesOf, initializeMessage, legacy, modernCall, post, type Request, read } from './requests.ts';

/** A secret nobody has seen before. */
export function freshToken(): string {
  return randomBytes(24).toString('base64url');
}

/** What the callers of every attack present. Made anew in each test file; all of them are looked for in what is left behind. */
export const TOKENS = {
  user: freshToken(),
  /** Another user: what belongs to `user` is foreign to it. */
  other: freshToken(),
  admin: freshToken(),
  /** Recognised, and allowed nothing. */
  roleless: freshToken(),
  /** Opens the server `open` only. */
  scoped: freshToken(),
  expired: freshToken(),
  /** Opens the route of `guarded`, and nothing else does. */
  route: freshToken(),
} as const;

const CONFIGURED = [
  { name: 'user', token: TOKENS.user },
  { name: 'other', token: TOKENS.other },
  { name: 'admin', token: TOKENS.admin, roles: ['admin'] },
  { name: 'roleless', token: TOKENS.roleless, roles: [] },
  { name: 'scoped', token: TOKENS.scoped, servers: ['open'] },
  { name: 'expired', token: TOKENS.expired, expires: '2020-01-01' },
];

export interface GroundOptions {
  /** Top-level settings beside `auth` and `mcps`. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Settings of single servers, by id. Default servers: `open` (no rules), `ruled` (tool rules), `guarded` (its own token). */
  readonly servers?: Readonly<Record<string, object>>;
  /** Where the record is kept. Absent: in the state folder. */
  readonly auditFile?: string;
  /** Environment of the gateway. */
  readonly env?: Readonly<Record<string, string>>;
  /** Stands before every request that is sent, on a connection of its own. */
  readonly preamble?: string;
}

export const DEFAULT_SERVERS = {
  open: {},
  ruled: { tools: { allow: ['echo', 'add', 'f*'], deny: ['fail'] } },
  guarded: { auth: { type: 'token', token: TOKENS.route } },
};

/** One gateway in front of one recording server, and the means to see what got through and what was written down. */
export class Ground {
  readonly gateway: Gateway;
  readonly fixture: FixtureHttp;
  /** Secrets that came up on the way: tokens made by commands, session ids. */
  readonly secrets: string[] = Object.values(TOKENS);
  readonly #auditFile: string;
  readonly #rows: AuditLine[] = [];
  #read = 0;
  #controls = 0;
  #preamble = Buffer.alloc(0);
  /** Something was sent since the last control call, so a record may still be on its way. */
  #unsettled = false;

  private constructor(gateway: Gateway, fixture: FixtureHttp, auditFile: string) {
    this.#auditFile = auditFile;
    this.gateway = gateway;
    this.fixture = fixture;
  }

  static async open({
    settings = {},
    servers = DEFAULT_SERVERS,
    auditFile,
    env = {},
    preamble = '',
  }: GroundOptions = {}): Promise<Ground> {
    const fixture = await startFixtureHttp();
    const mcps = Object.entries(servers).map(([id, own]) => ({
      id,
      transport: 'streamable-http',
      url: fixture.url,
      ...own,
    }));
    const refusals = { per_window: 1_000, window_ms: 3_600_000 };
    const audit = { refusals, ...(auditFile === undefined ? {} : { file: auditFile }) };
    try {
      const gateway = await startGateway({
        config: { auth: { methods: [{ type: 'token', tokens: CONFIGURED }] }, audit, mcps, ...settings },
        env,
      });
      const ground = new Ground(gateway, fixture, auditFile ?? join(gateway.stateDir, 'audit', 'audit.jsonl'));
      ground.#preamble = Buffer.from(preamble, 'latin1');
      // The first call to a server also asks for its era: not part of any attack.
      for (const { id, ...own } of mcps) {
        if ('era' in own) continue;
        const token = 'auth' in own ? TOKENS.route : TOKENS.user;
        expect((await ground.send(modernCall(`/mcp/${id}`, token))).status).toBe(200);
      }
      return ground;
    } catch (error) {
      await fixture.stop();
      throw error;
    }
  }

  /** Ends everything. @throws when a secret of the run is anywhere in what the gateway has written. */
  async close(): Promise<void> {
    const { gateway, fixture, secrets } = this;
    const metrics = gateway.adminUrl === undefined ? '' : (await this.scrape()).body.toString();
    const audit = readFileSync(this.#auditFile, 'utf8');
    await gateway.stop();
    await fixture.stop();
    const written = { audit, metrics, stdout: gateway.stdout(), stderr: gateway.stderr() };
    for (const [place, text] of Object.entries(written)) {
      const leaked = secrets.filter((secret) => text.includes(secret));
      expect(leaked, `secrets in ${place}`).toEqual([]);
    }
  }

  /** @param from the address to come from, one of 127.0.0.0/8 */
  send(request: Request | Buffer | string, from?: string): Promise<RawAnswer> {
    this.#unsettled = true;
    const text = typeof request === 'string' ? Buffer.from(request, 'latin1') : request;
    const bytes = Buffer.concat([this.#preamble, Buffer.isBuffer(text) ? text : bytesOf(text)]);
    return sendRaw(this.gateway.url, bytes, undefined, from);
  }

  /** A connection, for what is sent piece by piece. */
  connect(): Promise<RawConnection> {
    this.#unsettled = true;
    return openRaw(this.gateway.url);
  }

  /** `/metrics`, as the role that may read it. */
  scrape(): Promise<RawAnswer> {
    const url = this.gateway.adminUrl as string;
    return sendRaw(url, `GET /metrics HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${TOKENS.admin}\r\n\r\n`);
  }

  /** Opens a session of the older revisions and says the client is ready. */
  async openSession(token: string = TOKENS.user, server = 'open', version = '2025-11-25'): Promise<string> {
    const target = `/mcp/${server}`;
    const opened = await this.send(post(target, token, initializeMessage(version)));
    expect(read(opened).json).toMatchObject({ result: { protocolVersion: version } });
    const session = opened.headers.get('mcp-session-id')?.[0] as string;
    this.secrets.push(session);
    const ready = { jsonrpc: '2.0', method: 'notifications/initialized' };
    const headers = { 'mcp-protocol-version': version };
    expect((await this.send(legacy(target, token, session, ready, { headers }))).status).toBe(202);
    return session;
  }

  /** Messages that reached the server since the last `forgetHits`. */
  hits(): string[] {
    return this.fixture.hits.filter((hit) => hit.method === 'POST').map((hit) => hit.rpcMethod ?? hit.body.toString());
  }

  forgetHits(): void {
    this.fixture.clearHits();
  }

  /** Forgets the hits. Returns the place in the record after which everything belongs to what is sent from now on. */
  async mark(): Promise<number> {
    if (this.#unsettled) await this.control(0);
    this.forgetHits();
    return this.rows().length;
  }

  /** Every whole row of the record so far. */
  rows(): readonly AuditLine[] {
    if (!existsSync(this.#auditFile)) return this.#rows;
    const fresh = readFrom(this.#auditFile, this.#read);
    const end = fresh.lastIndexOf(0x0a) + 1;
    for (const line of fresh.toString('utf8', 0, end).split('\n')) if (line) this.#rows.push(JSON.parse(line));
    this.#read += end;
    return this.#rows;
  }

  /**
   * A sound call succeeds, in the same process. Returns the rows written between `mark` (a number of rows) and the end of
   * that call, without those of the call itself: rows keep their order, so nothing that belongs to the time before is missing.
   */
  async control(mark: number): Promise<AuditLine[]> {
    this.#controls += 1;
    const id = `control-${this.#controls}`;
    const answer = await this.send(modernCall('/mcp/open', TOKENS.user, { headers: { 'x-request-id': id } }));
    expect(read(answer).json, 'a sound call after the attack').toMatchObject({ result: { resultType: 'complete' } });
    expect(process.kill(this.gateway.pid, 0), 'the process of the start still runs').toBe(true);
    const ended = (row: AuditLine) => row.request_id === id && row.type === 'outcome';
    await until(() => this.rows().some(ended), `the outcome of ${id} is recorded`);
    this.#unsettled = false;
    return this.rows()
      .slice(mark)
      .filter((row) => row.request_id !== id);
  }
}

function readFrom(path: string, offset: number): Buffer {
  const file = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(Math.max(0, fstatSync(file).size - offset));
    return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, offset));
  } finally {
    closeSync(file);
  }
}
