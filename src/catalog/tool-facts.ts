import type { Message } from '../jsonrpc/message.ts';
import type { Span } from '../jsonrpc/span.ts';
import type { ObjectView } from '../jsonrpc/view.ts';
import { mirroredParameters, NO_PARAMETERS, type ToolFacts } from '../protocol/mirrored-parameters.ts';

const PLAIN: ToolFacts = { mirrored: NO_PARAMETERS, fault: undefined };
const UNREADABLE: ToolFacts = { mirrored: NO_PARAMETERS, fault: 'its definition cannot be read' };

/** An annotation as it is spelt, or an escape that could hide one. */
const ANNOTATION = Buffer.from('x-mcp-header');
const ESCAPE = Buffer.from('\\u');

/** Adds what a page of `tools/list` says, by name. A name that comes twice and is unfit once is unfit. */
export function addTools(known: Map<string, ToolFacts>, page: Message): void {
  const { result } = page;
  for (const span of result?.array('tools') ?? []) {
    const tool = result?.objectAt(span);
    const name = tool?.string('name');
    if (tool === undefined || name === undefined) continue;
    if (known.get(name)?.fault === undefined) known.set(name, factsOf(tool));
  }
}

/** The tools of a list that is one page; undefined when it cannot be read. */
export function toolsOf(page: Message): ReadonlyMap<string, ToolFacts> | undefined {
  if (page.result?.array('tools') === undefined) return undefined;
  const tools = new Map<string, ToolFacts>();
  addTools(tools, page);
  return tools;
}

/** What a tool's own definition says. */
export function factsOf(tool: ObjectView): ToolFacts {
  if (!mayAnnotate(tool.bytes, tool.span)) return PLAIN;
  const schema = tool.json('inputSchema');
  if (schema === undefined) return tool.has('inputSchema') ? UNREADABLE : PLAIN;
  const mirrored = mirroredParameters(schema);
  if (typeof mirrored === 'string') return { mirrored: NO_PARAMETERS, fault: mirrored };
  return mirrored.length === 0 ? PLAIN : { mirrored, fault: undefined };
}

/** Whether a text can hold an annotation at all: a schema is parsed only then. */
export function mayAnnotate(bytes: Buffer, { start, end }: Span): boolean {
  const text = bytes.subarray(start, end);
  return text.includes(ANNOTATION) || text.includes(ESCAPE);
}
