import type { Message } from '../jsonrpc/message.ts';
import { jsonString, writeRequest } from '../jsonrpc/write.ts';
import type { Revision } from '../protocol/revisions.ts';
import type { Lane } from '../upstream/lane.ts';
import { ask, type Hear, ownMessage } from './introduction.ts';

/** Beyond these a server's next process is not told: what a client may make the gateway remember is bounded. */
const MAX_SUBSCRIPTIONS = 100;
const MAX_SUBSCRIPTION_LETTERS = 16_384;
const AT_ONCE = 10;

/**
 * What a server has granted a session for as long as it lasts: the log level, and resources whose changes it tells. When the
 * server's side is lost they are asked for again, for the client believes they hold.
 */
export class StandingRequests {
  private level: string | undefined;
  private readonly subscriptions = new Set<string>();
  private letters = 0;

  /** The server has answered this request of the client's with a result. */
  granted({ method, params }: Message): void {
    if (method === 'logging/setLevel') this.level = params?.string('level');
    else if (method === 'resources/subscribe') this.subscribed(params?.string('uri'));
    else if (method === 'resources/unsubscribe') this.unsubscribed(params?.string('uri'));
  }

  /**
   * Asks for all of it on a new lane; what the server does not grant again is forgotten.
   * @returns how many were not granted
   */
  async repeat(lane: Lane, revision: Revision, timeoutMs: number, hear: Hear): Promise<number> {
    const grants = async (method: string, params: string): Promise<boolean> => {
      const request = ownMessage(writeRequest(0, method, params));
      const answer = await ask(lane, request, revision, timeoutMs, hear).catch(() => undefined);
      return answer?.kind === 'result';
    };
    const asks = [...this.subscriptions].map((uri) => async () => {
      const granted = await grants('resources/subscribe', `{"uri":${jsonString(uri)}}`);
      if (!granted) this.unsubscribed(uri);
      return granted;
    });
    if (this.level !== undefined) {
      const level = jsonString(this.level);
      asks.unshift(() => grants('logging/setLevel', `{"level":${level}}`));
    }
    let refused = 0;
    for (let at = 0; at < asks.length; at += AT_ONCE) {
      const answers = await Promise.all(asks.slice(at, at + AT_ONCE).map((send) => send()));
      refused += answers.filter((granted) => !granted).length;
    }
    return refused;
  }

  private subscribed(uri: string | undefined): void {
    if (uri === undefined || this.subscriptions.has(uri) || this.subscriptions.size >= MAX_SUBSCRIPTIONS) return;
    if (this.letters + uri.length > MAX_SUBSCRIPTION_LETTERS) return;
    this.letters += uri.length;
    this.subscriptions.add(uri);
  }

  private unsubscribed(uri: string | undefined): void {
    if (uri !== undefined && this.subscriptions.delete(uri)) this.letters -= uri.length;
  }
}
