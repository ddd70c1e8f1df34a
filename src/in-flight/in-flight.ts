/** What can be in flight: it has room for its place in the line. Nobody but the line writes these. */
export interface Linked<T> {
  previous?: T | undefined;
  next?: T | undefined;
}

/**
 * What is under way now: added and removed once a request, in any order, and gone through now and then.
 *
 * A Set would do and must not be used: when a Set outgrows its table V8 links the old table to the new one, and once the
 * first has grown old every later table, with whatever was in flight at that moment, outlives its requests until the next
 * full collection. That was a third of all requests and a third of the CPU. A member is in one line at a time.
 */
export class InFlight<T extends Linked<T>> {
  size = 0;
  #first: T | undefined;

  add(member: T): void {
    if (this.has(member)) return;
    const first = this.#first;
    member.next = first;
    if (first !== undefined) first.previous = member;
    this.#first = member;
    this.size += 1;
  }

  has(member: T): boolean {
    return member === this.#first || member.previous !== undefined;
  }

  /** A member that is not here is no error. Leaves no link behind: what has left holds nobody else. */
  delete(member: T): void {
    if (!this.has(member)) return;
    const { previous, next } = member;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next !== undefined) next.previous = previous;
    member.previous = undefined;
    member.next = undefined;
    this.size -= 1;
  }

  some(concerns: (member: T) => boolean): boolean {
    for (let member = this.#first; member !== undefined; member = member.next) if (concerns(member)) return true;
    return false;
  }

  /** Those in flight at this moment, oldest first: the line may change while the caller goes through them. */
  members(): T[] {
    const members: T[] = [];
    for (let member = this.#first; member !== undefined; member = member.next) members.push(member);
    return members.reverse();
  }
}
