/**
 * An argument of a tool that a client repeats in an `Mcp-Param-*` header (MCP 2026-07-28, streamable-http "Custom Headers from
 * Tool Parameters").
 */
export interface MirroredParameter {
  /** As it is sent: `Mcp-Param-` and the name the server chose. */
  readonly header: string;
  /** The same in lower case, for comparing. */
  readonly key: string;
  /** The chain of `properties` names from the root of the arguments to the value. */
  readonly path: readonly string[];
}

/** What an entry of a tool list says that calls of the tool are judged by. */
export interface ToolFacts {
  /** Arguments a client repeats in headers. */
  readonly mirrored: readonly MirroredParameter[];
  /** Why nobody may be offered the tool. Private. */
  readonly fault: string | undefined;
}

/** What most tools have. */
export const NO_PARAMETERS: readonly MirroredParameter[] = Object.freeze([]);

const ANNOTATION = 'x-mcp-header';
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const TYPES: ReadonlySet<unknown> = new Set(['string', 'integer', 'boolean']);
/** Values, not schemas: what is in them annotates nothing. */
const DATA: ReadonlySet<string> = new Set(['default', 'const', 'enum', 'examples', 'required', 'type', ANNOTATION]);
/** Keywords whose members are names with a schema each. */
const NAMED: ReadonlySet<string> = new Set([
  'properties',
  'patternProperties',
  'dependentSchemas',
  '$defs',
  'definitions',
]);

type Schema = Readonly<Record<string, unknown>>;

/**
 * The parameters an input schema wants mirrored, or, as text, why the tool that has it must not be offered. Anything that is
 * not known to be a value counts as a schema: an annotation that could be meant anywhere but on the chain of `properties`
 * makes the tool invalid.
 *
 * @param inputSchema what `JSON.parse` made of it
 */
export function mirroredParameters(inputSchema: unknown): readonly MirroredParameter[] | string {
  const found: MirroredParameter[] = [];
  const fault = visit(inputSchema, [], found);
  if (fault !== undefined) return fault;
  return found.length === 0 ? NO_PARAMETERS : found;
}

/** `path` is undefined where no chain of `properties` leads. */
function visit(node: unknown, path: readonly string[] | undefined, found: MirroredParameter[]): string | undefined {
  if (Array.isArray(node)) return first(node, (element) => visit(element, undefined, found));
  if (typeof node !== 'object' || node === null) return undefined;
  const schema = node as Schema;
  if (Object.hasOwn(schema, ANNOTATION)) {
    const fault = annotate(schema, path, found);
    if (fault !== undefined) return fault;
  }
  return first(Object.entries(schema), ([keyword, value]) => {
    if (DATA.has(keyword)) return undefined;
    if (!NAMED.has(keyword) || typeof value !== 'object' || value === null) return visit(value, undefined, found);
    const onChain = keyword === 'properties' ? path : undefined;
    return first(Object.entries(value), ([name, child]) =>
      visit(child, onChain === undefined ? undefined : [...onChain, name], found),
    );
  });
}

function annotate(schema: Schema, path: readonly string[] | undefined, found: MirroredParameter[]): string | undefined {
  const name = schema[ANNOTATION];
  if (path === undefined || path.length === 0) return 'x-mcp-header stands where no chain of properties leads';
  const place = path.join('.').slice(0, 200);
  if (typeof name !== 'string' || !TOKEN.test(name)) return `x-mcp-header of ${place} is not a header name`;
  if (!TYPES.has(schema.type)) return `x-mcp-header of ${place} is on a type other than string, integer and boolean`;
  const header = `Mcp-Param-${name}`;
  const key = header.toLowerCase();
  if (found.some((other) => other.key === key)) return `x-mcp-header of ${place} names a header another parameter has`;
  found.push({ header, key, path });
  return undefined;
}

function first<T>(items: readonly T[], faultOf: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const fault = faultOf(item);
    if (fault !== undefined) return fault;
  }
  return undefined;
}
