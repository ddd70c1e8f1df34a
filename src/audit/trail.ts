import { closeSync, fdatasync, fdatasyncSync, fstatSync, ftruncateSync, statSync, write, writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, extname } from 'node:path';
import { makeFolder } from '../storage/make-folder.ts';
import { type Anchor, readAnchor, writeAnchor, writeAnchorNow } from './anchor.ts';
import { Chain, type Head } from './chain.ts';
import { FileLock } from './lock.ts';
import { openRegular } from './record-file.ts';
import { after, continuation, examine, setAside } from './recover.ts';

/**
 * One audit file and the head of its chain. Knows nothing of callers, queues or retries.
 *
 * The head moves only past records the kernel has taken whole; what a failed write left behind is cut off again.
 * After an append has failed nothing may be written until `reopen` has returned.
 */
export class Trail {
  readonly #path: string;
  readonly #stem: string;
  readonly #lock: FileLock;
  #fd: number;
  #ino = 0;
  #bytes = 0;
  #remains = false;
  #head: Head;
  #first: Anchor['first'];
  #anchored: Head | undefined;
  #anchoring: Promise<void> | undefined;

  /**
   * Opens or creates the file (0600, its folder 0700), takes the lock and finds where the chain goes on.
   *
   * @param oddities receives a sentence for each thing that was not as it was left
   * @throws Error when the file cannot be opened, is no regular file, or belongs to another gateway
   */
  constructor(path: string, oddities: string[]) {
    this.#path = path;
    this.#stem = path.slice(0, path.length - extname(path).length);
    makeFolder(dirname(path), 0o700);
    this.#lock = new FileLock(`${this.#stem}.lock`);
    try {
      this.#fd = openRegular(path);
      const anchor = this.#lastAnchor(oddities);
      const next = continuation(this.#settle(oddities), anchor);
      oddities.push(...next.oddities);
      this.#head = next.head;
      this.#first = next.first;
      this.#anchorNow(false);
    } catch (error) {
      this.#lock.release();
      throw error;
    }
  }

  get head(): Head {
    return this.#head;
  }

  /** Seals the bodies and hands them to the kernel. All are in the file, or none and it throws. */
  append(bodies: readonly string[]): void {
    const chain = new Chain(this.#head);
    const text = sealAll(chain, bodies);
    try {
      // Sealed lines are ASCII, so characters are bytes.
      for (let done = 0; done < text.length; ) {
        done += writeSync(this.#fd, done === 0 ? text : text.slice(done), null, 'latin1');
      }
    } catch (error) {
      this.#cutBack();
      throw error;
    }
    this.#head = chain.head;
    this.#bytes += text.length;
  }

  /** As `append`, without waiting for the kernel on this thread. Only one at a time. */
  async appendLater(bodies: readonly string[]): Promise<void> {
    const chain = new Chain(this.#head);
    const bytes = Buffer.from(sealAll(chain, bodies), 'latin1');
    try {
      for (let done = 0; done < bytes.length; ) done += await writeBytes(this.#fd, bytes, done);
    } catch (error) {
      this.#cutBack();
      throw error;
    }
    this.#head = chain.head;
    this.#bytes += bytes.length;
  }

  /** As `append`, and on stable storage when the promise resolves. Only one at a time. */
  async appendSynced(bodies: readonly string[]): Promise<void> {
    const before = { bytes: this.#bytes, head: this.#head };
    this.append(bodies);
    try {
      await dataSync(this.#fd);
    } catch (error) {
      this.#bytes = before.bytes;
      this.#head = before.head;
      this.#cutBack();
      throw error;
    }
  }

  /** Whether the file was taken away under us: what is written to it now is lost when we let it go. One system call. */
  get isRemoved(): boolean {
    return fstatSync(this.#fd).nlink === 0;
  }

  /**
   * Looks whether the file under the path is still ours and as long as we left it, and puts that right.
   * @returns what was not as it was left; throws when the path cannot be written any more
   */
  check(): string[] {
    const now = statSync(this.#path, { throwIfNoEntry: false });
    if (now !== undefined && now.ino === this.#ino && now.size === this.#bytes) return [];
    return this.reopen();
  }

  /** Opens the path again after a failure or a move, and cuts off what a failed write left. */
  reopen(): string[] {
    const fd = openRegular(this.#path);
    try {
      this.#lock.ensure();
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    const old = this.#fd;
    this.#fd = fd;
    closeQuietly(old);
    const { ino, size } = fstatSync(fd);
    const oddities: string[] = [];
    const same = ino === this.#ino;
    // A longer file after a failed append holds our own remains and is cut; otherwise somebody else wrote into it.
    if (same && (size === this.#bytes || (this.#remains && size > this.#bytes))) {
      ftruncateSync(fd, this.#bytes);
      this.#remains = false;
      return oddities;
    }
    if (same) oddities.push(`the file was ${size} bytes long where ${this.#bytes} had been written`);
    else oddities.push(`the file was moved or removed; the chain goes on after record ${this.#head.seq}`);
    const found = this.#settle(oddities);
    if (found.first === undefined) this.#first = after(this.#head);
    else if (!same) this.#first = found.first;
    this.#remains = false;
    this.#anchorNow(false);
    return oddities;
  }

  /** Cuts off what a failed append left. Where even that fails, `reopen` does it later. */
  #cutBack(): void {
    this.#remains = true;
    try {
      if (fstatSync(this.#fd).size > this.#bytes) ftruncateSync(this.#fd, this.#bytes);
    } catch {
      // The device is gone; what it holds is looked at when it is back.
    }
  }

  /** Moves the anchor up to what is on stable storage, and keeps the lock fresh. Never throws. */
  async anchor(): Promise<void> {
    this.#lock.touch();
    if (this.#anchoring !== undefined) return this.#anchoring;
    if (this.#anchored === this.#head) return;
    this.#anchoring = this.#writeAnchor().finally(() => {
      this.#anchoring = undefined;
    });
    return this.#anchoring;
  }

  async #writeAnchor(): Promise<void> {
    const { head, first, ino } = { head: this.#head, first: this.#first, ino: this.#ino };
    try {
      // A descriptor of its own: the file may be reopened while this is under way.
      const file = await open(this.#path, 'r');
      try {
        if ((await file.stat()).ino !== ino) return;
        await file.datasync();
      } finally {
        await file.close();
      }
      if (this.#ino !== ino) return;
      await writeAnchor(`${this.#stem}.head`, { head, first, closed: false });
      this.#anchored = head;
    } catch {
      // The anchor stays behind the file, which it may. A disk that fails shows at the next append.
    }
  }

  /** Writes the last anchor and lets the file and the lock go. */
  async close(): Promise<void> {
    await this.#anchoring;
    try {
      this.#anchorNow(true);
    } finally {
      closeSync(this.#fd);
      this.#lock.release();
    }
  }

  /** Sets aside whatever follows the last good record and takes the file as it then is. */
  #settle(oddities: string[]): ReturnType<typeof examine> {
    const found = examine(this.#fd);
    if (found.torn > 0) {
      const copy = setAside(this.#fd, found, this.#stem);
      oddities.push(`${found.torn} bytes that are no whole record were moved to ${copy}`);
    }
    this.#ino = fstatSync(this.#fd).ino;
    this.#bytes = found.bytes;
    return found;
  }

  #lastAnchor(oddities: string[]): Anchor | undefined {
    try {
      return readAnchor(`${this.#stem}.head`);
    } catch (error) {
      oddities.push((error as Error).message);
      return undefined;
    }
  }

  /** An anchor that cannot be written is left behind; the file itself is what must not fail. */
  #anchorNow(closed: boolean): void {
    try {
      fdatasyncSync(this.#fd);
      writeAnchorNow(`${this.#stem}.head`, { head: this.#head, first: this.#first, closed });
      this.#anchored = this.#head;
    } catch {
      this.#anchored = undefined;
    }
  }
}

/** Nothing is held back in a descriptor we write through at once; a failing close has nothing to tell. */
function closeQuietly(fd: number): void {
  try {
    closeSync(fd);
  } catch {
    // The descriptor is gone either way.
  }
}

function sealAll(chain: Chain, bodies: readonly string[]): string {
  let text = '';
  for (let i = 0; i < bodies.length; i++) text += chain.seal(bodies[i]!);
  return text;
}

function writeBytes(fd: number, bytes: Buffer, from: number): Promise<number> {
  return new Promise((resolve, reject) => {
    write(fd, bytes, from, bytes.length - from, null, (error, n) => (error ? reject(error) : resolve(n)));
  });
}

function dataSync(fd: number): Promise<void> {
  return new Promise((resolve, reject) => fdatasync(fd, (error) => (error ? reject(error) : resolve())));
}
