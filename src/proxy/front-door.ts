import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { connectionOf } from '../http/connection.ts';
import { jsonResponse, send } from '../http/outbound-response.ts';
import { originForm } from '../http/routes.ts';
import { PREFLIGHT_GRANTED } from '../policy/cors.ts';
import { type ChainResult, isStopped } from '../policy/engine.ts';
import { Exchange } from '../policy/exchange.ts';
import { refusedMeanwhile } from '../policy/network.ts';
import { noServerHere, serversFor } from '../policy/route-access.ts';
import { type Denial, isDenial, refuse } from '../policy/verdict.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import type { Problem } from '../problem/problem.ts';
import { clientEcho } from './client-echo.ts';
import { mcpPost, type PostContext } from './mcp-post.ts';
import { mcpDelete, mcpGet } from './mcp-session.ts';
import { health, liveness, type ProbeFacts, readiness } from './probes.ts';
import { Refuser } from './refuser.ts';
import { serverList } from './server-list.ts';
import type { Estate, Generation, Plane } from './services.ts';
import { sseMessage, sseStream } from './sse-transport.ts';

/** What is behind the door: the rules in force now, and what the routes without a server answer from. */
export interface House {
  /** The generation a request that comes in now is pinned to. */
  generation(): Generation;
  readonly facts: ProbeFacts;
}

/**
 * One listener's requests from the first byte to the last: route, admission, then the terminal the route names. What is
 * refused on the way is answered and recorded in one place.
 */
export class FrontDoor {
  private readonly estate: Estate;
  private readonly house: House;
  private readonly planeOf: (rules: Generation) => Plane;
  private readonly refuser: Refuser;
  private readonly prefix: string;
  private counter = 0;

  /** @param prefix begins every decision id: unique per process, so that ids of two runs never meet. */
  constructor(estate: Estate, house: House, planeOf: (rules: Generation) => Plane, prefix: string) {
    this.estate = estate;
    this.house = house;
    this.planeOf = planeOf;
    this.refuser = new Refuser(estate);
    this.prefix = prefix;
  }

  request(request: IncomingMessage, response: ServerResponse, isFirst: boolean): void {
    const rules = this.house.generation();
    const plane = this.planeOf(rules);
    const found = plane.routes.find(originForm(request));
    const route = 'path' in found ? found : plane.unknown;
    const x = new Exchange(this.nextId(), route, request);
    this.countWhenDone(x, response);
    if (!('path' in found)) x.targetFault = found;
    x.isFirst = isFirst;
    if (x.headers.expect !== undefined) x.invite = () => response.writeContinue();
    const pending = plane.admit.run(x);
    if (!(pending instanceof Promise)) return this.admitted(rules, x, response, pending);
    pending
      .then((result) => {
        const denial = isStopped(result) ? undefined : this.refusedMeanwhile(x);
        if (denial === undefined) this.admitted(rules, x, response, result);
        else this.refuser.request(x, response, 'network', denial);
      })
      .catch((error: unknown) => this.refuser.failure(x, response, error));
  }

  /** Its body was long on its way, perhaps: rules pinned at its head must not let in who may not come any more. */
  private refusedMeanwhile(x: Exchange): Denial | undefined {
    return refusedMeanwhile(this.planeOf(this.house.generation()).perimeter.network, x);
  }

  /** Node refused the bytes before there was a request: for the record. Returns the decision id. */
  refused(problem: Problem, detail: string, socket: Socket): string {
    return this.refuseConnection('http.unreadable', detail, socket, problem.status);
  }

  /** A connection ended before HTTP was spoken on it: for the record. Returns the decision id. */
  turnedAway(reason: string, detail: string, socket: Socket, answer?: Problem): string {
    return this.refuseConnection(reason, detail, socket, answer?.status);
  }

  private refuseConnection(reason: string, rule: string, socket: Socket, status?: number): string {
    const decision_id = this.nextId();
    const peer = connectionOf(socket).peer?.text ?? '';
    this.estate.metrics.verdict('listener', reason, 'deny');
    this.estate.audit.refusal(
      {
        type: 'decision',
        decision_id,
        peer,
        verdict: 'deny',
        policy: 'listener',
        reason,
        rule,
        status,
        outcome: 'refused',
      },
      peer,
    );
    return decision_id;
  }

