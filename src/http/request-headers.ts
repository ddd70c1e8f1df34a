/**
 * The request headers this gateway reads, taken once from `rawHeaders`.
 *
 * Node joins or drops repeated headers before anybody can object; two parsers could then disagree about who is calling.
 * Here every header is either single (a second one is remembered in `duplicated`, and the request is refused) or a list.
 */
export class RequestHeaders {
  host: string | undefined = undefined;
  origin: string | undefined = undefined;
  /** Access-Control-Request-Method: what a browser asks leave for before it sends it. */
  askedMethod: string | undefined = undefined;
  /** Access-Control-Request-Headers. */
  askedHeaders: string | undefined = undefined;
  contentType: string | undefined = undefined;
  contentEncoding: string | undefined = undefined;
  contentLength: string | undefined = undefined;
  transferEncoding: string | undefined = undefined;
  accept: string | undefined = undefined;
  expect: string | undefined = undefined;
  upgrade: string | undefined = undefined;
  userAgent: string | undefined = undefined;
  requestId: string | undefined = undefined;
  sessionId: string | undefined = undefined;
  protocolVersion: string | undefined = undefined;
  mcpMethod: string | undefined = undefined;
  mcpName: string | undefined = undefined;
  lastEventId: string | undefined = undefined;
  /** Every Authorization header, in order: more than one is for `authenticate` to refuse. */
  authorization: readonly string[] = NONE;
  /** `Mcp-Param-*` headers as name, value, name, value. */
  params: readonly string[] = NONE;
  /** What proxies say of those they speak for, each header with its lines in order. Whether any of it is believed is not for here. */
  forwardedFor: readonly string[] = NONE;
  realIp: readonly string[] = NONE;
  forwarded: readonly string[] = NONE;
  cfConnectingIp: readonly string[] = NONE;
  forwardedProto: readonly string[] = NONE;
  /** There is a header that proxies add, of whatever family: the sender may pass on what somebody else sent. */
  isForwarded = false;
  /** One of them says for whom. `Via` does not. */
  speaksForAnother = false;
  /** The first header that may appear once and appeared twice. */
  duplicated: string | undefined = undefined;

  constructor(raw: readonly string[]) {
    for (let i = 0; i + 1 < raw.length; i += 2) {
      const name = raw[i] as string;
      const field = fieldOf(name);
      if (field !== undefined) this.take(field, name, raw[i + 1] as string);
    }
  }

  private take(field: Field, name: string, value: string): void {
    if (field === 'authorization') {
      this.authorization = this.authorization === NONE ? [value] : [...this.authorization, value];
    } else if (field === 'isForwarded') {
      this.isForwarded = true;
    } else if (field === 'speaksForAnother') {
      this.isForwarded = true;
      this.speaksForAnother = true;
    } else if (isForwardingField(field)) {
      this.isForwarded = true;
      this.speaksForAnother = true;
      this[field] = this[field] === NONE ? [value] : [...this[field], value];
    } else if (field === 'params') {
      this.params = [...this.params, name, value];
    } else if (this[field] === undefined) {
      this[field] = value;
    } else if (field === 'accept') {
      // Several Accept lines are one list (RFC 9110, section 5.3); every other header here is single.
      this.accept += `, ${value}`;
    } else {
      this.duplicated ??= name;
    }
  }
}

type ForwardingField = 'forwardedFor' | 'realIp' | 'forwarded' | 'cfConnectingIp' | 'forwardedProto';
type SingleField = Exclude<
  keyof RequestHeaders,
  ForwardingField | 'authorization' | 'params' | 'isForwarded' | 'speaksForAnother' | 'duplicated'
>;
type Field = SingleField | ForwardingField | 'authorization' | 'params' | 'isForwarded' | 'speaksForAnother';

function isForwardingField(field: Field): field is ForwardingField {
  return field === 'realIp' || field === 'cfConnectingIp' || field.startsWith('forwarded');
}

const NONE: readonly string[] = Object.freeze([]);

