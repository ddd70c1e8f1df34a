import type { MacKey } from '../crypto/mac.ts';
import type { PrincipalId } from '../identity/principal.ts';

/** What a handle stands for. */
export interface TaskReference {
  /** The server's own id. */
  readonly id: string;
  /** The tool whose call became the task. */
  readonly tool: string;
}

/** Longest id taken from a server: its handle has to fit into a header. */
const LONGEST_ID = 1024;
/** Neither in base64url nor needed by it, so a handle comes apart in one way only. */
const SEAM = '~';

/**
 * The ids under which clients know their tasks (tasks extension of MCP 2026-07-28). Knowing an id is not owning the task: a
 * handle carries the server's id and the tool, marked for one principal on one server, so nothing has to be remembered and a
 * restart loses none. In anybody else's hands, on another server, or with one character changed it is no handle at all.
 */
export class TaskHandles {
  readonly #key: MacKey;

  constructor(key: MacKey) {
    this.#key = key;
  }

  /** @returns undefined when the id is not one a server may give */
  issue(server: string, principal: PrincipalId, { id, tool }: TaskReference): string | undefined {
    if (id === '' || id.length > LONGEST_ID) return undefined;
    const name = Buffer.from(tool).toString('base64url');
    return [id, name, this.#key.mark(bound(server, principal, tool, id))].join(SEAM);
  }

  /** What a handle stands for in this principal's hands; undefined when that is nothing. */
  open(server: string, principal: PrincipalId, handle: string): TaskReference | undefined {
    const last = handle.lastIndexOf(SEAM);
    const middle = handle.lastIndexOf(SEAM, last - 1);
    if (last < 0 || middle <= 0 || middle === last) return undefined;
    const id = handle.slice(0, middle);
    const name = handle.slice(middle + 1, last);
    const tool = Buffer.from(name, 'base64url').toString();
    if (Buffer.from(tool).toString('base64url') !== name) return undefined;
    const marked = bound(server, principal, tool, id);
    return this.#key.isMark(handle.slice(last + 1), marked) ? { id, tool } : undefined;
  }
}

/** One text for each combination: no part can be taken for another. */
function bound(server: string, principal: PrincipalId, tool: string, id: string): string {
  return JSON.stringify(['task', server, principal, tool, id]);
}
