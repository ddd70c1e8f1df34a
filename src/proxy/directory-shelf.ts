import { LaneToolDirectory } from '../catalog/tool-directory.ts';
import type { Principal } from '../identity/principal.ts';
import type { Revision } from '../protocol/revisions.ts';
import type { Log } from '../telemetry/log.ts';
import type { Lane } from '../upstream/lane.ts';
import type { ServerPlan } from './services.ts';

/** Directories on one of the two shelves of the modern era, which has no session to keep them on. */
const MAX_DIRECTORIES = 500;
/** Unfit tools told of in the log, so that each is told of once. */
const MAX_TOLD = 1_000;

/**
 * One tool directory per principal and server. Never shared between principals: a server may list different tools to
 * different callers. When the front is full it becomes the back, and what nobody takes from there again goes with it: a
 * directory in use costs one look-up and moves nothing.
 */
export class DirectoryShelf {
  private front = new Map<string, LaneToolDirectory>();
  private back = new Map<string, LaneToolDirectory>();
  private readonly told = new Set<string>();
  private readonly log: Log;

  constructor(log: Log) {
    this.log = log;
  }

  of(principal: Principal, server: ServerPlan, revision: Revision): LaneToolDirectory {
    const key = `${server.id} ${revision} ${principal.id}`;
    const known = this.front.get(key);
    if (known !== undefined) return known;
    const directory = this.back.get(key) ?? this.newDirectory(principal, server, revision);
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

  /** A server said its tools changed: whoever asks next asks the server. */
  forget(server: string): void {
    for (const shelf of [this.front, this.back]) {
      for (const [key, directory] of shelf) if (key.startsWith(`${server} `)) directory.forget();
    }
  }

  private newDirectory(principal: Principal, server: ServerPlan, revision: Revision): LaneToolDirectory {
    const lender = {
      lane: () => server.upstream.lease({ principal: principal.id, era: 'modern', revision, session: undefined }),
      giveBack: (lane: Lane) => lane.release(),
    };
    const onFault = (tool: string, fault: string): void => this.tell(server.id, tool, fault);
    return new LaneToolDirectory(lender, { revision, timeoutMs: server.callTimeoutMs, onFault });
  }

  private tell(server: string, tool: string, fault: string): void {
    const key = `${server} ${tool} ${fault}`;
    if (this.told.has(key) || this.told.size >= MAX_TOLD) return;
    this.told.add(key);
    this.log.warn('a tool is not offered: its definition breaks the rules of x-mcp-header', {
      server,
      tool: tool.slice(0, 128),
      reason: fault,
    });
  }
}
