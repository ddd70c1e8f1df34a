import { example } from './example.ts';
import { jsonSchema } from './json-schema.ts';
import { reference } from './reference.ts';

/** Everything generated from the settings schema: path in the repository → content. */
export function generated(): ReadonlyMap<string, string> {
  return new Map([
    ['schema/sallyport.schema.json', `${JSON.stringify(jsonSchema(), null, 2)}\n`],
    ['docs/reference/configuration.md', reference()],
    ['examples/annotated/sallyport.yaml', example()],
  ]);
}
