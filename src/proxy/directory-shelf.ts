import { LaneToolDirectory } from '../catalog/tool-directory.ts';
import type { Principal } from '../identity/principal.ts';
import type { ToolDirectory } from '../policy/call.ts';
import type { Revision } from '../protocol/revisions.ts';
import type { Lane } from '../upstream/lane.ts';
import type { ServerPlan } from './services.ts';

/** Directories on one of the two shelves of the modern era, which has no session to keep them on. */
const MAX_DIRECTORIES = 500;

/**
 * One tool directory per principal and server. Never shared between principals: a server may list different tools to
 * different callers. When the front is full it becomes the back, and what nobody takes from there again goes with it: a
 * directory in use costs one look-up and moves nothing.
 */
export class DirectoryShelf {
  private front = new Map<string, LaneToolDirectory>();
  private back = new Map<string, LaneToolDirectory>();

  of(principal: Principal, server: ServerPlan, revision: Revision): ToolDirectory {
    const key = `${server.id} ${revision} ${principal.id}`;
    const known = this.front.get(key);
    if (known !== undefined) return known;
    const directory = this.back.get(key) ?? newDirectory(principal, server, revision);
    if (this.front.size >= MAX_DIRECTORIES) {
      this.back = this.front;
      this.front = new Map();
    }
    this.front.set(key, directory);
    return directory;
  }

  /** A reload changed the servers. */
  clear(): void {
    this.front.clear();
    this.back.clear();
  }
}

function newDirectory(principal: Principal, server: ServerPlan, revision: Revision): LaneToolDirectory {
  const lender = {
    lane: () => server.upstream.lease({ principal: principal.id, era: 'modern', revision, session: undefined }),
    giveBack: (lane: Lane) => lane.release(),
  };
  return new LaneToolDirectory(lender, { revision, timeoutMs: server.callTimeoutMs });
}
