import { quoted } from './escape.ts';

/** A sealed line is never longer than this many bytes, newline excluded. The limits below add up to less. */
export const MAX_LINE = 8192;

export type RecordType =
  /** The verdict on one call, written before the call leaves. */
  | 'decision'
  /** How an allowed call ended. */
  | 'outcome'
  | 'stream_start'
  | 'stream_end'
  /** Refusals before authentication that were counted instead of written one by one. */
  | 'refusals'
  /** Something odd about a request that went on: forged or contradictory forwarding headers. */
  | 'notice'
  /** A command to the running gateway: a token made, a reload. */
  | 'control'
  /** The gateway started, is stopping, changed its configuration. */
  | 'lifecycle'
  /** The record itself was interrupted, cut or moved; `detail` says how. Written by the audit log only. */
  | 'recovered';

/**
 * What is recorded. Names are those of the JSON keys; what is undefined is left out. Strings may hold anything a
 * caller sent: they are escaped and cut here. No field may ever hold a credential.
 */
export interface AuditFields {
  readonly decision_id?: string | undefined;
  readonly request_id?: string | undefined;
  /** The caller's own X-Request-ID, kept apart because the caller chose it. */
  readonly client_request_id?: string | undefined;
  /** A digest of the session id. The live id opens the session and must never be passed here. */
  readonly session_id?: string | undefined;
  /** Address of the socket's other end, without the port. */
  readonly peer?: string | undefined;
  /** Address of the client as the forwarding rules resolved it. */
  readonly client?: string | undefined;
  /** SHA-256 fingerprint of the client's own certificate, where it showed one that was verified. */
  readonly client_certificate?: string | undefined;
  readonly user_agent?: string | undefined;
  readonly principal?: string | undefined;
  readonly principal_name?: string | undefined;
  readonly route?: string | undefined;
  readonly server?: string | undefined;
  /** JSON-RPC method. */
  readonly method?: string | undefined;
  readonly http_method?: string | undefined;
  /** Name of the tool or prompt, or URI of the resource. */
  readonly tool?: string | undefined;
  readonly jsonrpc_id?: string | number | undefined;
  /** `would-deny`: let through because the rule is only reported. */
  readonly verdict?: 'allow' | 'deny' | 'would-deny' | undefined;
  readonly policy?: string | undefined;
  readonly rule?: string | undefined;
  readonly reason?: string | undefined;
  /** HTTP status of the answer. */
  readonly status?: number | undefined;
  /** `tool_error`: the tool ran and said `isError`. `rpc_error`: a JSON-RPC error answer. Neither is a success. */
  readonly outcome?: 'ok' | 'tool_error' | 'rpc_error' | 'cancelled' | 'failed' | 'refused' | undefined;
  readonly rpc_code?: number | undefined;
  readonly bytes_in?: number | undefined;
  readonly bytes_out?: number | undefined;
  readonly duration_ms?: number | undefined;
  readonly upstream_error?: string | undefined;
  /** For people: what a control, lifecycle or recovered record is about. */
  readonly detail?: string | undefined;
  /** Records that could not be kept. */
  readonly dropped?: number | undefined;
  /** How many refusals one `refusals` record stands for. */
  readonly count?: number | undefined;
}

/** One record. `who` and `where` carry fields escaped once and used by many rows; their fields win over the row's. */
export interface AuditRow extends AuditFields {
  readonly type: RecordType;
  readonly who?: AuditPrefix | undefined;
  readonly where?: AuditPrefix | undefined;
}

/** Fields already written as JSON. Made by `prefixOf`. */
export interface AuditPrefix {
  readonly text: string;
  /** Bit n is set when field n of the table is in `text`. */
  readonly mask: number;
  readonly fields: AuditFields;
}

/**
 * The fields of a row as JSON, each with a leading comma, without those in `mask`. The number after each name is the
 * most characters its escaped text may have.
 *
 * Written out because it runs twice a call: a loop over a table of names costs twice as much (bench/micro/audit.mjs).
 */
