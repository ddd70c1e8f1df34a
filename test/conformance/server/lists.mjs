// Resources, prompts, completion and the log level.
import { acceptedContent, inputRequired, ResourceTemplate } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { PIXEL } from './media.mjs';
import { askFor } from './round-trips.mjs';

export function registerResourcesAndPrompts(server) {
  registerResources(server);
  registerPrompts(server);
  server.server.setRequestHandler('completion/complete', () => ({
    completion: { values: ['test'], total: 1, hasMore: false },
  }));
  for (const method of ['logging/setLevel', 'resources/subscribe', 'resources/unsubscribe']) {
    server.server.setRequestHandler(method, () => ({}));
  }
}

function registerResources(server) {
  const fixed = (name, mimeType, content) =>
    server.registerResource(name, `test://${name}`, { title: name, description: 'For tests', mimeType }, (uri) => ({
      contents: [{ uri: uri.href, mimeType, ...content }],
    }));
  fixed('static-text', 'text/plain', { text: 'This is the content of the static text resource.' });
  fixed('static-binary', 'image/png', { blob: PIXEL.data });
  fixed('watched-resource', 'text/plain', { text: 'Watched' });
  const template = new ResourceTemplate('test://template/{id}/data', { list: undefined });
  server.registerResource('template', template, { mimeType: 'application/json' }, (uri, { id }) => ({
    contents: [{ uri: uri.href, mimeType: 'application/json', text: JSON.stringify({ id, templateTest: true }) }],
  }));
}

const says = (...contents) => ({ messages: contents.map((content) => ({ role: 'user', content })) });
const words = (text) => ({ type: 'text', text });

function registerPrompts(server) {
  server.registerPrompt('test_simple_prompt', { description: 'Simple' }, () =>
    says(words('A simple prompt for testing.')),
  );
  const two = { description: 'With arguments', argsSchema: z.object({ arg1: z.string(), arg2: z.string() }) };
  server.registerPrompt('test_prompt_with_arguments', two, ({ arg1, arg2 }) =>
    says(words(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)),
  );
  const one = { description: 'With a resource', argsSchema: z.object({ resourceUri: z.string() }) };
  server.registerPrompt('test_prompt_with_embedded_resource', one, ({ resourceUri: uri }) =>
    says({ type: 'resource', resource: { uri, mimeType: 'text/plain', text: 'Embedded' } }, words('Look at it.')),
  );
  server.registerPrompt('test_prompt_with_image', { description: 'With a picture' }, () =>
    says(PIXEL, words('Look at it.')),
  );
  server.registerPrompt('test_input_required_result_prompt', { description: 'Asks first' }, (ctx) => {
    const context = acceptedContent(ctx.mcpReq.inputResponses, 'user_context')?.context;
    if (context === undefined) return inputRequired({ inputRequests: { user_context: askFor('context') } });
    return says(words(`In the context of ${context}`));
  });
}
