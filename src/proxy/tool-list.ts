import { Edits } from '../jsonrpc/edits.ts';
import type { Message } from '../jsonrpc/message.ts';
import type { ObjectView } from '../jsonrpc/view.ts';

/**
 * Takes tools out of a `tools/list` result; those that stay keep their bytes.
 * A list made for one caller is no longer public: a shared cache must not hand it to another
 * (MCP 2026-07-28, server/utilities/caching "Cache Scope Field"). One that everybody gets alike may stay so.
 * @returns the edits to make; undefined when the list cannot be read, and so must not be passed on
 */
export function withoutTools(
  response: Message,
  stays: (name: string, tool: ObjectView) => boolean,
  forOneCaller: boolean,
): Edits | undefined {
  const { result } = response;
  const tools = result?.array('tools');
  const span = result?.spanOf('tools');
  if (result === undefined || tools === undefined || span === undefined) return undefined;
  const kept = tools.filter((entry) => {
    const tool = result.objectAt(entry);
    const name = tool?.string('name');
    return tool !== undefined && name !== undefined && stays(name, tool);
  });
  const edits = new Edits(response.bytes);
  if (kept.length !== tools.length) {
    const raw = kept.map((tool) => response.bytes.toString('utf8', tool.start, tool.end));
    edits.replace(span, `[${raw.join(',')}]`);
  }
  if (forOneCaller && result.string('cacheScope') === 'public') edits.setMember(result, 'cacheScope', '"private"');
  return edits;
}
