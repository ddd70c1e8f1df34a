/** Numbers by index, growing. */
export class Packed<Row extends Uint8Array | Uint32Array> {
  private numbers: Row;
  private readonly make: new (
    length: number,
  ) => Row;

  constructor(make: new (length: number) => Row) {
    this.make = make;
    this.numbers = new make(16);
  }

  set(index: number, value: number): void {
    if (index >= this.numbers.length) {
      const grown = new this.make(Math.max(index + 1, this.numbers.length * 2));
      grown.set(this.numbers);
      this.numbers = grown;
    }
    this.numbers[index] = value;
  }

  get(index: number): number {
    return this.numbers[index] ?? 0;
  }
}

/** Notes of some entries, one behind the other, each with its length in front. */
export class Notes {
  private readonly places = new Packed(Uint32Array);
  private bytes = Buffer.alloc(0);
  private end = 1;

  set(index: number, note: string): void {
    const length = Buffer.byteLength(note);
    const needed = this.end + 4 + length;
    if (needed > this.bytes.length) {
      const grown = Buffer.alloc(Math.max(1024, needed * 2));
      grown.set(this.bytes);
      this.bytes = grown;
    }
    this.places.set(index, this.end);
    this.bytes.writeUInt32LE(length, this.end);
    this.bytes.write(note, this.end + 4);
    this.end = needed;
  }

  get(index: number): string | undefined {
    const place = this.places.get(index);
    if (place === 0) return undefined;
    return this.bytes.toString('utf8', place + 4, place + 4 + this.bytes.readUInt32LE(place));
  }
}
