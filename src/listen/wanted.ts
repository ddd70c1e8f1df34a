import type { Topic } from './topics.ts';

/** What a number of listeners want together, counted so that who comes and goes costs no more than what he himself wants. */
export class Wanted {
  private readonly counts = new Map<Topic, number>();
  /** Of all topics, in UTF-16 units. */
  private length = 0;

  get size(): number {
    return this.counts.size;
  }

  topics(): Set<Topic> {
    return new Set(this.counts.keys());
  }

  add(topics: ReadonlySet<Topic>): void {
    for (const topic of topics) {
      const count = this.counts.get(topic) ?? 0;
      if (count === 0) this.length += topic.length;
      this.counts.set(topic, count + 1);
    }
  }

  remove(topics: ReadonlySet<Topic>): void {
    for (const topic of topics) {
      const left = (this.counts.get(topic) ?? 0) - 1;
      if (left > 0) {
        this.counts.set(topic, left);
      } else if (this.counts.delete(topic)) {
        this.length -= topic.length;
      }
    }
  }

  /** Whether these may be added without there being more topics, or more text, than said. */
  hasRoomFor(topics: ReadonlySet<Topic>, mostTopics: number, mostText: number): boolean {
    let more = 0;
    let text = 0;
    for (const topic of topics) {
      if (this.counts.has(topic)) continue;
      more += 1;
      text += topic.length;
    }
    return this.counts.size + more <= mostTopics && this.length + text <= mostText;
  }
}
