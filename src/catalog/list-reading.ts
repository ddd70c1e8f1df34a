import type { Message } from '../jsonrpc/message.ts';
import { isScanFailure, scanMessage } from '../jsonrpc/scan.ts';
import { jsonString, writeRequest } from '../jsonrpc/write.ts';
import { PROBLEMS } from '../problem/catalogue.ts';
import { type Problem, ProblemError } from '../problem/problem.ts';
import { META_CLIENT_CAPABILITIES, META_PROTOCOL_VERSION } from '../protocol/classify.ts';
import type { ToolFacts } from '../protocol/mirrored-parameters.ts';
import { eraOf, type Revision } from '../protocol/revisions.ts';
import type { CallHandle, CallSink, Lane } from '../upstream/lane.ts';
import { addTools } from './tool-facts.ts';

/** Pages a server may spread its list over before it is taken as endless. */
const MAX_PAGES = 100;
/** Names kept of one server. */
const MAX_NAMES = 10_000;
const ABANDONED = 'nobody waits for the list any more';

export type Tools = ReadonlyMap<string, ToolFacts>;

/** Where a directory borrows the lane it asks on. */
export interface LaneLender {
  /** @throws ProblemError when no lane can be had */
  lane(): Lane | Promise<Lane>;
  /** The list was read, or could not be. */
  giveBack(lane: Lane): void;
}

/** A server's whole list being read, and who waits for it. When the last of them leaves, the server is no longer asked. */
export class ListReading {
  /** Rejects with ProblemError. */
  readonly done: Promise<Tools>;
  private readonly revision: Revision;
  private readonly now: () => number;
  private readonly waiting = new Set<object>();
  private isAbandoned = false;
  private page: PageSink | undefined;

  /** @param timeoutMs for all pages together, once there is a lane */
  constructor(lender: LaneLender, revision: Revision, timeoutMs: number, now: () => number) {
    this.revision = revision;
    this.now = now;
    this.done = this.read(lender, timeoutMs);
  }

  join(waiter: object): void {
    this.waiting.add(waiter);
  }

  /** @returns whether that was the last one: then nothing comes of it any more */
  leave(waiter: object): boolean {
    if (!this.waiting.delete(waiter) || this.waiting.size > 0) return false;
    this.isAbandoned = true;
    this.page?.abandon();
    return true;
  }

  private async read(lender: LaneLender, timeoutMs: number): Promise<Tools> {
    const lane = await lender.lane();
    try {
      return await this.readPages(lane, this.now() + timeoutMs);
    } finally {
      lender.giveBack(lane);
    }
  }

  private async readPages(lane: Lane, deadline: number): Promise<Tools> {
    const tools = new Map<string, ToolFacts>();
    let cursor: string | undefined;
    for (let page = 0; page < MAX_PAGES && tools.size < MAX_NAMES; page++) {
      const answer = await this.readPage(lane, cursor, Math.max(deadline - this.now(), 1));
      addTools(tools, answer);
      cursor = answer.result?.string('nextCursor');
      if (cursor === undefined) break;
    }
    return tools;
  }

  private readPage(lane: Lane, cursor: string | undefined, timeoutMs: number): Promise<Message> {
    if (this.isAbandoned) return Promise.reject(new ProblemError(PROBLEMS.CANCELLED, ABANDONED));
    const revision = this.revision;
    const message = listRequest(revision, cursor);
    return new Promise((resolve, reject) => {
      const sink = new PageSink(resolve, reject);
      this.page = sink;
      sink.handle = lane.dispatch(
        { message, revision, decisionId: 'tool-directory', paramHeaders: [], timeoutMs },
        sink,
      );
    });
  }
}

class PageSink implements CallSink {
  handle: CallHandle | undefined = undefined;
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
    else this.failed(PROBLEMS.UPSTREAM_INVALID, 'the server answered tools/list with an error');
  }

  failed(problem: Problem, detail: string): void {
    this.reject(new ProblemError(problem, detail));
  }

  abandon(): void {
    this.handle?.cancel(ABANDONED);
    this.failed(PROBLEMS.CANCELLED, ABANDONED);
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