function written(row: AuditFields, mask: number): string {
  let text = '';
  if (row.decision_id !== undefined && (mask & (1 << 0)) === 0)
    text += `,"decision_id":${quoted(row.decision_id, 128)}`;
  if (row.request_id !== undefined && (mask & (1 << 1)) === 0) text += `,"request_id":${quoted(row.request_id, 136)}`;
  if (row.client_request_id !== undefined && (mask & (1 << 2)) === 0)
    text += `,"client_request_id":${quoted(row.client_request_id, 256)}`;
  if (row.session_id !== undefined && (mask & (1 << 3)) === 0) text += `,"session_id":${quoted(row.session_id, 128)}`;
  if (row.peer !== undefined && (mask & (1 << 4)) === 0) text += `,"peer":${quoted(row.peer, 128)}`;
  if (row.client !== undefined && (mask & (1 << 5)) === 0) text += `,"client":${quoted(row.client, 128)}`;
  if (row.user_agent !== undefined && (mask & (1 << 6)) === 0) text += `,"user_agent":${quoted(row.user_agent, 640)}`;
  if (row.principal !== undefined && (mask & (1 << 7)) === 0) text += `,"principal":${quoted(row.principal, 512)}`;
  if (row.principal_name !== undefined && (mask & (1 << 8)) === 0)
    text += `,"principal_name":${quoted(row.principal_name, 384)}`;
  if (row.route !== undefined && (mask & (1 << 9)) === 0) text += `,"route":${quoted(row.route, 384)}`;
  if (row.server !== undefined && (mask & (1 << 10)) === 0) text += `,"server":${quoted(row.server, 160)}`;
  if (row.method !== undefined && (mask & (1 << 11)) === 0) text += `,"method":${quoted(row.method, 256)}`;
  if (row.http_method !== undefined && (mask & (1 << 12)) === 0)
    text += `,"http_method":${quoted(row.http_method, 64)}`;
  if (row.tool !== undefined && (mask & (1 << 13)) === 0) text += `,"tool":${quoted(row.tool, 1024)}`;
  if (row.jsonrpc_id !== undefined && (mask & (1 << 14)) === 0)
    text += `,"jsonrpc_id":${identifier(row.jsonrpc_id, 256)}`;
  if (row.verdict !== undefined && (mask & (1 << 15)) === 0) text += `,"verdict":${quoted(row.verdict, 64)}`;
  if (row.policy !== undefined && (mask & (1 << 16)) === 0) text += `,"policy":${quoted(row.policy, 128)}`;
  if (row.rule !== undefined && (mask & (1 << 17)) === 0) text += `,"rule":${quoted(row.rule, 384)}`;
  if (row.reason !== undefined && (mask & (1 << 18)) === 0) text += `,"reason":${quoted(row.reason, 128)}`;
  if (row.status !== undefined && (mask & (1 << 19)) === 0) text += `,"status":${numeral(row.status)}`;
  if (row.outcome !== undefined && (mask & (1 << 20)) === 0) text += `,"outcome":${quoted(row.outcome, 64)}`;
  if (row.rpc_code !== undefined && (mask & (1 << 21)) === 0) text += `,"rpc_code":${numeral(row.rpc_code)}`;
  if (row.bytes_in !== undefined && (mask & (1 << 22)) === 0) text += `,"bytes_in":${numeral(row.bytes_in)}`;
  if (row.bytes_out !== undefined && (mask & (1 << 23)) === 0) text += `,"bytes_out":${numeral(row.bytes_out)}`;
  if (row.duration_ms !== undefined && (mask & (1 << 24)) === 0) text += `,"duration_ms":${numeral(row.duration_ms)}`;
  if (row.upstream_error !== undefined && (mask & (1 << 25)) === 0)
    text += `,"upstream_error":${quoted(row.upstream_error, 896)}`;
  if (row.detail !== undefined && (mask & (1 << 26)) === 0) text += `,"detail":${quoted(row.detail, 640)}`;
  if (row.dropped !== undefined && (mask & (1 << 27)) === 0) text += `,"dropped":${numeral(row.dropped)}`;
  if (row.count !== undefined && (mask & (1 << 28)) === 0) text += `,"count":${numeral(row.count)}`;
  if (row.client_certificate !== undefined && (mask & (1 << 29)) === 0)
    text += `,"client_certificate":${quoted(row.client_certificate, 64)}`;
  return text;
}

/** The place of each field in `written`. */
const FIELDS = [
  'decision_id',
  'request_id',
  'client_request_id',
  'session_id',
  'peer',
  'client',
  'user_agent',
  'principal',
  'principal_name',
  'route',
  'server',
  'method',
  'http_method',
  'tool',
  'jsonrpc_id',
  'verdict',
  'policy',
  'rule',
  'reason',
  'status',
  'outcome',
  'rpc_code',
  'bytes_in',
  'bytes_out',
  'duration_ms',
  'upstream_error',
  'detail',
  'dropped',
  'count',
  'client_certificate',
] as const satisfies readonly (keyof AuditFields)[];

function identifier(value: string | number, limit: number): string {
  return typeof value === 'number' ? numeral(value) : quoted(value, limit);
}

/**
 * Escapes fields once for every row that will carry them: those of a principal, those of a server.
 * A field found in both prefixes of a row is written once, from `who`.
 */
export function prefixOf(fields: AuditFields): AuditPrefix {
  let mask = 0;
  for (let i = 0; i < FIELDS.length; i++) if (fields[FIELDS[i]!] !== undefined) mask |= 1 << i;
  return { text: written(fields, 0), mask, fields };
}

/** The inside of a record's JSON object, before the chain adds `seq`, `prev` and `hash`. Pure printable ASCII. */
export function bodyOf(row: AuditRow, time: string): string {
  const { who, where } = row;
  let body = `"time":"${time}","type":"${row.type}","source":"sallyport"`;
  let mask = 0;
  if (who !== undefined) {
    body += who.text;
    mask = who.mask;
  }
  if (where !== undefined) {
    body += (where.mask & mask) === 0 ? where.text : written(where.fields, mask);
    mask |= where.mask;
  }
  return body + written(row, mask);
}

/** JSON has no NaN and no infinity; more than a microsecond of a duration is noise. */
function numeral(value: number): string {
  if (Number.isInteger(value)) return `${value}`;
  return Number.isFinite(value) ? `${Math.round(value * 1000) / 1000}` : 'null';
}

/** Wall-clock milliseconds as UTC text, rebuilt only when the second changes. */
export class Timestamps {
  #second = Number.NaN;
  #text = '';

  at(milliseconds: number): string {
    const second = Math.floor(milliseconds / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#text = new Date(second * 1000).toISOString().slice(0, 20);
    }
    const rest = Math.floor(milliseconds - second * 1000);
    return `${this.#text}${rest < 10 ? '00' : rest < 100 ? '0' : ''}${rest}Z`;
  }
}
