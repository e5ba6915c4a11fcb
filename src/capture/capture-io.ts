// Where a capture's bytes come from and go to. Files are read straight into the kernels' memory and
// written straight from it; streams and iterables are copied.

import { ArgumentTypeError } from "../core/argument-error.ts";
import { wrongType } from "../core/arguments.ts";
import { type CaptureSource, openSource } from "../pcap/byte-source.ts";
import { CaptureError } from "../pcap/capture-error.ts";

/** Reads into memory that it is given, as a file can. */
export interface CaptureInput {
  /** Fills some of `into`, which is shared memory, and returns how many bytes; 0 is the end. */
  read(into: Uint8Array): Promise<number>;
  /** Lets go of the source; a read may be under way then, when the work ends early. */
  close(): Promise<void>;
}

/** Writes from memory that it is lent, as a file can. */
export interface CaptureOutput {
  /** Writes all of `bytes`, which is shared memory and holds something else once the promise has settled. */
  write(bytes: Uint8Array): Promise<void>;
  /** Everything has been written. */
  close(): Promise<void>;
  /** Nothing more comes, and what came is not complete. */
  abort(reason: unknown): Promise<void>;
}

/** What engines copy shared memory by, if source and target are aligned alike: else byte by byte, five times slower. */
export const COPY_WORD = 8;

export type CaptureSink = CaptureOutput | WritableStream<Uint8Array>;

/** An input that ends where it cannot be read on, and says why. */
export interface EndingInput extends CaptureInput {
  readonly damage: CaptureError | undefined;
}

/** What goes wrong with the source itself rejects; a CaptureError, as of a container that is cut short, is its end. */
export function openInput(source: CaptureSource | CaptureInput): EndingInput {
  const input = isInput(source) ? source : inputOf(source);
  let damage: CaptureError | undefined;
  return {
    get damage() {
      return damage;
    },
    async read(into) {
      if (damage !== undefined) return 0;
      try {
        return await input.read(into);
      } catch (error) {
        if (!(error instanceof CaptureError)) throw error;
        damage = error;
        return 0;
      }
    },
    close: () => input.close(),
  };
}

/** Bytes as they come, read into memory. */
export function inputOf(source: CaptureSource): CaptureInput {
  const bytes = openSource(source);
  let chunk: Uint8Array = new Uint8Array(0);
  let aligned: Uint8Array = new Uint8Array(0);
  return {
    async read(into) {
      while (chunk.length === 0) {
        const next = await bytes.read();
        if (next === undefined) return 0;
        chunk = next;
      }
      const length = Math.min(chunk.length, into.length);
      let part = chunk.subarray(0, length);
      if ((part.byteOffset - into.byteOffset) % COPY_WORD !== 0) {
        // Two copies by words are faster.
        if (aligned.length < length) aligned = new Uint8Array(length);
        aligned.set(part);
        part = aligned.subarray(0, length);
      }
      into.set(part);
      chunk = chunk.subarray(length);
      return length;
    },
    close: () => bytes.close(),
  };
}

export function openOutput(sink: CaptureSink): CaptureOutput {
  if (typeof sink !== "object" || sink === null) {
    throw wrongType("sink", "a WritableStream", sink);
  }
  if (!("getWriter" in sink)) {
    if ("write" in sink && "close" in sink && "abort" in sink) return sink;
    throw new ArgumentTypeError("wrong-type", "sink", "expected a WritableStream, or write, close and abort");
  }
  // Not by its own write(), if it has one as a file's in a browser: that takes no shared memory.
  const writer = sink.getWriter();
  return {
    async write(bytes) {
      await writer.ready;
      // A copy: the stream may keep it, and most of what stands behind streams takes no shared memory.
      await writer.write(bytes.slice());
    },
    close: () => writer.close(),
    abort: (reason) => writer.abort(reason),
  };
}

/** Lets go of a source, if there is one yet; that something else went wrong is known already. */
export async function closeInput(input: CaptureInput | undefined): Promise<void> {
  try {
    await input?.close();
  } catch {}
}

/** The same for a sink. */
export async function abortOutput(output: CaptureOutput, reason: unknown): Promise<void> {
  try {
    await output.abort(reason);
  } catch {}
}

/** Streams of Node have read() and close() too, which mean something else: they are iterated. */
function isInput(source: CaptureSource | CaptureInput): source is CaptureInput {
  return (
    typeof source === "object" &&
    source !== null &&
    "read" in source &&
    "close" in source &&
    !(Symbol.asyncIterator in source)
  );
}
