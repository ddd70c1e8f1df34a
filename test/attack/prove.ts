import { expect, it } from 'vitest';
import type { AuditLine } from '../support/gateway.ts';
import type { RawAnswer } from '../support/raw.ts';
import { within } from '../support/wait.ts';
import { type Ground, TOKENS } from './ground.ts';
import { bytesOf, modernCall, type Request, read } from './requests.ts';

/** A request, or how to make it once the gateway runs. Text and bytes are sent as they are. */
export type Sent = Request | Buffer | string | (() => Request | Buffer | string | Promise<Request | Buffer | string>);

/** One defect: what is sent, what must come back, what must be written down; and the same request without the defect. */
export interface Attack {
  /** Ends the sentence "refuses …". */
  readonly name: string;
  readonly send: Sent;
  readonly status: number;
  /** JSON-RPC `error.code` of the answer. */
  readonly code?: number;
  /** `error` of a plain JSON answer. */
  readonly error?: string;
  /** Of the one record. `verdict` and `status` are always held. */
  readonly audit: Readonly<Record<string, unknown>>;
  /** Headers of the refusal, by lower-case name. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The connection must end after exactly one answer: nothing of what follows may be read as another request. */
  readonly closes?: boolean;
  /** The gateway itself may ask the server for its list of tools, to know whether a name is on it. */
  readonly mayList?: boolean;
  readonly twin: Sent;
  readonly twinStatus?: number;
  /** Messages the twin sends to the server. */
  readonly twinHits?: number;
  /** Further proof on the refusal. */
  readonly also?: (answer: RawAnswer, row: AuditLine) => void;
}

/**
 * Registers one test per attack: refused as said, by the policy and for the reason that is recorded exactly once; the server
 * saw nothing; the twin succeeds and reaches the server once; a sound call succeeds afterwards.
 */
export function prove(ground: () => Ground, attacks: readonly Attack[]): void {
  it.each(attacks.map((attack) => [attack.name, attack] as const))('refuses %s', async (_, attack) => {
    await proveOne(ground(), attack);
  });
  const closing = attacks.filter((attack) => attack.closes);
  if (closing.length === 0) return;
  it.each(closing.map((attack) => [attack.name, attack] as const))('serves nothing behind %s', async (_, attack) => {
    await proveNothingBehind(ground(), attack);
  });
}

/** A sound call in the same write, behind what ends the connection, is neither made nor answered. */
async function proveNothingBehind(ground: Ground, attack: Attack): Promise<void> {
  const attacked = await made(attack.send);
  const bytes = typeof attacked === 'string' ? Buffer.from(attacked, 'latin1') : attacked;
  const sound = bytesOf(modernCall('/mcp/open', TOKENS.user));
  const mark = await ground.mark();
  await sendToTheEnd(ground, Buffer.concat([Buffer.isBuffer(bytes) ? bytes : bytesOf(bytes), sound]));
  const allowed = (await ground.control(mark)).filter((row) => row.verdict === 'allow');
  expect(allowed, 'what was let through').toEqual([]);
  const calls = ground.hits().filter((method) => method === 'tools/call');
  expect(calls, 'calls that reached the server: the sound one afterwards').toHaveLength(1);
}

export async function proveOne(ground: Ground, attack: Attack): Promise<void> {
  const { send, twin } = attack;
  const attacked = await made(send);
  const sound = await made(twin);
  const mark = await ground.mark();

  const answer = await (attack.closes ? sendToTheEnd(ground, attacked) : ground.send(attacked));
  const said = read(answer);
  const expected = { status: attack.status, code: attack.code, error: attack.error };
  expect({ status: said.status, code: said.code, error: said.error }).toEqual(expected);
  for (const [name, value] of Object.entries(attack.headers ?? {})) {
    expect(answer.headers.get(name), name).toEqual([value]);
  }
  expectSafe(answer, ground);
  const reached = (): string[] => ground.hits().filter((method) => !(attack.mayList && method === 'tools/list'));
  expect(reached(), 'what reached the server').toEqual([]);

  const passed = await ground.send(sound);
  expect(passed.status, `the twin: ${passed.body}`).toBe(attack.twinStatus ?? 200);
  if ((attack.twinStatus ?? 200) < 300) expect(read(passed).json ?? {}, 'the twin').not.toHaveProperty('error');
  expect(reached(), 'what the twin sent to the server').toHaveLength(attack.twinHits ?? 1);

  const denials = (await ground.control(mark)).filter((row) => row.verdict === 'deny');
  // A twin may itself be a refusal of another kind (a path that does not exist): its record comes after.
  const rows = (attack.twinStatus ?? 200) < 400 ? denials : denials.slice(0, 1);
  expect(rows, 'the record of the refusal').toHaveLength(1);
  expect(rows[0]).toMatchObject({ type: 'decision', outcome: 'refused', status: attack.status, ...attack.audit });
  if (said.decisionId !== undefined) expect(rows[0]?.decision_id).toBe(said.decisionId);
  attack.also?.(answer, rows[0] as AuditLine);
}

async function made(sent: Sent): Promise<Request | Buffer | string> {
  return typeof sent === 'function' ? sent() : sent;
}

/** Sends, and waits until the gateway has closed the connection. @throws when more than one answer came */
async function sendToTheEnd(ground: Ground, request: Request | Buffer | string): Promise<RawAnswer> {
  const connection = await ground.connect();
  try {
    connection.write(typeof request === 'string' || Buffer.isBuffer(request) ? request : bytesOf(request));
    const answer = await within(connection.answer(), 'the gateway has answered');
    await within(connection.closed, 'the gateway has closed the connection');
    const answers = connection
      .received()
      .toString('latin1')
      .match(/HTTP\/1\.1 /g);
    expect(answers, 'answers on the connection').toHaveLength(1);
    return answer;
  } finally {
    connection.destroy();
  }
}

/** What every refusal carries, and what none may tell. */
export function expectSafe(answer: RawAnswer, ground: Ground): void {
  expect(answer.headers.get('x-content-type-options')).toEqual(['nosniff']);
  expect(answer.headers.get('content-security-policy')).toEqual(["default-src 'none'; frame-ancestors 'none'"]);
  expect(answer.headers.get('referrer-policy')).toEqual(['no-referrer']);
  expect(answer.headers.get('cache-control')?.[0]).toContain('no-store');
  for (const name of ['server', 'x-powered-by', 'set-cookie']) expect(answer.headers.get(name), name).toBeUndefined();
  const text = answer.body.toString();
  if (text !== '') expect(answer.headers.get('content-type')).toEqual(['application/json']);
  // No stack, no file, no address of a server.
  expect(text).not.toMatch(/\bat .+:\d+:\d+|\/src\/|\/dist\/|\.[tj]s\b|node:/);
  expect(text).not.toContain(new URL(ground.fixture.url).port);
  for (const secret of ground.secrets) expect(answer.bytes.includes(secret), 'a secret in the answer').toBe(false);
}
