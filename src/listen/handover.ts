import { type Topic, tellsOf } from './topics.ts';

/**
 * Which stream tells of an event while two tell of the same ones: whichever brings it first. Events of one topic cannot be
 * told apart, so they are counted. What the old stream tells and the new one never will is counted against the new one's next
 * event of that topic; the old one, which sees that too, then tells it.
 */
export class Handover {
  private readonly inBoth: ReadonlySet<Topic>;
  /** By topic, how many more events the old stream has told than the new one. */
  private readonly lead = new Map<Topic, number>();
  private uneven = 0;

  /** @param inBoth what both streams tell of */
  constructor(inBoth: ReadonlySet<Topic>) {
    this.inBoth = inBoth;
  }

  /** Both streams have told the same so far: the old one may go, and nothing is told twice. */
  get isLevel(): boolean {
    return this.uneven === 0;
  }

  /** @returns true when nobody has told of this event yet */
  isFirst(topic: Topic, from: 'old' | 'new'): boolean {
    if (!tellsOf(this.inBoth, topic)) return true;
    const before = this.lead.get(topic) ?? 0;
    const lead = from === 'old' ? before + 1 : before - 1;
    this.lead.set(topic, lead);
    if (before === 0) this.uneven += 1;
    if (lead === 0) this.uneven -= 1;
    return from === 'old' ? before >= 0 : before <= 0;
  }
}