  /** What every answer on a connection carries, where there is no request for a step to say so. */
  headers(socket: Socket): readonly string[] {
    const { headers } = this.house.generation();
    return connectionOf(socket).isEncrypted ? headers.secure : headers.plain;
  }

  private nextId(): string {
    this.counter += 1;
    return `${this.prefix}-${this.counter.toString(36)}`;
  }

  private admitted(rules: Generation, x: Exchange, response: ServerResponse, result: ChainResult): void {
    if (!isStopped(result)) {
      if (x.client === undefined) this.estate.log.info(UNKNOWN_CLIENT, { decision_id: x.id, peer: x.peer });
      return this.terminal(rules, x, response);
    }
    const { step, verdict } = result;
    if (!isDenial(verdict)) {
      if (step === 'cors' && verdict.rule !== PREFLIGHT_GRANTED) this.refuser.ungranted(x, verdict.rule);
      return send(response, verdict.answer, x.responseHeaders, false);
    }
    if (step === 'parse') this.refuser.message(x, response, verdict, step);
    else this.refuser.request(x, response, step, verdict);
  }

  private terminal(rules: Generation, x: Exchange, response: ServerResponse): void {
    switch (x.route.name) {
      case 'mcp':
      case 'sse':
      case 'messages':
        return this.mcp(rules, x, response);
      case 'servers':
        return serverList(rules, x, response);
      case 'client-address':
        return clientEcho(this.planeOf(rules), x, response);
      case 'health':
        return health(this.house.facts, rules, x, response);
      case 'liveness':
        return liveness(x, response);
      case 'readiness':
        return readiness(this.house.facts, x, response);
      case 'metrics':
        return this.metrics(x, response);
      case 'unknown-mcp':
        return this.unknownServer(rules, x, response);
      case 'unknown':
        return this.refuser.request(x, response, 'routes', UNKNOWN);
    }
  }

  private mcp(rules: Generation, x: Exchange, response: ServerResponse): void {
    const plan = rules.servers.get(x.route.server ?? '');
    if (plan === undefined) return this.unknownServer(rules, x, response);
    const context: PostContext = { estate: this.estate, rules, plan, x, response, refuser: this.refuser };
    TERMINALS[x.route.name as McpRoute](context).catch((error: unknown) => this.refuser.failure(x, response, error));
  }

  private unknownServer(rules: Generation, x: Exchange, response: ServerResponse): void {
    const problem = noServerHere(serversFor(x, rules, [...rules.servers.keys()]));
    this.refuser.request(x, response, 'routes', refuse(problem, 'route.unknown-server'));
  }

  private metrics(x: Exchange, response: ServerResponse): void {
    const { metrics } = this.estate;
    metrics
      .render()
      .then((text) => {
        const answer = { status: 200, headers: ['Content-Type', metrics.contentType], body: text };
        send(response, answer, x.responseHeaders, false);
      })
      .catch((error: unknown) => {
        this.estate.log.error('metrics could not be rendered', { error: String(error) });
        send(response, jsonResponse(500, { error: 'internal' }), x.responseHeaders, false);
      });
  }

  private countWhenDone(x: Exchange, response: ServerResponse): void {
    response.on('close', () => {
      const status = response.headersSent ? STATUS_CLASSES[Math.floor(response.statusCode / 100)] : undefined;
      this.estate.metrics.requests(x.route.name, x.request.method ?? '', status ?? '4xx');
    });
  }
}

const STATUS_CLASSES = ['', '1xx', '2xx', '3xx', '4xx', '5xx'];
type McpRoute = 'mcp' | 'sse' | 'messages';

const TERMINALS: { readonly [name in McpRoute]: (context: PostContext) => Promise<void> } = {
  mcp: streamableHttp,
  sse: sseStream,
  messages: sseMessage,
};

function streamableHttp(context: PostContext): Promise<void> {
  const { method } = context.x.request;
  if (method === 'POST') return mcpPost(context);
  return method === 'GET' ? mcpGet(context) : mcpDelete(context);
}

/** Only where `security.ip_unknown: allow`, or a report, lets such requests pass. */
const UNKNOWN_CLIENT = 'a request whose client address nobody can tell was let in';
const UNKNOWN = refuse(PROBLEMS.NOT_FOUND, 'route.unknown', { close: true });
