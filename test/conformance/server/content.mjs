// Tools that answer at once, or after telling how far they are.
import { setTimeout as delay } from 'node:timers/promises';
import { fromJsonSchema } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { PIXEL, SILENCE, text } from './media.mjs';

const none = z.object({});

export function registerContentTools(server, world) {
  const answers = (name, description, result) => server.registerTool(name, { description, inputSchema: none }, result);
  answers('test_simple_text', 'A text', () => text('This is a simple text response for testing.'));
  answers('test_image_content', 'A picture', () => ({ content: [PIXEL] }));
  answers('test_audio_content', 'A sound', () => ({ content: [SILENCE] }));
  answers('test_embedded_resource', 'A resource', () => ({
    content: [resource('test://embedded-resource', 'text/plain', 'This is an embedded resource content.')],
  }));
  answers('test_multiple_content_types', 'A text, a picture and a resource', () => ({
    content: [
      { type: 'text', text: 'Multiple content types test:' },
      PIXEL,
      resource('test://mixed-content-resource', 'application/json', '{"test":"data","value":123}'),
    ],
  }));
  answers('test_error_handling', 'A tool error', () => {
    throw new Error('This tool intentionally returns an error for testing');
  });
  answers('test_streaming_elicitation', 'A stream without requests', () => text('no request on this stream'));
  registerTellingTools(server);
  registerSchemaTools(server);
  answers('test_trigger_tool_change', 'Announces a change of the tools', () => {
    world.announce('tools');
    return text('announced');
  });
  answers('test_trigger_prompt_change', 'Announces a change of the prompts', () => {
    world.announce('prompts');
    return text('announced');
  });
}

const resource = (uri, mimeType, content) => ({ type: 'resource', resource: { uri, mimeType, text: content } });

function registerTellingTools(server) {
  server.registerTool(
    'test_tool_with_logging',
    { description: 'Three log lines', inputSchema: none },
    async (_, ctx) => {
      for (const data of ['Tool execution started', 'Tool processing data', 'Tool execution completed']) {
        await ctx.mcpReq.notify({ method: 'notifications/message', params: { level: 'info', data } });
        await delay(20);
      }
      return text('three lines logged');
    },
  );
  server.registerTool('test_logging_tool', { description: 'Logs for who asked', inputSchema: none }, async (_, ctx) => {
    await ctx.mcpReq.log('info', 'only for a request that names a log level');
    return text('logged');
  });
  server.registerTool('test_tool_with_progress', { description: 'Three steps', inputSchema: none }, async (_, ctx) => {
    const progressToken = ctx.mcpReq._meta?.progressToken;
    for (const progress of progressToken === undefined ? [] : [0, 50, 100]) {
      await ctx.mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress, total: 100 } });
      await delay(20);
    }
    return text(String(progressToken));
  });
  const reconnecting = { description: 'Ends the stream before the answer is there', inputSchema: none };
  server.registerTool('test_reconnection', reconnecting, async (_, ctx) => {
    // Over stdio there is no stream to end: the answer is slow enough for a gateway to begin one.
    ctx.http?.closeSSE?.();
    await delay(ctx.http?.closeSSE ? 100 : 2_500);
    return text('the answer after the stream');
  });
}

/** Hand-written schemas: the suites look for keywords that a schema library would not write. */
function registerSchemaTools(server) {
  const mirrored = fromJsonSchema({
    type: 'object',
    properties: { region: { type: 'string', 'x-mcp-header': 'Region' }, level: { type: 'integer' } },
  });
  server.registerTool('test_x_mcp_header', { description: 'Mirrors region', inputSchema: mirrored }, ({ region }) =>
    text(`region=${region}`),
  );
  const string = { type: 'string' };
  const broad = fromJsonSchema({
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    $defs: { address: { $anchor: 'addressDef', type: 'object', properties: { street: string, city: string } } },
    properties: {
      name: string,
      address: { $ref: '#/$defs/address' },
      contactMethod: { type: 'string', enum: ['phone', 'email'] },
      phone: string,
      email: string,
    },
    allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
    if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    then: { required: ['phone'] },
    else: { required: ['email'] },
    additionalProperties: false,
  });
  server.registerTool('json_schema_2020_12_tool', { description: 'Many keywords', inputSchema: broad }, (args) =>
    text(JSON.stringify(args)),
  );
}