const FIELDS = new Map<string, Field>([
  ['host', 'host'],
  ['origin', 'origin'],
  ['access-control-request-method', 'askedMethod'],
  ['access-control-request-headers', 'askedHeaders'],
  ['content-type', 'contentType'],
  ['content-encoding', 'contentEncoding'],
  ['content-length', 'contentLength'],
  ['transfer-encoding', 'transferEncoding'],
  ['accept', 'accept'],
  ['expect', 'expect'],
  ['upgrade', 'upgrade'],
  ['user-agent', 'userAgent'],
  ['x-request-id', 'requestId'],
  ['mcp-session-id', 'sessionId'],
  ['mcp-protocol-version', 'protocolVersion'],
  ['mcp-method', 'mcpMethod'],
  ['mcp-name', 'mcpName'],
  ['last-event-id', 'lastEventId'],
  ['authorization', 'authorization'],
  ['x-forwarded-for', 'forwardedFor'],
  ['x-real-ip', 'realIp'],
  ['forwarded', 'forwarded'],
  ['cf-connecting-ip', 'cfConnectingIp'],
  ['x-forwarded-proto', 'forwardedProto'],
  // Nothing is read from these; that they are there says that a proxy may be.
  ['via', 'isForwarded'],
  ['cdn-loop', 'isForwarded'],
  ['x-amzn-trace-id', 'isForwarded'],
  ['x-original-host', 'isForwarded'],
  ['x-original-url', 'isForwarded'],
  ['x-original-proto', 'isForwarded'],
  ['x-scheme', 'isForwarded'],
  ['x-url-scheme', 'isForwarded'],
  ['x-real-port', 'isForwarded'],
  ['front-end-https', 'isForwarded'],
  ['x-forwarded', 'speaksForAnother'],
  ['forwarded-for', 'speaksForAnother'],
  ['forwarded-for-ip', 'speaksForAnother'],
  ['client-ip', 'speaksForAnother'],
  ['x-proxyuser-ip', 'speaksForAnother'],
  ['proxy-client-ip', 'speaksForAnother'],
  ['wl-proxy-client-ip', 'speaksForAnother'],
  ['x-originating-ip', 'speaksForAnother'],
  ['x-remote-ip', 'speaksForAnother'],
  ['x-remote-addr', 'speaksForAnother'],
  ['x-appengine-user-ip', 'speaksForAnother'],
  ['x-appengine-remote-addr', 'speaksForAnother'],
  ['do-connecting-ip', 'speaksForAnother'],
  ['fly-client-ip', 'speaksForAnother'],
  ['x-azure-socketip', 'speaksForAnother'],
  ['cloudfront-viewer-address', 'speaksForAnother'],
  ['x-nf-client-connection-ip', 'speaksForAnother'],
  ['true-client-ip', 'speaksForAnother'],
  ['x-client-ip', 'speaksForAnother'],
  ['x-cluster-client-ip', 'speaksForAnother'],
  ['x-original-forwarded-for', 'speaksForAnother'],
  ['x-envoy-external-address', 'speaksForAnother'],
  ['x-azure-clientip', 'speaksForAnother'],
  ['fastly-client-ip', 'speaksForAnother'],
  ['cf-connecting-ipv6', 'isForwarded'],
  ['cf-ray', 'speaksForAnother'],
]);

/** What else the proxies of providers add. No client has such headers of its own. */
const PROXY_PREFIXES = [
  'cf-',
  'cloudfront-',
  'fastly-',
  'fly-',
  'x-amz-cf-',
  'x-appengine-',
  'x-azure-',
  'x-envoy-',
  'x-nf-',
  'x-vercel-',
];

/** Spellings seen so far. Clients repeat themselves, so most names cost one look-up and no lower-casing. */
const spellings = new Map<string, Field | undefined>();
const MAX_SPELLINGS = 512;

function fieldOf(name: string): Field | undefined {
  const known = spellings.get(name);
  if (known !== undefined || spellings.has(name)) return known;
  const lower = name.toLowerCase();
  const field = FIELDS.get(lower) ?? fieldOfPrefix(lower);
  if (spellings.size < MAX_SPELLINGS) spellings.set(name, field);
  return field;
}

function fieldOfPrefix(lower: string): Field | undefined {
  if (lower.startsWith('mcp-param-')) return 'params';
  if (lower.startsWith('x-forwarded-')) return 'speaksForAnother';
  return PROXY_PREFIXES.some((prefix) => lower.startsWith(prefix)) ? 'isForwarded' : undefined;
}

function isForwardingHeader(field: Field): boolean {
  return field === 'isForwarded' || field === 'speaksForAnother' || isForwardingField(field);
}

/** Longer values are cut: what is printed was sent by anybody. */
const SHOWN = 512;

/** The headers proxies add, as they came: `X-Forwarded-For: 203.0.113.7`. For people who look for a fault. */
export function forwardingHeaders(raw: readonly string[]): readonly string[] {
  const shown: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const field = fieldOf(raw[i] as string);
    if (field === undefined || !isForwardingHeader(field)) continue;
    shown.push(`${raw[i]}: ${raw[i + 1]}`.slice(0, SHOWN));
  }
  return shown;
}
