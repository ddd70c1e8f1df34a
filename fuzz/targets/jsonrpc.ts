import { isDeepStrictEqual } from 'node:util';
import { foldCase } from '../../src/jsonrpc/control-keys.ts';
import { Edits, onOneLine, withId } from '../../src/jsonrpc/edits.ts';
import type { Message, ObjectView } from '../../src/jsonrpc/message.ts';
import { batchMembers, isScanFailure, scanBody, scanMessage, scanUpstream } from '../../src/jsonrpc/scan.ts';
import { completedInitialize } from '../../src/protocol/lenient-initialize.ts';
import { outboundRequest } from '../../src/upstream/rewrite.ts';
import type { Random } from '../random.ts';
import { must, mustEqual, type Target } from '../target.ts';
import { message } from './json-text.ts';
import { parseStrictly, type Reading, read } from './jsonrpc-reader.ts';

type Json = Record<string, unknown>;

const TOP = ['jsonrpc', 'id', 'method', 'params', 'result', 'error'];
/** Another spelling of one of these can make a sound text ambiguous, in the objects where they count. */
const CONTROL = new Set(
  [
    ...TOP,
    ...['_meta', 'ref', 'name', 'uri', 'arguments', 'inputResponses', 'cursor', 'requestId', 'protocolVersion'],
    ...['capabilities', 'requestState', 'taskId', 'progressToken', 'tools', 'prompts', 'resources', 'type'],
    ...['resourceTemplates', 'nextCursor', 'resultType', 'inputRequests', 'io.modelcontextprotocol/protocolVersion'],
    ...['clientInfo', 'clientCapabilities', 'logLevel', 'subscriptionId', 'serverInfo'].map(
      (name) => `io.modelcontextprotocol/${name}`,
    ),
  ].map(foldCase),
);

function hasVariant(names: Iterable<string>): boolean {
  for (const name of names) if (CONTROL.has(foldCase(name))) return true;
  return false;
}

function isSoundId(value: unknown): boolean {
  return typeof value === 'string' || Number.isSafeInteger(value);
}

/** The client's side: accepted exactly when a slow reading finds one sound message, and then read the same. */
function checkClient(bytes: Buffer, reading: Reading, random: Random): void {
  const scanned = scanMessage(bytes);
  if (isScanFailure(scanned)) {
    const isBroken = scanned.problem.code === 'PARSE_ERROR';
    must(
      isBroken === (reading.verdict === 'broken'),
      `${scanned.problem.code} (${scanned.detail}), but it is ${reading.verdict}`,
    );
    must(scanned.detail.length < 200, 'a failure as long as the message');
    if (scanned.id !== undefined) mustEqual(scanned.id, (reading.value as Json).id, 'the id of a refusal');
    if (!isBroken && reading.verdict === 'sound' && isMessage(reading.value))
      must(hasVariant(reading.names), `refused (${scanned.detail}), but it is sound`);
    return;
  }
  must(reading.verdict === 'sound', `accepted, but it is ${reading.verdict}`);
  must(isMessage(reading.value), 'accepted, but it is no message');
  checkReading(scanned, reading.value as Json);
  checkEdits(scanned, reading.value as Json, random);
}

/** JSON-RPC 2.0 as MCP narrows it, said once more and slowly. */
function isMessage(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const json = value as Json;
  const has = (key: string) => Object.hasOwn(json, key);
  if (json.jsonrpc !== '2.0' || [has('method'), has('result'), has('error')].filter(Boolean).length !== 1) return false;
  const isObject = (part: unknown) => typeof part === 'object' && part !== null && !Array.isArray(part);
  if (has('method')) {
    if (typeof json.method !== 'string' || json.method === '') return false;
    return (!has('id') || isSoundId(json.id)) && (!has('params') || isObject(json.params));
  }
  if (has('params') || !isObject(has('result') ? json.result : json.error)) return false;
  return isSoundId(json.id) || (has('error') && json.id === null);
}

