import {
  Client as ClientV2,
  type ElicitRequest,
  StreamableHTTPClientTransport as HttpV2,
  SSEClientTransport as SseV2,
} from '@modelcontextprotocol/client';
import { StdioClientTransport as StdioV2 } from '@modelcontextprotocol/client/stdio';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport as SseV1 } from '@modelcontextprotocol/sdk/client/sse.js';
import { StdioClientTransport as StdioV1 } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport as HttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { InMemoryTaskStore } from '@modelcontextprotocol/sdk/experimental/tasks';
import type { Transport as TransportV1 } from '@modelcontextprotocol/sdk/shared/transport.js';
import {
  type CreateMessageRequest,
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  type Result as ResultV1,
} from '@modelcontextprotocol/sdk/types.js';
import type { Negotiation, StdioCommand, ToolAnswer } from '../support/clients.ts';

/** Where a server is: a URL, the token it wants and the transport if it is the old one, or a program to start. */
export type Place = { readonly url: string; readonly token?: string; readonly transport?: 'sse' } | StdioCommand;

/** One JSON-RPC message as it went over the wire. */
export interface WireMessage {
  readonly id?: string | number;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>> & {
    readonly name?: unknown;
    readonly progress?: unknown;
    readonly progressToken?: unknown;
    readonly _meta?: { readonly progressToken?: unknown };
  };
  readonly result?: unknown;
}

interface CallOptions {
  readonly onprogress?: (progress: { readonly progress: number }) => void;
  readonly signal?: AbortSignal;
}

/** What both generations of the SDK offer under the same names. */
interface CommonSdk {
  listTools(
    params?: undefined,
    options?: { cacheMode: 'refresh' },
  ): Promise<{ readonly tools: readonly { readonly name: string }[] }>;
  listPrompts(): Promise<{ readonly prompts: readonly { readonly name: string }[] }>;
  listResources(): Promise<{ readonly resources: readonly { readonly name: string; readonly uri: string }[] }>;
  listResourceTemplates(): Promise<{ readonly resourceTemplates: readonly unknown[] }>;
  getPrompt(params: { name: string; arguments: Record<string, string> }): Promise<unknown>;
  readResource(params: { uri: string }): Promise<unknown>;
  complete(params: { ref: object; argument: object; context?: object }): Promise<{ readonly completion: unknown }>;
  getServerCapabilities(): object | undefined;
  getServerVersion(): object | undefined;
  getInstructions(): string | undefined;
}

/** A client that can do everything the protocol lets a server ask of it, with a record of every message. */
export interface FullClient {
  readonly era: 'modern' | 'legacy';
  readonly sdk: CommonSdk;
  /** What the client sent, and what it received, in the order of the wire. */
  readonly sent: readonly WireMessage[];
  readonly heard: readonly WireMessage[];
  call(name: string, args?: Record<string, unknown>, options?: CallOptions): Promise<ToolAnswer>;
  /** Calls a tool as a task (SDK v1 alone can) and waits for its result. */
  callAsTask?(name: string, args: Record<string, unknown>): Promise<unknown>;
  /** Asks to be told of changes of the tool list, where the era wants that (2026-07-28, subscriptions). */
  watchTools?(): Promise<unknown>;
  close(): Promise<void>;
}

export type Kind = 'SDK v1' | 'SDK v2 legacy' | 'SDK v2 auto' | 'SDK v2 pinned';

const IDENTITY = { name: 'sallyport-e2e', version: '1.0.0' };
const ROOTS = [{ uri: 'file:///work', name: 'work' }];
const SAMPLE = { role: 'assistant', model: 'test', content: { type: 'text', text: 'a sample' } } as const;
const CAPABILITIES = { sampling: {}, elicitation: { form: {}, url: {} }, roots: { listChanged: true } };

function elicited(params: { readonly mode?: string | undefined; readonly requestedSchema?: unknown }) {
  return params.mode === 'url'
    ? { action: 'accept' as const }
    : { action: 'accept' as const, content: { name: 'Ada', interpretation: 'technical' } };
}

export function connectFull(kind: Kind, place: Place): Promise<FullClient> {
  if (kind === 'SDK v1') return openV1(place);
  const negotiation = { 'SDK v2 legacy': 'legacy', 'SDK v2 auto': 'auto', 'SDK v2 pinned': 'pinned' } as const;
  return openV2(place, negotiation[kind]);
}

function requestInit(token: string | undefined) {
  return { requestInit: { headers: token === undefined ? {} : { authorization: `Bearer ${token}` } } };
}

function stdio({ command, args, env }: StdioCommand) {
  return { command, args: [...args], stderr: 'ignore' as const, ...(env ? { env: { ...env } } : {}) };
}

