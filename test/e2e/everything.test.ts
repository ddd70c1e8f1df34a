import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EVERYTHING_STDIO, type RunningServer, startEverything } from '../support/everything.ts';
import { type Gateway, startGateway } from '../support/gateway.ts';
import { until } from '../support/wait.ts';
import { connectFull, type FullClient, type Kind, type Place } from './full-client.ts';
import { alike, callAll, lists, progressOf, questionsTo, type Stop, type Transcript } from './tour.ts';

const LONG = 'trigger-long-running-operation';
const TOOLS: readonly Stop[] = [
  { tool: 'echo', args: { message: 'héllo ☃' } },
  { tool: 'get-annotated-message', args: { messageType: 'error', includeImage: true } },
  { tool: 'get-env' },
  { tool: 'get-resource-links', args: { count: 4 } },
  { tool: 'get-resource-reference', args: { resourceType: 'Blob', resourceId: 3 } },
  { tool: 'get-structured-content', args: { location: 'Chicago' } },
  { tool: 'get-sum', args: { a: 2, b: 40.5 } },
  { tool: 'get-tiny-image' },
  { tool: 'gzip-file-as-resource', args: { name: 'a.gz', data: 'data:text/plain,hello', outputType: 'resource' } },
  { tool: 'toggle-simulated-logging' },
  { tool: 'toggle-subscriber-updates' },
  { tool: LONG, args: { duration: 0.2, steps: 4 } },
  { tool: 'get-roots-list' },
  { tool: 'trigger-elicitation-request' },
  { tool: 'trigger-url-elicitation', args: { url: 'https://example.com/sign', elicitationId: 'one' } },
  { tool: 'trigger-sampling-request', args: { prompt: 'Say something', maxTokens: 7 } },
  { tool: 'simulate-research-query', args: { topic: 'gates', ambiguous: true }, asTask: true },
];
/** Served to clients that take part in tasks, which SDK v1 alone does. */
const TASK_TOOLS: readonly Stop[] = [
  { tool: 'trigger-sampling-request-async', args: { prompt: 'Later' } },
  { tool: 'trigger-elicitation-request-async' },
];
const PROMPTS: Readonly<Record<string, Record<string, string>>> = {
  'simple-prompt': {},
  'args-prompt': { city: 'Paris', state: 'Texas' },
  'completable-prompt': { department: 'Sales', name: 'Eve' },
  'resource-prompt': { resourceType: 'Text', resourceId: '2' },
};

/** Prompts, resources and completions: everything beside tools. */
async function readAll({ sdk }: FullClient): Promise<Transcript> {
  const { resources } = await sdk.listResources();
  const uris = [
    ...resources.map(({ uri }) => uri),
    ...['text', 'blob'].map((kind) => `demo://resource/dynamic/${kind}/7`),
  ];
  const ref = { type: 'ref/prompt', name: 'completable-prompt' };
  const [prompts, contents, completed] = await Promise.all([
    Promise.all(Object.entries(PROMPTS).map(([name, args]) => sdk.getPrompt({ name, arguments: args }))),
    Promise.all(uris.map((uri) => sdk.readResource({ uri }))),
    sdk.complete({
      ref,
      argument: { name: 'name', value: 'E' },
      context: { arguments: { department: 'Sales' } },
    }),
  ]);
  return alike({ prompts, contents, completed }) as Transcript;
}

/** One client's whole visit. What a server says of its own process (`get-env`) is told apart: it differs by how it was started. */
async function visit(kind: Kind, place: Place) {
  const client = await connectFull(kind, place);
  try {
    const listed = await lists(client);
    const read = await readAll(client);
    const stops = kind === 'SDK v1' ? [...TOOLS, ...TASK_TOOLS] : TOOLS;
    const { 'get-env': environment, ...called } = await callAll(client, stops);
    const progress = progressOf(client, LONG);
    const news = 'Roots updated: 1 root(s) received from client';
    await until(
      () => client.heard.some(({ method, params }) => method === 'notifications/message' && params?.data === news),
      'the server has said, outside any call, that it got the roots',
      30_000,
    );
    const seen = { era: client.era, listed, read, called, progress, questions: questionsTo(client) };
    return { seen, environment: environment as { content: { text: string }[] } };
  } finally {
    await client.close();
  }
}

let server: RunningServer;
let gateway: Gateway;
let token: string;
beforeAll(async () => {
  server = await startEverything();
  const mcps = [
    { id: 'stdio', transport: 'stdio', ...EVERYTHING_STDIO },
    { id: 'http', transport: 'streamable-http', url: server.url },
  ];
  gateway = await startGateway({ config: { mcps } });
  token = await gateway.token('e2e');
});
afterAll(() => Promise.all([gateway?.stop(), server?.stop()]));

const through = (id: string): Place => ({ url: `${gateway.url}/mcp/${id}`, token });

const KINDS = ['SDK v1', 'SDK v2 legacy', 'SDK v2 auto'] as const;
const DIRECT: Readonly<Record<string, () => Place>> = {
  stdio: () => EVERYTHING_STDIO,
  http: () => ({ url: server.url }),
};
const visits = KINDS.flatMap((kind) => Object.entries(DIRECT).map(([id, direct]) => [kind, id, direct] as const));

describe('the everything server', () => {
  it.concurrent.each(visits)(
    'looks to %s over %s as it does without the gateway',
    async (kind, id, direct) => {
      const [gated, plain] = await Promise.all([visit(kind, through(id)), visit(kind, direct())]);
      expect(gated.seen).toEqual(plain.seen);

      const offered = (gated.seen.listed.tools as { tools: { name: string }[] }).tools.map(({ name }) => name);
      expect([...Object.keys(gated.seen.called), 'get-env'].sort()).toEqual(offered.sort());
      expect(gated.seen.era).toBe('legacy');
      expect(gated.seen.progress).toEqual([1, 2, 3, 4, 'answer']);
      expect(JSON.stringify(gated.seen.called)).toContain('a sample');
      expect(gated.environment.content[0]?.text).toContain('PATH');
      expect(gated.environment.content[0]?.text).not.toContain('SALLYPORT');
    },
    120_000,
  );

  it.concurrent.each(visits)('streams progress to %s over %s while the call is under way', async (kind, id) => {
    const client = await connectFull(kind, through(id));
    const seen: number[] = [];
    const enough = new AbortController();
    // The answer is ten minutes away: what is seen now came through one by one.
    const call = client.call(
      LONG,
      { duration: 600, steps: 12_000 },
      {
        signal: enough.signal,
        onprogress: ({ progress }) => {
          if (seen.push(progress) === 3) enough.abort('seen enough');
        },
      },
    );
    await expect(call).rejects.toThrow('seen enough');
    expect(seen).toEqual([1, 2, 3]);
    await client.close();
  });
});