function checkReading(found: Message, json: Json): void {
  mustEqual(found.id === undefined ? undefined : found.id, json.id, 'the id');
  must(typeof found.id === typeof json.id || found.id === null, 'the type of the id');
  mustEqual(found.method, json.method, 'the method');
  sameObject(found.top, json);
  for (const part of ['params', 'result', 'error'] as const) {
    must((found[part] === undefined) === !Object.hasOwn(json, part), `${part} is there in one reading only`);
    if (found[part] !== undefined) sameObject(found[part], json[part] as Json);
  }
  const meta = ((json.params ?? json.result) as Json | undefined)?._meta;
  if (found.meta !== undefined) sameObject(found.meta, meta as Json);
  else must(typeof meta !== 'object' || meta === null || Array.isArray(meta), '_meta was not read');
}

function sameObject(view: ObjectView, json: Json): void {
  const names = view.keys();
  must(names.length === Object.keys(json).length, 'another number of members');
  for (const name of names) {
    must(isDeepStrictEqual(view.json(name), json[name]), `member ${JSON.stringify(name)} reads differently`);
    if (typeof json[name] === 'string') mustEqual(view.string(name), json[name], 'a string');
    if (typeof view.id(name) === 'number') mustEqual(view.id(name), json[name], 'an integer');
  }
}

const IDS = [0, 7, Number.MAX_SAFE_INTEGER, -3, '', 'x', 'é"\\\n\u{1f600}', '\ud800'];

/** An edit changes what it names and nothing else. */
function checkEdits(found: Message, json: Json, random: Random): void {
  const before = Buffer.from(found.bytes);
  if (found.idSpan !== undefined && found.id !== null) {
    const id = random.pick(IDS);
    const edited = parseStrictly(withId(found, id));
    must(isDeepStrictEqual(edited?.value, { ...json, id }), 'withId changed more than the id');
  }
  if (found.kind === 'request') checkJourney(found, json);
  const line = onOneLine(found.bytes);
  must(!line.includes(10) && !line.includes(13), 'a line break was left');
  must(isDeepStrictEqual(parseStrictly(line)?.value, json), 'onOneLine changed the message');
  const object = found.params ?? found.result ?? found.error;
  if (object !== undefined) checkMembers(found, object, json, random);
  must(found.bytes.equals(before), 'the original was written to');
}

/** What the server gets differs in id and progress token; an `initialize` that was completed has lost nothing. */
function checkJourney(found: Message, json: Json): void {
  const sent = parseStrictly(outboundRequest(found, 4711))?.value as { id: number; params?: Json };
  const expected = structuredClone(json) as { id: unknown; params?: { _meta?: Json } };
  expected.id = 4711;
  const meta = found.meta === undefined ? undefined : expected.params?._meta;
  if (meta !== undefined && Object.hasOwn(meta, 'progressToken')) meta.progressToken = 4711;
  must(isDeepStrictEqual(sent, expected), 'the server gets another request');
  const completed = parseStrictly(completedInitialize(found, '2025-03-26').bytes)?.value as Json;
  const defaults = { protocolVersion: '2025-03-26', capabilities: {}, clientInfo: { name: 'unknown', version: '0' } };
  const params = { ...defaults, ...(json.params as Json | undefined) };
  must(isDeepStrictEqual(completed, { ...json, params }), 'a completed request has changed otherwise');
}

function checkMembers(found: Message, object: ObjectView, json: Json, random: Random): void {
  const part = found.kind === 'result' ? 'result' : found.kind === 'error' ? 'error' : 'params';
  const model = { ...(json[part] as Json) };
  const names = object.keys();
  const edits = new Edits(found.bytes);
  for (let i = random.below(4); i >= 0; i--) {
    const name = names.length > 0 && !random.once(3) ? random.pick(names) : `new${random.below(3)}`;
    if (random.once(2)) {
      edits.removeMember(object, name);
      delete model[name];
    } else {
      edits.setMember(object, name, `[${i}]`);
      model[name] = [i];
    }
  }
  const edited = parseStrictly(edits.toBuffer());
  must(isDeepStrictEqual(edited?.value, { ...json, [part]: model }), 'an edit changed something else, or not enough');
}

