import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { Client as ClientV2, StreamableHTTPClientTransport as HttpV2 } from '@modelcontextprotocol/client';
import { StdioClientTransport as StdioV2 } from '@modelcontextprotocol/client/stdio';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as StdioV1 } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport as HttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport as TransportV1 } from '@modelcontextprotocol/sdk/shared/transport.js';
import { CreateMessageRequestSchema, ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';

export interface ListedTool {
  readonly name: string;
  readonly description?: string | undefined;
  readonly inputSchema: unknown;
}

export interface ToolAnswer {
  readonly content: readonly { readonly type: string; readonly text?: string }[];
  readonly structuredContent?: unknown;
  readonly isError?: boolean;
}

/** What every official client can do, said the same way. `sdk` is the client itself, for what only it can do. */
export interface TestClient<Sdk = unknown> {
  readonly era: 'modern' | 'legacy';
  readonly sdk: Sdk;
  listTools(): Promise<ListedTool[]>;
  /** @throws what the client throws: its own error class for a JSON-RPC error. A tool error is an answer with `isError`. */
  callTool(name: string, args?: Record<string, unknown>, onProgress?: (progress: number) => void): Promise<ToolAnswer>;
  close(): Promise<void>;
}

export interface ClientOptions {
  /** Sent as `Authorization: Bearer` with every request. */
  readonly token?: string | undefined;
  /** Further headers of every request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** In place of the global one: for an address of its own, or an authority it trusts. */
  readonly fetch?: typeof fetch;
  /** The client declares elicitation and answers with this content. */
  readonly elicit?: Record<string, string>;
  /** The client declares sampling and answers with this text. */
  readonly sample?: string;
}

export interface StdioCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** `pinned` insists on 2026-07-28; `auto` asks the server; `legacy` never speaks the modern era. */
export type Negotiation = 'legacy' | 'auto' | 'pinned';

const IDENTITY = { name: 'sallyport-test', version: '1.0.0' };

function headersOf({ token, headers }: ClientOptions): Record<string, string> {
  return { ...headers, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) };
}

function httpOptions(options: ClientOptions) {
  return {
    requestInit: { headers: headersOf(options) },
    ...(options.fetch === undefined ? {} : { fetch: options.fetch }),
  };
}

function capabilitiesOf({ elicit, sample }: ClientOptions) {
  return { ...(elicit ? { elicitation: {} } : {}), ...(sample === undefined ? {} : { sampling: {} }) };
}

const stdioParameters = ({ command, args, env }: StdioCommand) => {
  return { command, args: [...args], stderr: 'ignore' as const, ...(env ? { env: { ...env } } : {}) };
};

/** SDK v1 (the client most programs still have), over Streamable HTTP. */
export function connectV1(url: string, options: ClientOptions = {}): Promise<TestClient<ClientV1>> {
  return openV1(new HttpV1(new URL(url), httpOptions(options)) as TransportV1, options);
}

export function connectV1Stdio(command: StdioCommand, options: ClientOptions = {}): Promise<TestClient<ClientV1>> {
  return openV1(new StdioV1(stdioParameters(command)), options);
}

async function openV1(transport: TransportV1, options: ClientOptions): Promise<TestClient<ClientV1>> {
  const { elicit, sample } = options;
  const sdk = new ClientV1(IDENTITY, { capabilities: capabilitiesOf(options) });
  if (elicit) sdk.setRequestHandler(ElicitRequestSchema, () => ({ action: 'accept', content: elicit }));
  if (sample !== undefined) {
    const content = { type: 'text' as const, text: sample };
    sdk.setRequestHandler(CreateMessageRequestSchema, () => ({ role: 'assistant', model: 'test', content }));
  }
  await sdk.connect(transport);
  const progress = watchProgress(transport);
  return {
    era: 'legacy',
    sdk,
    listTools: async () => (await sdk.listTools()).tools,
    callTool: async (name, args = {}, onProgress) =>
      (await sdk.callTool({ name, arguments: args }, undefined, progress(onProgress))) as ToolAnswer,
    close: () => endSession(transport, () => sdk.close()),
  };
}

/** SDK v2 over Streamable HTTP. */
export function connectV2(
  url: string,
  negotiation: Negotiation,
  options: ClientOptions = {},
): Promise<TestClient<ClientV2>> {
  return openV2(new HttpV2(new URL(url), httpOptions(options)), negotiation, options);
}

export function connectV2Stdio(
  command: StdioCommand,
  negotiation: Negotiation,
  options: ClientOptions = {},
): Promise<TestClient<ClientV2>> {
  return openV2(new StdioV2(stdioParameters(command)), negotiation, options);
}

