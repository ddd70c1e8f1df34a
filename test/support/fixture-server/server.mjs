// An MCP server on the official SDK whose tools do exactly what a test needs. One factory for both eras and both transports.
import { setTimeout as delay } from 'node:timers/promises';
import {
  acceptedContent,
  completable,
  inputRequired,
  inputResponse,
  McpServer,
  ResourceTemplate,
} from '@modelcontextprotocol/server';
import { z } from 'zod';

const text = (value) => ({ content: [{ type: 'text', text: value }] });

/** What all server objects of one process share: HTTP makes a new server object for each modern request. */
export class FixtureWorld {
  /** Whether the tool `extra` is listed; `toggle_extra_tool` turns it. */
  extraTool = false;
  /** Tool calls the client took back before they were done, by name. */
  cancelled = [];
  #listeners = new Set();

  /** `listener` hears of each change of the tool list. Returns the function that ends it. */
  onToolsChanged(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  toggleExtraTool() {
    this.extraTool = !this.extraTool;
    for (const listener of this.#listeners) listener(this.extraTool);
  }

  #readers = new Set();

  /** `reader` hears the URI of each resource that changes. Returns the function that ends it. */
  onResourceUpdated(reader) {
    this.#readers.add(reader);
    return () => this.#readers.delete(reader);
  }

  touch(uri) {
    for (const reader of this.#readers) reader(uri);
  }
}

/**
 * @returns a server object that is not yet connected; its `extra` tool follows the world until it is closed. With
 * `everyUpdate` it says of every resource that it changed: over stdio the SDK passes on what was subscribed to.
 */
export function createFixtureServer(world, { everyUpdate = false } = {}) {
  const server = new McpServer(
    { name: 'sallyport-fixture', version: '1.0.0' },
    { capabilities: { logging: {}, tools: { listChanged: true }, resources: { subscribe: true } } },
  );
  registerPlainTools(server);
  registerStreamingTools(server, world);
  registerAskingTools(server);
  registerChangingTools(server, world);
  registerResourcesAndPrompts(server);
  registerUpdates(server, world, everyUpdate);
  return server;
}

function registerPlainTools(server) {
  server.registerTool(
    'echo',
    { description: 'Returns its text', inputSchema: z.object({ text: z.string() }) },
    (args) => text(args.text),
  );
  const sum = { a: z.number(), b: z.number() };
  server.registerTool(
    'add',
    { description: 'Adds', inputSchema: z.object(sum), outputSchema: z.object({ sum: z.number() }) },
    ({ a, b }) => ({ ...text(String(a + b)), structuredContent: { sum: a + b } }),
  );
  server.registerTool(
    'big_text',
    { description: 'Returns `size` letters', inputSchema: z.object({ size: z.int().min(0) }) },
    ({ size }) => text('x'.repeat(size)),
  );
  const region = z.string().meta({ 'x-mcp-header': 'Region' });
  const tenant = z.int().meta({ 'x-mcp-header': 'Tenant' });
  server.registerTool(
    'query',
    {
      description: 'Mirrors two of its arguments in headers',
      inputSchema: z.object({ region: region.optional(), place: z.object({ tenant: tenant.optional() }).optional() }),
    },
    (args) => text(JSON.stringify(args)),
  );
  server.registerTool('fail', { description: 'A tool error' }, () => ({ ...text('it failed'), isError: true }));
  server.registerTool('throw', { description: 'Throws inside the handler' }, () => {
    throw new Error('thrown by the fixture');
  });
}

function registerStreamingTools(server, world) {
  const steps = z.object({ steps: z.int().min(0), interval_ms: z.int().min(0) });
  server.registerTool(
    'slow_progress',
    { description: 'Reports progress `steps` times, `interval_ms` apart', inputSchema: steps },
    async ({ steps, interval_ms }, ctx) => {
      const progressToken = ctx.mcpReq._meta?.progressToken;
      try {
        for (let progress = 1; progress <= steps; progress += 1) {
          await delay(interval_ms, undefined, { signal: ctx.mcpReq.signal });
          if (progressToken === undefined) continue;
          await ctx.mcpReq.notify({
            method: 'notifications/progress',
            params: { progressToken, progress, total: steps, message: `step ${progress}` },
          });
        }
      } catch (error) {
        if (ctx.mcpReq.signal.aborted) world.cancelled.push('slow_progress');
        throw error;
      }
      return text(`${steps} steps`);
    },
  );
  server.registerTool(
    'log_lines',
    { description: 'Sends `count` log notifications', inputSchema: z.object({ count: z.int().min(0) }) },
    async ({ count }, ctx) => {
      for (let line = 1; line <= count; line += 1) await ctx.mcpReq.log('info', `line ${line}`);
      return text(`${count} lines`);
    },
  );
}

/** On the modern era these answer `input_required`; on the legacy era the SDK turns that into a request to the client. */
function registerAskingTools(server) {
  server.registerTool('elicit', { description: 'Asks the user for a name' }, (ctx) => {
    const answer = acceptedContent(ctx.mcpReq.inputResponses, 'name');
    if (answer !== undefined) return text(`hello ${answer.name}`);
    if (inputResponse(ctx.mcpReq.inputResponses, 'name').kind === 'elicit') return text('no name given');
    const requestedSchema = { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] };
    return inputRequired({
      inputRequests: { name: inputRequired.elicit({ message: 'Your name?', requestedSchema }) },
    });
  });
  server.registerTool('sample', { description: "Asks the client's model" }, (ctx) => {
    const answer = inputResponse(ctx.mcpReq.inputResponses, 'model');
    if (answer.kind === 'sampling') return text(`the model says ${JSON.stringify(answer.result.content)}`);
    const messages = [{ role: 'user', content: { type: 'text', text: 'Say something' } }];
    return inputRequired({ inputRequests: { model: inputRequired.createMessage({ messages, maxTokens: 10 }) } });
  });
}

function registerChangingTools(server, world) {
  const extra = server.registerTool('extra', { description: 'Comes and goes' }, () => text('extra'));
  if (!world.extraTool) extra.disable();
  const forget = world.onToolsChanged((on) => (on ? extra.enable() : extra.disable()));
  server.server.onclose = forget;
  server.registerTool('toggle_extra_tool', { description: 'Lists or hides the tool extra' }, () => {
    world.toggleExtraTool();
    return text(world.extraTool ? 'on' : 'off');
  });
}

/** Legacy clients subscribe to one resource after the other; modern ones through `subscriptions/listen`, which is the SDK's. */
function registerUpdates(server, world, everyUpdate) {
  const subscribed = new Set();
  server.server.setRequestHandler('resources/subscribe', ({ params }) => {
    subscribed.add(params.uri);
    return {};
  });
  server.server.setRequestHandler('resources/unsubscribe', ({ params }) => {
    subscribed.delete(params.uri);
    return {};
  });
  const forget = world.onResourceUpdated((uri) => {
    if (everyUpdate || subscribed.has(uri)) server.server.sendResourceUpdated({ uri }).catch(() => {});
  });
  const { onclose } = server.server;
  server.server.onclose = () => {
    onclose?.();
    forget();
  };
  const schema = z.object({ uri: z.string() });
  server.registerTool('touch', { description: 'Says that a resource has changed', inputSchema: schema }, ({ uri }) => {
    world.touch(uri);
    return text(uri);
  });
}

const CITIES = ['berlin', 'bern', 'paris'];
const cities = (start) => CITIES.filter((city) => city.startsWith(start));

function registerResourcesAndPrompts(server) {
  server.registerResource('greeting', 'fixture://greeting', { mimeType: 'text/plain' }, (uri) => ({
    contents: [{ uri: uri.href, mimeType: 'text/plain', text: 'hello' }],
  }));
  const template = new ResourceTemplate('fixture://city/{city}', { list: undefined, complete: { city: cities } });
  server.registerResource('city', template, { mimeType: 'text/plain' }, (uri, { city }) => ({
    contents: [{ uri: uri.href, mimeType: 'text/plain', text: `about ${city}` }],
  }));
  server.registerPrompt(
    'travel',
    { description: 'Plans a trip', argsSchema: z.object({ city: completable(z.string(), cities) }) },
    ({ city }) => ({ messages: [{ role: 'user', content: { type: 'text', text: `Plan a trip to ${city}` } }] }),
  );
}
