import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import type { Route } from '../../src/http/routes.ts';
import type { Principal, PrincipalId } from '../../src/identity/principal.ts';
import type { Message } from '../../src/jsonrpc/message.ts';
import { isScanFailure, scanMessage } from '../../src/jsonrpc/scan.ts';
import { parseAddress } from '../../src/net/parse-address.ts';
import type { Call, CallOrigin } from '../../src/policy/call.ts';
import { Exchange } from '../../src/policy/exchange.ts';

/** A caller with the role `user` who may use every server, unless said otherwise. */
export function principalOf(facts: Partial<Principal> = {}): Principal {
  return {
    id: 'token:ada' as PrincipalId,
    name: 'ada',
    method: 'token',
    roles: ['user'],
    servers: undefined,
    expiresAt: undefined,
    ...facts,
  };
}

/** The route of a server, unless said otherwise. */
export function routeOf(facts: Partial<Route> = {}): Route {
  return {
    name: 'mcp',
    plane: 'data',
    path: '/mcp/crm',
    methods: ['GET', 'POST', 'DELETE'],
    server: 'crm',
    auth: 'required',
    role: 'user',
    bodyBytes: 1_000,
    rateClass: 'mcp',
    audit: 'call',
    checkHost: true,
    cors: 'listed',
    ...facts,
  };
}

export interface RequestFacts {
  readonly method?: string;
  /** The target. */
  readonly url?: string;
  /** As on the wire: name, value, name, value. */
  readonly headers?: readonly string[];
  /** The whole body. Absent: none was announced, and none comes. */
  readonly body?: string | undefined;
  readonly peer?: string | undefined;
  readonly route?: Partial<Route>;
}

/** A request as Node hands it over, without a connection behind it: only the socket's peer address is made up. */
export function requestOf({
  method = 'POST',
  url = '/mcp/crm',
  headers = [],
  body,
  peer = '203.0.113.7',
}: RequestFacts) {
  const socket = new Socket();
  Object.defineProperty(socket, 'remoteAddress', { value: peer });
  const request = new IncomingMessage(socket);
  request.httpVersion = '1.1';
  request.method = method;
  request.url = url;
  request.rawHeaders = [...headers];
  if (body !== undefined) request.push(body);
  request.push(null);
  return request;
}

/** One HTTP request on its way through the admission steps. */
export function exchangeOf(facts: RequestFacts = {}): Exchange {
  return new Exchange('run-1', routeOf(facts.route), requestOf(facts));
}

/** The message a JSON value is on the wire. */
export function messageOf(value: unknown): Message {
  const message = scanMessage(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)));
  if (isScanFailure(message)) throw new Error(`not a message: ${message.detail}`);
  return message;
}

const ORIGIN: CallOrigin = {
  decisionId: 'run-1',
  requestId: 'run-1',
  clientRequestId: undefined,
  sessionKey: undefined,
  peer: '203.0.113.7',
  client: parseAddress('203.0.113.7'),
  clientAddress: '203.0.113.7',
  isLocalhost: false,
  clientCertificate: undefined,
  connection: undefined,
  userAgent: undefined,
  route: '/mcp/crm',
  httpMethod: 'POST',
};

/** A call of the tool `echo` on a server that lists every tool, unless said otherwise. */
export function callOf(facts: Partial<Call> & { readonly params?: unknown } = {}): Call {
  const { params, ...rest } = facts;
  const method = rest.method ?? 'tools/call';
  const named = method === 'tools/call' ? { name: 'echo' } : {};
  return {
    received: messageOf({ jsonrpc: '2.0', id: 1, method, params: params ?? named }),
    method,
    name: method === 'tools/call' ? 'echo' : undefined,
    principal: principalOf(),
    server: 'crm',
    revision: '2026-07-28',
    direction: 'client-to-server',
    origin: ORIGIN,
    capabilities: undefined,
    tools: { lists: () => true, facts: () => undefined },
    rule: undefined,
    ...rest,
  };
}
