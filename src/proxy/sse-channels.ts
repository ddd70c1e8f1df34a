import type { PrincipalId } from '../identity/principal.ts';
import type { SseChannel } from './sse-channel.ts';

/** The open streams of HTTP+SSE clients. Bounded by the streams each principal may hold. */
export class SseChannels {
  private readonly open = new Map<string, SseChannel>();

  add(channel: SseChannel): void {
    this.open.set(channel.id, channel);
  }

  remove(channel: SseChannel): void {
    this.open.delete(channel.id);
  }

  /** The id is never a credential: to anybody but its principal, and on another server's route, there is no such stream. */
  find(id: string, principal: PrincipalId, server: string): SseChannel | undefined {
    const channel = this.open.get(id);
    return channel?.holder === principal && channel.server === server ? channel : undefined;
  }
}
