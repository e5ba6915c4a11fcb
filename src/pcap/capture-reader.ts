// Reading a capture as it arrives. Memory holds one chunk and what its records need, however long the file is.

import { ArgumentTypeError } from "../core/argument-error.ts";
import { checkFields, type Fields, signal } from "../core/fields.ts";
import { inTime } from "../core/in-time.ts";
import { type ByteSource, type CaptureSource, openSource } from "./byte-source.ts";
import type { CaptureError } from "./capture-error.ts";
import { CaptureParser } from "./capture-parser.ts";
import type { CaptureItem, CaptureRecord, CaptureSection } from "./capture-types.ts";

export interface CaptureReaderOptions {
  /** Ends reading with the signal's reason and cancels the source. */
  readonly signal?: AbortSignal | undefined;
}

const READER_FIELDS: Fields<CaptureReaderOptions> = { signal: signal() };

/** Most items in one batch, so that a file handed over as one chunk does not become one array. */
const BATCH_MAXIMUM = 1024;

/**
 * Reads a pcap or pcapng, whichever the bytes turn out to be.
 *
 * Iterating gives every whole record; then, if the file is damaged, cut short or no capture, it throws a
 * `CaptureError` with the offset of the first byte that could not be used. Nothing is read before it is asked for.
 */
export function readCapture(source: CaptureSource, options: CaptureReaderOptions = {}): CaptureReader {
  return new CaptureReader(source, options);
}

/** A capture being read, once: a second iteration throws a TypeError. */
export class CaptureReader implements AsyncIterable<CaptureRecord> {
  readonly #parser: CaptureParser = new CaptureParser();
  readonly #source: ByteSource;
  readonly #signal: AbortSignal | undefined;
  #taken = false;
  #ended = false;
  #closing: Promise<void> | undefined;

  constructor(source: CaptureSource, options: CaptureReaderOptions = {}) {
    const checked = checkFields("options", READER_FIELDS, options);
    this.#source = openSource(source);
    this.#signal = checked.signal;
  }

  /** The section that was read last (of a pcap, its file header); undefined before the first. */
  get section(): CaptureSection | undefined {
    return this.#parser.section;
  }

  /** Set when damage was met, which the iteration throws after the last whole record. */
  get damage(): CaptureError | undefined {
    return this.#parser.failure;
  }

  /** Reads just the file header; throws a `CaptureError` if there is none. Records are iterated afterwards. */
  async open(): Promise<CaptureSection> {
    try {
      for (;;) {
        this.#parser.open();
        if (this.#parser.section !== undefined) return this.#parser.section;
        if (!(await this.#more())) throw new Error("capture: closed before its header arrived");
      }
    } catch (error) {
      await this.#abandon(error);
      throw error;
    }
  }

  /** Each record. For most speed take `batches()`: a promise a record costs more than the reading. */
  [Symbol.asyncIterator](): RecordIterator {
    return new RecordIterator(this.batches());
  }

  /** The records in arrays: all whole ones of what has arrived, at most 1,024 at a time. */
  batches(): AsyncGenerator<CaptureRecord[], void, undefined> {
    return this.#batches(false) as AsyncGenerator<CaptureRecord[], void, undefined>;
  }

  /** Everything in the order of the file: sections, interfaces, records and other blocks, in arrays as `batches()`. */
  items(): AsyncGenerator<CaptureItem[], void, undefined> {
    return this.#batches(true);
  }

  /**
   * Stops reading and cancels the source, which is waited for a second at most. An iteration under way ends without an
   * error.
   */
  async close(): Promise<void> {
    await inTime(this.#close(undefined));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async *#batches(everything: boolean): AsyncGenerator<CaptureItem[], void, undefined> {
    if (this.#taken)
      throw new ArgumentTypeError("busy", "capture", "it is being read already, and can be read once");
    this.#taken = true;
    const parser = this.#parser;
    let left = true;
    try {
      for (;;) {
        this.#signal?.throwIfAborted();
        const items = parser.parse(BATCH_MAXIMUM, everything);
        if (items.length > 0) yield items;
        if (parser.failure === undefined && items.length >= BATCH_MAXIMUM) continue;
        if (!(await this.#more())) break;
      }
      left = false;
    } catch (error) {
      left = false;
      await this.#abandon(error);
      throw error;
    } finally {
      if (left) await this.close();
    }
  }

  /** Pushes one chunk, or the end; false if there was an end before. Throws the damage, if that is known. */
  async #more(): Promise<boolean> {
    if (this.#parser.failure !== undefined) throw this.#parser.failure;
    if (this.#ended || this.#closing !== undefined) return false;
    const chunk = await this.#read();
    if (this.#closing !== undefined) return false;
    if (chunk === undefined) {
      this.#ended = true;
      this.#parser.end();
    } else this.#parser.push(chunk);
    return true;
  }

  #read(): Promise<Uint8Array | undefined> {
    const signal = this.#signal;
    if (signal === undefined) return this.#source.read();
    signal.throwIfAborted();
    // One listener a chunk, taken away again: a race against one promise for all would grow with the file.
    return new Promise((resolve, reject) => {
      const abort = (): void => reject(signal.reason);
      signal.addEventListener("abort", abort, { once: true });
      this.#source
        .read()
        .then(resolve, reject)
        .finally(() => signal.removeEventListener("abort", abort));
    });
  }

  /** Cancels the source for an error that must reach the caller, whatever the source says to it. */
  async #abandon(error: unknown): Promise<void> {
    const closed = this.#close(error).catch(() => {});
    // After an abort a source that does not answer must not hold up the error.
    if (!this.#signal?.aborted) await inTime(closed);
  }

  #close(reason: unknown): Promise<void> {
    if (this.#ended) return Promise.resolve();
    this.#closing ??= this.#source.close(reason);
    return this.#closing;
  }
}

/** Records one by one from batches. Written out because an async generator takes three times as long: measured. */
export class RecordIterator implements AsyncIterableIterator<CaptureRecord, void, undefined> {
  readonly #batches: AsyncGenerator<CaptureRecord[], void, undefined>;
  #batch: CaptureRecord[] = [];
  #position = 0;
  /** The call under way that waits for a batch; later calls queue up behind it. */
  #waiting: Promise<IteratorResult<CaptureRecord, void>> | undefined;
  #calls = 0;

  constructor(batches: AsyncGenerator<CaptureRecord[], void, undefined>) {
    this.#batches = batches;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<CaptureRecord, void>> {
    if (this.#waiting === undefined && this.#position < this.#batch.length)
      return Promise.resolve({ done: false, value: this.#batch[this.#position++]! });
    const take = (): Promise<IteratorResult<CaptureRecord, void>> => this.#take();
    this.#calls++;
    this.#waiting = this.#waiting === undefined ? take() : this.#waiting.then(take, take);
    return this.#waiting;
  }

  async return(): Promise<IteratorResult<CaptureRecord, void>> {
    this.#position = this.#batch.length;
    await this.#batches.return();
    return { done: true, value: undefined };
  }

  async #take(): Promise<IteratorResult<CaptureRecord, void>> {
    try {
      while (this.#position === this.#batch.length) {
        const { done, value } = await this.#batches.next();
        if (done) return { done: true, value: undefined };
        this.#batch = value;
        this.#position = 0;
      }
      return { done: false, value: this.#batch[this.#position++]! };
    } finally {
      if (--this.#calls === 0) this.#waiting = undefined;
    }
  }
}
