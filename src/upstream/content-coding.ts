import type { IncomingHttpHeaders } from 'node:http';
import type { Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import type { Dispatcher } from 'undici';

type Controller = Dispatcher.DispatchController;

/** What a server sent is not in the coding it named. */
export class ContentCodingError extends Error {
  override readonly name = 'ContentCodingError';
}

/**
 * Stands between the connection and whoever reads the answer, and undoes the Content-Encoding of a server that compresses
 * although `identity` was asked for. The reader sees the bytes made of it, a little at a time, so that its own limits hold:
 * when it stops or gives up, nothing more is made. A coding that is not known, or several, are left for the reader to refuse.
 */
export class DecodedAnswer implements Dispatcher.DispatchHandler, Controller {
  readonly #reader: Dispatcher.DispatchHandler;
  #connection: Controller | undefined;
  #decoder: Transform | undefined;
  #isEmpty = true;
  /** The reader was told of a fault in the coding: what the connection then says of its own end is for nobody. */
  #isBroken = false;
  #trailers: IncomingHttpHeaders = {};

  constructor(reader: Dispatcher.DispatchHandler) {
    this.#reader = reader;
  }

  onRequestStart(controller: Controller, context: unknown): void {
    this.#connection = controller;
    this.#reader.onRequestStart?.(this, context);
  }

  onResponseStart(_controller: Controller, status: number, headers: IncomingHttpHeaders, statusMessage?: string): void {
    const decoder = status < 200 ? undefined : decoderOf(headers['content-encoding']);
    if (decoder === undefined) {
      this.#reader.onResponseStart?.(this, status, headers, statusMessage);
      return;
    }
    this.#decoder = decoder;
    decoder
      .on('data', (chunk: Buffer) => this.#reader.onResponseData?.(this, chunk))
      .on('end', () => this.#reader.onResponseEnd?.(this, this.#trailers))
      .on('drain', () => this.#connection?.resume())
      .on('error', (error) => this.#broken(error));
    const { 'content-encoding': _coding, 'content-length': _length, ...decoded } = headers;
    this.#reader.onResponseStart?.(this, status, decoded, statusMessage);
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    if (this.#decoder === undefined) this.#reader.onResponseData?.(this, chunk);
    else if (!this.#decoder.destroyed) {
      this.#isEmpty &&= chunk.length === 0;
      if (!this.#decoder.write(chunk)) controller.pause();
    }
  }

  onResponseEnd(_controller: Controller, trailers: IncomingHttpHeaders): void {
    // An answer without a body has none to decode, whatever its headers say.
    if (this.#decoder === undefined || this.#isEmpty) {
      this.#reader.onResponseEnd?.(this, trailers);
      return;
    }
    this.#trailers = trailers;
    this.#decoder.end();
  }

  onResponseError(_controller: Controller, error: Error): void {
    this.#discard();
    if (!this.#isBroken) this.#reader.onResponseError?.(this, error);
  }

  // Controller: what the reader does to the answer.

  get aborted(): boolean {
    return this.#connection?.aborted ?? false;
  }

  get paused(): boolean {
    return this.#decoder?.isPaused() ?? this.#connection?.paused ?? false;
  }

  get reason(): Error | null {
    return this.#connection?.reason ?? null;
  }

  pause(): void {
    if (this.#decoder === undefined) this.#connection?.pause();
    else this.#decoder.pause();
  }

  resume(): void {
    if (this.#decoder === undefined) this.#connection?.resume();
    else this.#decoder.resume();
  }

  abort(reason: Error): void {
    this.#discard();
    this.#connection?.abort(reason);
  }

  #broken(error: Error): void {
    const fault = new ContentCodingError(error.message);
    this.#isBroken = true;
    this.abort(fault);
    this.#reader.onResponseError?.(this, fault);
  }

  #discard(): void {
    this.#decoder?.removeAllListeners('data').removeAllListeners('end').destroy();
  }
}

function decoderOf(coding: string | string[] | undefined): Transform | undefined {
  switch (typeof coding === 'string' ? coding.toLowerCase() : undefined) {
    case 'gzip':
    case 'x-gzip':
      return createGunzip();
    case 'deflate':
      return createInflate();
    case 'br':
      return createBrotliDecompress();
    default:
      return undefined;
  }
}