function transportV1(place: Place): TransportV1 {
  if (!('url' in place)) return new StdioV1(stdio(place));
  const Transport = place.transport === 'sse' ? SseV1 : HttpV1;
  return new Transport(new URL(place.url), requestInit(place.token)) as TransportV1;
}

function transportV2(place: Place): HttpV2 | SseV2 | StdioV2 {
  if (!('url' in place)) return new StdioV2(stdio(place));
  const Transport = place.transport === 'sse' ? SseV2 : HttpV2;
  return new Transport(new URL(place.url), requestInit(place.token));
}

async function openV1(place: Place): Promise<FullClient> {
  const transport = transportV1(place);
  const tasks = { requests: { elicitation: { create: {} }, sampling: { createMessage: {} } } };
  const sdk = new ClientV1(IDENTITY, {
    capabilities: { ...CAPABILITIES, tasks },
    taskStore: new InMemoryTaskStore(),
  });
  answerForV1(sdk);
  const record = recordOf(transport);
  await sdk.connect(transport);
  return {
    era: 'legacy',
    sdk: sdk as unknown as CommonSdk,
    ...record,
    call: async (name, args = {}, options = {}) =>
      (await sdk.callTool({ name, arguments: args }, undefined, options)) as ToolAnswer,
    callAsTask: async (name, args) => {
      const stream = sdk.experimental.tasks.callToolStream({ name, arguments: args }, undefined, { task: {} });
      for await (const step of stream) {
        if (step.type === 'error') throw step.error;
        if (step.type === 'result') return step.result;
      }
      throw new Error(`${name} ended without a result`);
    },
    close: () => endSession(transport, () => sdk.close()),
  };
}

function answerForV1(sdk: ClientV1): void {
  sdk.setRequestHandler(ListRootsRequestSchema, () => ({ roots: ROOTS }));
  sdk.setRequestHandler(ElicitRequestSchema, async (request, { taskStore }) => {
    return answerOrTask(request.params, taskStore, elicited(request.params));
  });
  sdk.setRequestHandler(CreateMessageRequestSchema, async (request: CreateMessageRequest, { taskStore }) => {
    return answerOrTask(request.params, taskStore, SAMPLE);
  });
}

interface TaskStore {
  createTask(params: { ttl: number }): Promise<{ taskId: string }>;
  storeTaskResult(taskId: string, status: 'completed', result: ResultV1): Promise<void>;
}

/** A server may ask for the answer as a task, which it then polls for (2025-11-25, tasks). */
async function answerOrTask<T extends ResultV1>(params: object, tasks: TaskStore | undefined, answer: T): Promise<T> {
  if (!('task' in params) || params.task === undefined || tasks === undefined) return answer;
  const task = await tasks.createTask({ ttl: 60_000 });
  await tasks.storeTaskResult(task.taskId, 'completed', answer);
  return { task } as unknown as T;
}

async function openV2(place: Place, negotiation: Negotiation): Promise<FullClient> {
  const transport = transportV2(place);
  const sdk = new ClientV2(IDENTITY, {
    capabilities: CAPABILITIES,
    versionNegotiation: { mode: negotiation === 'pinned' ? { pin: '2026-07-28' } : negotiation },
  });
  sdk.setRequestHandler('roots/list', () => ({ roots: ROOTS }));
  sdk.setRequestHandler('sampling/createMessage', () => SAMPLE);
  sdk.setRequestHandler('elicitation/create', (request: ElicitRequest) => elicited(request.params));
  const record = recordOf(transport);
  await sdk.connect(transport);
  return {
    era: sdk.getProtocolEra() === 'modern' ? 'modern' : 'legacy',
    sdk: sdk as unknown as CommonSdk,
    ...record,
    call: async (name, args = {}, options = {}) =>
      (await sdk.callTool({ name, arguments: args }, options)) as ToolAnswer,
    watchTools: async () => sdk.getProtocolEra() === 'modern' && sdk.listen({ toolsListChanged: true }),
    close: () => endSession(transport, () => sdk.close()),
  };
}

interface Wire {
  onmessage?: ((message: never, extra?: never) => void) | undefined;
  send(message: never, options?: never): Promise<void>;
}

/** Writes down every message in the order of the wire. Both SDKs let whoever set `onmessage` first see a message first. */
function recordOf(wire: Wire): { sent: WireMessage[]; heard: WireMessage[] } {
  const sent: WireMessage[] = [];
  const heard: WireMessage[] = [];
  const send = wire.send.bind(wire);
  wire.send = (message, options) => {
    sent.push(message);
    return send(message, options);
  };
  wire.onmessage = (message) => void heard.push(message);
  return { sent, heard };
}

async function endSession(transport: object, close: () => Promise<void>): Promise<void> {
  if ('terminateSession' in transport && 'sessionId' in transport && transport.sessionId !== undefined) {
    await (transport as { terminateSession(): Promise<void> }).terminateSession().catch(() => {});
  }
  await close();
}
