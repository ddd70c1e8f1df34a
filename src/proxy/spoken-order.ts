/** What may wait of a stream that cannot be made to pause. */
const ROOM_BYTES = 1_048_576;

interface Place {
  /** Undefined while it is not decided what is said here. */
  say: (() => void) | undefined;
  readonly bytes: number;
}

/**
 * The order in which a legacy server said things, kept where some of it takes time: what comes after a question that is being
 * judged waits for the verdict, be it a notification, an answer or another question. Otherwise a client would hear of
 * progress, or of the end of a call, before the question that came first.
 */
export class SpokenOrder {
  private readonly whenFree: () => void;
  private readonly onThrow: (error: unknown) => void;
  private readonly line: Place[] = [];
  private bytes = 0;
  private isSpeaking = false;

  /** @param whenFree called when nothing waits any more: whoever was made to pause may go on */
  constructor(whenFree: () => void, onThrow: (error: unknown) => void) {
    this.whenFree = whenFree;
    this.onThrow = onThrow;
  }

  /** Something must be said before anything else is. */
  get isHeld(): boolean {
    return this.line.length > 0;
  }

  /** No more may wait than does, of what can be done without. */
  get isFull(): boolean {
    return this.bytes >= ROOM_BYTES;
  }

  /** Says it now, or in its turn. */
  add(bytes: number, say: () => void): void {
    this.push({ say, bytes });
    this.speak();
  }

  /** Keeps a place for what is not decided. @returns to be called once, with what is said there: until then all else waits */
  reserve(bytes: number): (say: () => void) => void {
    const place: Place = { say: undefined, bytes };
    this.push(place);
    return (say) => {
      place.say = say;
      this.speak();
    };
  }

  private push(place: Place): void {
    this.line.push(place);
    this.bytes += place.bytes;
  }

  private speak(): void {
    if (this.isSpeaking) return;
    this.isSpeaking = true;
    for (let place = this.line[0]; place?.say !== undefined; place = this.line[0]) {
      try {
        place.say();
      } catch (error) {
        this.onThrow(error);
      }
      // It leaves when it has been said: what comes meanwhile comes after it.
      this.line.shift();
      this.bytes -= place.bytes;
    }
    this.isSpeaking = false;
    if (!this.isHeld) this.whenFree();
  }
}
