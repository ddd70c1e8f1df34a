import { PROBLEMS } from '../problem/catalogue.ts';
import { ProblemError } from '../problem/problem.ts';
import type { ToolFacts } from '../protocol/mirrored-parameters.ts';
import { eraOf, type Revision } from '../protocol/revisions.ts';
import { type LaneLender, ListReading, type Tools } from './list-reading.ts';

/** A list older than this is asked for again before a name is called unknown. */
const FRESH_MS = 60_000;
/** An unknown name asks again at most this often: a caller guessing names must not make the server work for each guess. */
const RECHECK_MS = 2_000;
/**
 * How long a server may take over its list: less than over a call. Whoever comes meanwhile waits for the same list, and a server
 * that lost the question would keep them all.
 */
const READING_MS = 30_000;

export interface DirectorySettings {
  readonly revision: Revision;
  /** Milliseconds a call may take, which the list may not exceed. */
  readonly timeoutMs: number;
  /** Hears of each tool that may not be offered, each time a list with it was read. */
  readonly onFault?: (tool: string, fault: string) => void;
}

/**
 * The tools one lane's server lists, asked for by the gateway itself or seen on their way to a client, and kept for a while.
 * It answers restricted callers: a name that is not on the list never reaches the server.
 */
export class LaneToolDirectory {
  private readonly lender: LaneLender;
  private readonly settings: DirectorySettings;
  private readonly now: () => number;
  private tools: Tools | undefined;
  private askedAt = Number.NEGATIVE_INFINITY;
  private asking: ListReading | undefined;
  /** Counts `forget`: a list asked for before one is not kept after it. */
  private edition = 0;
  private triedAt = Number.NEGATIVE_INFINITY;
  /** When the server last said that it has no list, so that not every call asks it again. */
  private unlistedAt = Number.NEGATIVE_INFINITY;

  constructor(lender: LaneLender, settings: DirectorySettings, now: () => number = Date.now) {
    this.lender = lender;
    this.settings = settings;
    this.now = now;
  }

  /**
   * @param waiter whoever may `leave` before the answer
   * @throws ProblemError when the server's list cannot be had: the call is then refused, not guessed at.
   */
  lists(name: string, waiter: object = this): boolean | Promise<boolean> {
    const age = this.now() - this.askedAt;
    if (this.tools !== undefined) {
      const known = this.offers(this.tools, name);
      if (known ? age < FRESH_MS : age < RECHECK_MS) return known;
    }
    return this.ask(waiter).then((tools) => this.offers(tools, name));
  }

  /**
   * What the list says of a tool; undefined when it is not on it. Waits for the server only while nothing is known of it:
   * an old list is good until the new one is there.
   * @param waiter whoever may `leave` before the answer
   * @throws ProblemError when the server has never given its list and does not now
   */
  facts(name: string, waiter: object = this): ToolFacts | undefined | Promise<ToolFacts | undefined> {
    if (this.tools === undefined) {
      if (this.now() - this.unlistedAt < FRESH_MS) return undefined;
      return this.ask(waiter).then((tools) => tools.get(name));
    }
    if (this.now() - this.askedAt >= FRESH_MS && this.now() - this.triedAt >= RECHECK_MS)
      void this.ask(this).catch(ignore);
    return this.tools.get(name);
  }

  /** A caller is gone. A list only it waited for is not asked for any longer, and the next caller asks anew. */
  leave(waiter: object): void {
    if (this.asking?.leave(waiter)) this.asking = undefined;
  }

  /** Whether a list that comes by is worth reading. */
  get wantsList(): boolean {
    return this.tools === undefined || this.now() - this.askedAt >= FRESH_MS / 2;
  }

  /** Takes over a whole list that was read for somebody else's sake, on a lane of the same caller. */
  learn(tools: Tools): void {
    this.edition += 1;
    this.keep(tools);
  }

  /** The server said its list changed. */
  forget(): void {
    this.edition += 1;
    this.asking = undefined;
    this.tools = undefined;
    this.askedAt = Number.NEGATIVE_INFINITY;
    this.unlistedAt = Number.NEGATIVE_INFINITY;
  }

  private ask(waiter: object): Promise<Tools> {
    this.asking ??= this.begin();
    this.asking.join(waiter);
    return this.asking.done;
  }

  private begin(): ListReading {
    const { edition, settings } = this;
    this.triedAt = this.now();
    const reading = new ListReading(this.lender, settings.revision, Math.min(settings.timeoutMs, READING_MS), this.now);
    const over = (): void => {
      if (this.asking === reading) this.asking = undefined;
    };
    reading.done.then(
      (tools) => {
        over();
        if (edition === this.edition) this.keep(tools);
      },
      (error) => {
        over();
        if (error instanceof ProblemError && error.problem === PROBLEMS.UPSTREAM_INVALID) this.unlistedAt = this.now();
      },
    );
    return reading;
  }

  private keep(tools: Tools): void {
    this.tools = tools;
    this.askedAt = this.now();
    const { onFault } = this.settings;
    if (onFault === undefined) return;
    for (const [name, { fault }] of tools) if (fault !== undefined) onFault(name, fault);
  }

  /** The older revisions have no annotations, so there none can be wrong. */
  private offers(tools: Tools, name: string): boolean {
    const facts = tools.get(name);
    return facts !== undefined && (facts.fault === undefined || eraOf(this.settings.revision) !== 'modern');
  }
}

const ignore = (): void => {};
