import { LaneToolDirectory } from '../catalog/tool-directory.ts';
import type { Principal } from '../identity/principal.ts';
import type { ToolDirectory } from '../policy/call.ts';
import type { Revision } from '../protocol/revisions.ts';
import type { Lane } from '../upstream/lane.ts';
import type { ServerPlan } from './services.ts';

/** Directories kept for the modern era, which has no session to keep them on. */
const MAX_DIRECTORIES = 1_000;

/**
 * One tool directory per principal and server, least recently used first out. Never shared between principals: a server
 * may list different tools to different callers.
 */
export class DirectoryShelf {
  private readonly directories = new Map<string, LaneToolDirectory>();

  of(principal: Principal, server: ServerPlan, revision: Revision): ToolDirectory {
    const key = `${server.id} ${revision} ${principal.id}`;
    const known = this.directories.get(key);
    if (known !== undefined) {
      this.directories.delete(key);
      this.directories.set(key, known);
      return known;
    }
    const lender = {
      lane: () => server.upstream.lease({ principal: principal.id, era: 'modern', revision, session: undefined }),
      giveBack: (lane: Lane) => lane.release(),
    };
    const directory = new LaneToolDirectory(lender, { revision, timeoutMs: server.callTimeoutMs });
    this.directories.set(key, directory);
    if (this.directories.size > MAX_DIRECTORIES) {
      const oldest = this.directories.keys().next().value;
      if (oldest !== undefined) this.directories.delete(oldest);
    }
    return directory;
  }

  /** A reload changed the servers. */
  clear(): void {
    this.directories.clear();
  }
}
