import type { Topic } from './topics.ts';

/**
 * Which stream tells of an event while two tell of the same ones: whichever brings it first. Events of one topic cannot be
 * told apart, so they are counted. What the old stream tells and the new one never will is counted against the new one's next
 * event of that topic; the old one, which sees that too, then tells it.
 */
export class Handover {
  /** By topic, how many more events the old stream has told than the new one. */
  private readonly lead = new Map<Topic, number>();

  /** @returns true when nobody has told of this event yet */
  isFirst(topic: Topic, from: 'old' | 'new'): boolean {
    const lead = this.lead.get(topic) ?? 0;
    this.lead.set(topic, from === 'old' ? lead + 1 : lead - 1);
    return from === 'old' ? lead >= 0 : lead <= 0;
  }
}