/** The server's side reads less; what it does read must be what is there. */
function checkServer(bytes: Buffer, reading: Reading): void {
  const scanned = scanUpstream(bytes);
  if (isScanFailure(scanned)) {
    if (!isScanFailure(scanMessage(bytes))) throw new Error('sound from a client, refused from a server');
    return;
  }
  for (const view of [scanned.top, scanned.params, scanned.result, scanned.error, scanned.meta])
    if (view !== undefined) soundViews(view);
  const line = onOneLine(scanned.bytes);
  must(!line.includes(10) && !line.includes(13), 'a line break was left');
  if (reading.verdict === 'broken') return;
  const json = reading.value as Json;
  mustEqual(scanned.id ?? null, json.id ?? null, "the id of a server's message");
  mustEqual(scanned.method, json.method, "the method of a server's message");
  must(isDeepStrictEqual(parseStrictly(line)?.value, json), 'onOneLine changed the message');
}

function soundViews(view: ObjectView): void {
  for (const name of view.keys()) {
    const span = view.spanOf(name)!;
    const alone = read(view.bytes.subarray(span.start, span.end), 200);
    const value = view.json(name);
    if (value !== undefined) must(isDeepStrictEqual(value, alone.value), 'a view gives what is not there');
    if (alone.verdict !== 'sound')
      must(value === undefined || alone.verdict === 'broken', 'a view gives the ambiguous');
    view.object(name)?.keys();
    view.array(name);
  }
}

/** A batch is its members, each as it would be alone. */
function checkBody(bytes: Buffer): void {
  checkMembersOf(bytes);
  const scanned = scanBody(bytes);
  if (isScanFailure(scanned)) return;
  const whole = parseStrictly(bytes);
  must(whole !== undefined && Array.isArray(whole.value) === scanned.batch, 'batch or not');
  const members = scanned.batch ? (whole!.value as unknown[]) : [whole!.value];
  must(members.length === scanned.messages.length && members.length > 0, 'another number of messages');
  scanned.messages.forEach((each, at) => {
    must(isDeepStrictEqual(parseStrictly(each.bytes)?.value, members[at]), 'a member of the batch reads differently');
  });
}

/** A server's batch: every element where it stands, whether or not it is a message. */
function checkMembersOf(bytes: Buffer): void {
  const members = batchMembers(bytes);
  const whole = read(bytes, 1);
  const isBatch = whole.verdict !== 'broken' && Array.isArray(whole.value) && whole.value.length > 0;
  must((members !== undefined) === isBatch, 'a batch of a server, or not');
  if (members === undefined) return;
  must(
    isDeepStrictEqual(
      members.map((each) => parseStrictly(each)?.value),
      whole.value,
    ),
    'a member of a batch lies elsewhere',
  );
}

export const jsonrpc: Target = {
  name: 'jsonrpc',
  weight: 55,
  maxBytes: 65_536,
  dictionary: [
    ...['{', '}', '[', ']', ',', ':', '"', '\\', '\n', '\r', '\0', '\ufeff', 'null', 'true', '-0', '1e5', '0.5'],
    ...[
      '\\ud800',
      '\\udc00',
      '\\udc00\\udc00',
      '\\ud83d\\ude00',
      '\\u0069d',
      '\\u',
      '"id":1,',
      '"ID":1,',
      '"__proto__":{},',
      '"\\u005f_proto__":1,',
    ],
    ...['"method":"m",', '"params":{},', '"Params":{},', '"result":{},', '"error":{},', '"_meta":{},', '"_Meta":1,'],
    ...[
      '"taskId":1,',
      '"ta\u017fkId":1,',
      '"reque\\ufb06State":1,',
      '"\\u006e\\u0061me":1,',
      '"\u00e9":1,',
      '"jsonrpc":"2.0",',
      '[[[[[[[[',
      ']]]]]]]]',
      '{"a":{"a":',
      '// x\n',
      '/**/',
    ],
    ...[Buffer.from([0xc0, 0x80]), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from([0xf4, 0x90, 0x80, 0x80])],
  ],
  generate: (random) => Buffer.from(message(random)),
  check(bytes, random) {
    const reading = read(bytes);
    checkClient(bytes, reading, random);
    checkServer(bytes, reading);
    checkBody(bytes);
  },
};
