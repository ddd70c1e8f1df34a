// Tools of the legacy era that ask the client while they run.
import { z } from 'zod';
import { text } from './media.mjs';

const none = z.object({});

export function registerAskingTools(server) {
  const sampling = { description: "Asks the client's model", inputSchema: z.object({ prompt: z.string() }) };
  server.registerTool('test_sampling', sampling, async ({ prompt }, ctx) => {
    const messages = [{ role: 'user', content: { type: 'text', text: prompt } }];
    const { content } = await ctx.mcpReq.requestSampling({ messages, maxTokens: 100 });
    return text(`LLM response: ${content.text}`);
  });
  const eliciting = { description: 'Asks the user', inputSchema: z.object({ message: z.string() }) };
  server.registerTool('test_elicitation', eliciting, ({ message }, ctx) =>
    ask(ctx, message, { response: { type: 'string', description: "User's response" } }, ['response']),
  );
  const forms = { test_elicitation_sep1034_defaults: DEFAULTS, test_elicitation_sep1330_enums: CHOICES };
  for (const [name, properties] of Object.entries(forms)) {
    server.registerTool(name, { description: 'Asks the user with a form', inputSchema: none }, (_, ctx) =>
      ask(ctx, 'Please look at the form', properties, []),
    );
  }
}

async function ask(ctx, message, properties, required) {
  const requestedSchema = { type: 'object', properties, required };
  const { action, content } = await ctx.mcpReq.send({
    method: 'elicitation/create',
    params: { message, requestedSchema },
  });
  return text(`User response: action=${action}, content=${JSON.stringify(content ?? {})}`);
}

const DEFAULTS = {
  name: { type: 'string', default: 'John Doe' },
  age: { type: 'integer', default: 30 },
  score: { type: 'number', default: 95.5 },
  status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
  verified: { type: 'boolean', default: true },
};

const options = ['option1', 'option2', 'option3'];
const titled = ['First', 'Second', 'Third'].map((title, at) => ({ const: `value${at + 1}`, title }));
const CHOICES = {
  untitledSingle: { type: 'string', enum: options },
  titledSingle: { type: 'string', oneOf: titled },
  legacyEnum: { type: 'string', enum: ['opt1', 'opt2', 'opt3'], enumNames: ['One', 'Two', 'Three'] },
  untitledMulti: { type: 'array', minItems: 1, maxItems: 3, items: { type: 'string', enum: options } },
  titledMulti: { type: 'array', minItems: 1, maxItems: 3, items: { anyOf: titled } },
};
