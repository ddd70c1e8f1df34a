import type { Message } from '../jsonrpc/message.ts';
import { isScanFailure, scanMessage } from '../jsonrpc/scan.ts';
import { jsonString, writeRequest } from '../jsonrpc/write.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import type { Problem } from '../problem/problem.ts';
import { ProblemError } from '../problem/problem.ts';
import { META_CLIENT_CAPABILITIES, META_PROTOCOL_VERSION } from '../protocol/classify.ts';
import type { ToolFacts } from '../protocol/mirrored-parameters.ts';
import { eraOf, type Revision } from '../protocol/revisions.ts';
import type { CallSink, Lane } from '../upstream/lane.ts';
import { addTools } from './tool-facts.ts';

/** Pages a server may spread its list over before it is taken as endless. */
const MAX_PAGES = 100;
/** Names kept of one server. */
const MAX_NAMES = 10_000;
/** A list older than this is asked for again before a name is called unknown. */
const FRESH_MS = 60_000;
/** An unknown name asks again at most this often: a caller guessing names must not make the server work for each guess. */
const RECHECK_MS = 2_000;

export interface DirectorySettings {
  readonly revision: Revision;
  readonly timeoutMs: number;
  /** Hears of each tool that may not be offered, each time a list with it was read. */
  readonly onFault?: (tool: string, fault: string) => void;
}

/** Where a directory borrows the lane it asks on. */
export interface LaneLender {
  /** @throws ProblemError when no lane can be had */
  lane(): Lane | Promise<Lane>;
  /** The list was read, or could not be. */
  giveBack(lane: Lane): void;
}

type Tools = ReadonlyMap<string, ToolFacts>;

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
  private asking: Promise<Tools> | undefined;
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

  /** @throws ProblemError when the server's list cannot be had: the call is then refused, not guessed at. */
  lists(name: string): boolean | Promise<boolean> {
    const age = this.now() - this.askedAt;
    if (this.tools !== undefined) {
      const known = this.offers(this.tools, name);
      if (known ? age < FRESH_MS : age < RECHECK_MS) return known;
    }
    return this.ask().then((tools) => this.offers(tools, name));
  }

  /**
   * What the list says of a tool; undefined when it is not on it. Waits for the server only while nothing is known of it:
   * an old list is good until the new one is there.
   * @throws ProblemError when the server has never given its list and does not now
   */
  facts(name: string): ToolFacts | undefined | Promise<ToolFacts | undefined> {
    if (this.tools === undefined) {
      if (this.now() - this.unlistedAt < FRESH_MS) return undefined;
      return this.ask().then((tools) => tools.get(name));
    }
    if (this.now() - this.askedAt >= FRESH_MS && this.now() - this.triedAt >= RECHECK_MS) void this.ask().catch(ignore);
    return this.tools.get(name);
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

  private ask(): Promise<Tools> {
    if (this.asking !== undefined) return this.asking;
    this.triedAt = this.now();
    const asking = this.readAll().finally(() => {
      if (this.asking === asking) this.asking = undefined;
    });
    this.asking = asking;
    return asking;
  }

  private async readAll(): Promise<Tools> {
    const { edition } = this;
    const lane = await this.lender.lane();
    try {
      const tools = await this.readPages(lane);
      if (edition === this.edition) this.keep(tools);
      return tools;
    } catch (error) {
      if (error instanceof ProblemError && error.problem === PROBLEMS.UPSTREAM_INVALID) this.unlistedAt = this.now();
      throw error;
    } finally {
      this.lender.giveBack(lane);
    }
  }

  private async readPages(lane: Lane): Promise<Tools> {
    const tools = new Map<string, ToolFacts>();
    let cursor: string | undefined;
    for (let page = 0; page < MAX_PAGES && tools.size < MAX_NAMES; page++) {
      const answer = await this.readPage(lane, cursor);
      addTools(tools, answer);
      cursor = answer.result?.string('nextCursor');
      if (cursor === undefined) break;
    }
    return tools;
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

  private readPage(lane: Lane, cursor: string | undefined): Promise<Message> {
    const { revision, timeoutMs } = this.settings;
    const message = listRequest(revision, cursor);
    return new Promise((resolve, reject) => {
      lane.dispatch(
        { message, revision, decisionId: 'tool-directory', paramHeaders: [], timeoutMs },
        new PageSink(resolve, reject),
      );
    });
  }
}

const ignore = (): void => {};

class PageSink implements CallSink {
  private readonly resolve: (page: Message) => void;
  private readonly reject: (error: ProblemError) => void;

  constructor(resolve: (page: Message) => void, reject: (error: ProblemError) => void) {
    this.resolve = resolve;
    this.reject = reject;
  }

  opened(): void {}

  message(): boolean {
    return true;
  }

  settled(response: Message): void {
    if (response.kind === 'result') this.resolve(response);
    else this.reject(new ProblemError(PROBLEMS.UPSTREAM_INVALID, 'the server answered tools/list with an error'));
  }

  failed(problem: Problem, detail: string): void {
    this.reject(new ProblemError(problem, detail));
  }
}

function listRequest(revision: Revision, cursor: string | undefined): Message {
  const members: string[] = [];
  if (cursor !== undefined) members.push(`"cursor":${jsonString(cursor)}`);
  if (eraOf(revision) === 'modern') {
    members.push(`"_meta":{"${META_PROTOCOL_VERSION}":"${revision}","${META_CLIENT_CAPABILITIES}":{}}`);
  }
  const message = scanMessage(writeRequest(0, 'tools/list', `{${members.join(',')}}`));
  if (isScanFailure(message)) throw new Error(`the gateway wrote a request it cannot read: ${message.detail}`);
  return message;
}
