import type { Edits } from '../jsonrpc/edits.ts';
import type { ObjectView } from '../jsonrpc/view.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import { type Problem, particular } from '../problem/problem.ts';

export const TASKS_EXTENSION = 'io.modelcontextprotocol/tasks';

/** The requests the tasks extension adds to 2026-07-28 (its page, "Streamable HTTP: Routing Headers"). */
export const TASK_REQUESTS: ReadonlySet<string> = new Set(['tasks/get', 'tasks/update', 'tasks/cancel']);

/** The answer to a client that asks about tasks and did not say it knows of them. */
export const TASKS_REQUIRED: Problem = particular(
  PROBLEMS.MISSING_CLIENT_CAPABILITY,
  `The extension ${TASKS_EXTENSION} must be declared for this`,
  { requiredCapabilities: { extensions: { [TASKS_EXTENSION]: {} } } },
);

const NONE: ReadonlySet<string> = new Set();

/** The requests that exist where these extensions are allowed. Those of an extension nobody here can judge do not. */
export function requestsOf(allowed: ReadonlySet<string>): ReadonlySet<string> {
  return allowed.has(TASKS_EXTENSION) ? TASK_REQUESTS : NONE;
}

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
