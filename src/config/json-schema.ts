import { z } from 'zod';
import { about } from './about.ts';
import { settingsSchema } from './schema/settings.ts';

type Json = Record<string, unknown>;

/** What a template may stand for in any value. Where a type or a pattern would refuse it, the schema offers it beside. */
const TEMPLATE = { type: 'string', pattern: String.raw`\$\{\w+\}|\{\{\s*\.env\.\w+\s*\}\}` };
const DIALECT = 'https://json-schema.org/draft/2020-12/schema';
/** Annotations stay outside the alternatives, where editors look for them. */
const ANNOTATIONS = new Set(['description', 'default', 'examples']);

const isConstrained = (schema: Json): boolean =>
  ['integer', 'number', 'boolean'].includes(String(schema.type)) ||
  (schema.type === 'string' && (schema.enum ?? schema.pattern) !== undefined);

function allowTemplates(schema: Json): void {
  if (!isConstrained(schema)) return;
  const literal: Json = {};
  for (const key of Object.keys(schema)) {
    if (ANNOTATIONS.has(key)) continue;
    literal[key] = schema[key];
    delete schema[key];
  }
  schema.anyOf = [literal, TEMPLATE];
}

/** JSON Schema (draft 2020-12) of the configuration file, for editors. The gateway itself judges more than a schema can say. */
export function jsonSchema(): Json {
  const schema = z.toJSONSchema(settingsSchema, {
    io: 'input',
    metadata: about as unknown as z.core.$ZodRegistry<Record<string, unknown>>,
    override: ({ jsonSchema: node, path }) => {
      const { example } = node as Json;
      for (const key of ['example', 'shown', 'secret', 'guarded', 'aliases', 'flag', 'expected', 'fallback'])
        delete (node as Json)[key];
      if (example !== undefined) Object.assign(node, { examples: [example] });
      if (path.at(-1) !== 'propertyNames') allowTemplates(node as Json);
    },
  }) as Json;
  const { $schema: _, ...rest } = schema;
  return { $schema: DIALECT, title: 'Sallyport configuration', ...rest };
}
