import type { Edits } from '../jsonrpc/edits.ts';
import type { ObjectView } from '../jsonrpc/view.ts';

/**
 * Takes out of a capabilities object the extensions that are not allowed (MCP 2026-07-28, basic/versioning "Extension
 * Negotiation"): what neither side is told of, neither side uses. `experimental` is left alone, for it names no contract.
 */
export function removeUnlistedExtensions(
  edits: Edits,
  capabilities: ObjectView | undefined,
  allowed: ReadonlySet<string>,
): void {
  if (capabilities === undefined || !capabilities.has(EXTENSIONS)) return;
  const extensions = capabilities.object(EXTENSIONS);
  if (extensions === undefined) {
    edits.removeMember(capabilities, EXTENSIONS);
    return;
  }
  for (const id of extensions.keys()) if (!allowed.has(id)) edits.removeMember(extensions, id);
}

/** Whether there is anything in a capabilities object that `removeUnlistedExtensions` would look at. */
export function hasExtensions(capabilities: ObjectView | undefined): boolean {
  return capabilities?.has(EXTENSIONS) === true;
}

/** Whether a side says it supports an extension. */
export function declares(capabilities: ObjectView | undefined, extension: string): boolean {
  return capabilities?.object(EXTENSIONS)?.object(extension) !== undefined;
}

const EXTENSIONS = 'extensions';