async function openV2(transport: HttpV2 | StdioV2, negotiation: Negotiation, options: ClientOptions) {
  const { elicit, sample } = options;
  const sdk = new ClientV2(IDENTITY, {
    capabilities: capabilitiesOf(options),
    versionNegotiation: { mode: negotiation === 'pinned' ? { pin: '2026-07-28' } : negotiation },
  });
  if (elicit) sdk.setRequestHandler('elicitation/create', () => ({ action: 'accept', content: elicit }));
  if (sample !== undefined) {
    const content = { type: 'text' as const, text: sample };
    sdk.setRequestHandler('sampling/createMessage', () => ({ role: 'assistant', model: 'test', content }));
  }
  await sdk.connect(transport);
  const progress = watchProgress(transport);
  const client: TestClient<ClientV2> = {
    era: sdk.getProtocolEra() === 'modern' ? 'modern' : 'legacy',
    sdk,
    listTools: async () => (await sdk.listTools(undefined, { cacheMode: 'refresh' })).tools,
    callTool: async (name, args = {}, onProgress) =>
      (await sdk.callTool({ name, arguments: args }, progress(onProgress))) as ToolAnswer,
    close: () => endSession(transport, () => sdk.close()),
  };
  return client;
}

/** The two members every transport of both SDKs has; each SDK types their messages in its own way. */
interface Wire {
  onmessage?: ((message: never, extra?: never) => void) | undefined;
  send(message: never, options?: never): Promise<void>;
}

interface WireMessage {
  readonly method?: string;
  readonly params?: {
    readonly progressToken?: unknown;
    readonly progress?: number;
    readonly _meta?: { progressToken?: unknown };
  };
}

/**
 * Sees progress on the wire itself. The SDKs hand a notification on one turn later than an answer, and forget the listener
 * with the answer: progress that arrives in the same read as the answer would be lost to them.
 * @returns a function that makes the request option for one call; the SDK picks the token.
 */
function watchProgress(wire: Wire): (onProgress?: (progress: number) => void) => object {
  const waiting: ((progress: number) => void)[] = [];
  const listeners = new Map<unknown, (progress: number) => void>();
  const { onmessage } = wire;
  const send = wire.send.bind(wire);
  wire.send = (message, options) => {
    const { method, params } = message as WireMessage;
    const token = params?._meta?.progressToken;
    const listener = method === 'tools/call' && token !== undefined ? waiting.shift() : undefined;
    if (listener) listeners.set(token, listener);
    return send(message, options);
  };
  wire.onmessage = (message, extra) => {
    const { method, params } = message as WireMessage;
    if (method === 'notifications/progress') listeners.get(params?.progressToken)?.(params?.progress ?? Number.NaN);
    onmessage?.(message, extra);
  };
  return (onProgress) => {
    if (onProgress === undefined) return {};
    waiting.push(onProgress);
    return { onprogress: () => {} };
  };
}

/** A legacy HTTP session is ended by DELETE, as a tidy client does; then the transport is closed. */
async function endSession(transport: object, close: () => Promise<void>): Promise<void> {
  if ('terminateSession' in transport && 'sessionId' in transport && transport.sessionId !== undefined) {
    await (transport as { terminateSession(): Promise<void> }).terminateSession().catch(() => {});
  }
  await close();
}

const inspectorEntry = join(
  dirname(createRequire(import.meta.url).resolve('@modelcontextprotocol/inspector-cli/package.json')),
  'build/cli.js',
);

/**
 * Runs the Inspector's command line once and returns what it printed, parsed.
 * @throws with the Inspector's message when it fails.
 */
export async function runInspector(
  url: string,
  args: readonly string[],
  options: ClientOptions = {},
): Promise<unknown> {
  const headers = Object.entries(headersOf(options)).flatMap(([name, value]) => ['--header', `${name}: ${value}`]);
  const argv = [inspectorEntry, '--cli', url, '--transport', 'http', ...args, ...headers];
  // It looks for its own package.json from the working folder.
  const place = { cwd: dirname(inspectorEntry), maxBuffer: 64 << 20, timeout: 30_000 };
  const { stdout } = await promisify(execFile)(process.execPath, argv, place);
  return JSON.parse(stdout);
}

/** The Inspector as a client: every operation is a process and a session of its own. It shows no progress. */
export async function connectInspector(url: string, options: ClientOptions = {}): Promise<TestClient<undefined>> {
  return {
    era: 'legacy',
    sdk: undefined,
    listTools: async () => {
      const { tools } = (await runInspector(url, ['--method', 'tools/list'], options)) as { tools: ListedTool[] };
      return tools;
    },
    callTool: async (name, args = {}) => {
      const pairs = Object.entries(args).flatMap(([key, value]) => ['--tool-arg', `${key}=${JSON.stringify(value)}`]);
      const answer = await runInspector(url, ['--method', 'tools/call', '--tool-name', name, ...pairs], options);
      return answer as ToolAnswer;
    },
    close: async () => {},
  };
}

type Connect = (url: string, options?: ClientOptions) => Promise<TestClient>;

/** Every official HTTP client, for `describe.each(Object.entries(HTTP_CLIENTS))`. */
export const HTTP_CLIENTS: Readonly<Record<string, Connect>> = {
  'SDK v1': connectV1,
  'SDK v2 legacy': (url, options) => connectV2(url, 'legacy', options),
  'SDK v2 auto': (url, options) => connectV2(url, 'auto', options),
  'SDK v2 pinned to 2026-07-28': (url, options) => connectV2(url, 'pinned', options),
  'Inspector CLI': connectInspector,
};
