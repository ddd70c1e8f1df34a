import type { FullClient } from './full-client.ts';

/** What one client saw of one server, so that two ways to the same server can be compared whole. */
export type Transcript = Readonly<Record<string, unknown>>;

/** Everything a server says about itself and lists. */
export async function lists({ sdk }: FullClient): Promise<Transcript> {
  const [tools, prompts, resources, templates] = await Promise.all([
    sdk.listTools(),
    sdk.listPrompts(),
    sdk.listResources(),
    sdk.listResourceTemplates(),
  ]);
  return {
    server: sdk.getServerVersion(),
    capabilities: sdk.getServerCapabilities(),
    instructions: sdk.getInstructions(),
    tools,
    prompts,
    resources,
    templates,
  };
}

export interface Stop {
  readonly tool: string;
  readonly args?: Record<string, unknown>;
  /** The server serves this tool only as a task. */
  readonly asTask?: boolean;
}

/** Calls every tool at once, as a busy client does. A refusal is part of what is seen. */
export async function callAll(client: FullClient, stops: readonly Stop[]): Promise<Transcript> {
  const answers = stops.map(async ({ tool, args = {}, asTask }) => {
    const task = asTask === true ? client.callAsTask : undefined;
    const call = task === undefined ? client.call(tool, args, { onprogress: () => {} }) : task(tool, args);
    return [tool, alike(await call.catch(refusalOf))] as const;
  });
  return Object.fromEntries(await Promise.all(answers));
}

function refusalOf(error: unknown): object {
  const { code, message, data } = error as { code?: unknown; message?: unknown; data?: unknown };
  return { refused: { code, message, data } };
}

/** The progress of one call and its answer, in the order they came over the wire. */
export function progressOf({ sent, heard }: FullClient, tool: string): readonly unknown[] {
  const call = sent.findLast(({ method, params }) => method === 'tools/call' && params?.name === tool);
  const token = call?.params?._meta?.progressToken;
  return heard.flatMap(({ id, method, params }) => {
    if (method === 'notifications/progress' && params?.progressToken === token) return [params?.progress];
    return method === undefined && id !== undefined && id === call?.id ? ['answer'] : [];
  });
}

/** What the server asked of the client, each once and sorted: the calls of a tour run at once, in no fixed order. */
export function questionsTo({ heard }: FullClient): readonly unknown[] {
  const questions = heard.filter(({ id, method }) => id !== undefined && method !== undefined);
  return [...new Set(questions.map(({ method, params }) => JSON.stringify(alike({ method, params }))))].sort();
}

const VARIABLE: readonly [RegExp, string][] = [
  [/"progressToken":\d+/g, '"progressToken":0'],
  [/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '(uuid)'],
  [/\b[0-9a-f]{32}\b/g, '(id)'],
  [/\d{4}-\d{2}-\d{2}T[\d:.]+Z/g, '(time)'],
  [/\d{1,2}:\d{2}:\d{2} [AP]M/g, '(time)'],
];

/** The same value without what differs between any two calls: fresh ids, counters and the time of day. */
export function alike(value: unknown): unknown {
  const json = JSON.stringify(value, (key, inner) => (key === 'blob' ? decoded(inner) : inner));
  return JSON.parse(VARIABLE.reduce((text, [pattern, name]) => text.replaceAll(pattern, name), json));
}

/** The time of day hides in a blob too. */
function decoded(blob: unknown): unknown {
  return typeof blob === 'string' ? Buffer.from(blob, 'base64').toString('latin1') : blob;
}
