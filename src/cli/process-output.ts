/** Of a process that wrote to a pipe nobody reads any more: 128 and the number of SIGPIPE, as shells say it. */
const NOBODY_READS = 141;

/** Standard output and standard error of this process, until it ends. Make one before anything is written. */
export class ProcessOutput {
  #fault: NodeJS.ErrnoException | undefined;

  constructor() {
    // Without a listener the end of a reader (`sallyport … | head -1`) would be an uncaught error, and end a gateway.
    for (const stream of [process.stdout, process.stderr]) {
      stream.on('error', (error) => {
        this.#fault ??= error;
      });
    }
  }

  /**
   * Waits until everything has been taken: writes to pipes only queue what a slow reader has not read, and `process.exit` drops
   * the queue. A list cut short must never look like the whole list.
   *
   * @param longest milliseconds to wait for readers that take nothing; without it, as long as they live
   * @returns the exit code when something was not taken
   */
  async written(longest?: number): Promise<number | undefined> {
    const all = Promise.all([process.stdout, process.stderr].map(taken));
    if (longest === undefined) await all;
    else await Promise.race([all, new Promise((resolve) => setTimeout(resolve, longest))]);
    if (this.#fault === undefined) return undefined;
    if (this.#fault.code === 'EPIPE') return NOBODY_READS;
    process.stderr.write(`sallyport: the output could not be written: ${this.#fault.code}\n`);
    await taken(process.stderr);
    return 1;
  }
}

/** The callback comes behind all that was written before, and with an error as well. */
function taken(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => void stream.write('', () => resolve()));
}
