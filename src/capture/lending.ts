// Memory that sources and sinks are lent, and how it comes back: a read or a write that never ends must not keep it.
//
// What is known to come to its end gets the kernels' own memory, and that is given back only then. All others are never
// near it: streams and iterables are copied from and to by this thread, which stops doing so, and whoever reads and
// writes by functions of their own gets a buffer that is theirs.

import { watched } from "../core/abort.ts";
import { type CaptureSource, openSource } from "../pcap/byte-source.ts";
import { CaptureError } from "../pcap/capture-error.ts";
import {
  type CaptureInput,
  type CaptureOutput,
  type CaptureSink,
  isInput,
  openOutput,
} from "./capture-io.ts";

/** Something that may have the kernels' memory in its hands. */
interface Borrower {
  /** Settles when it has not any more; undefined if it has not now. */
  readonly inUse: Promise<unknown> | undefined;
}

/** An input that ends where it cannot be read on, and says why. */
export interface LentInput extends CaptureInput, Borrower {
  readonly damage: CaptureError | undefined;
}

export interface LentOutput extends CaptureOutput, Borrower {}

/** What engines copy shared memory by, if source and target are aligned alike: else byte by byte, five times slower. */
export const COPY_WORD = 8;

/** What goes wrong with the source itself rejects; a CaptureError, as of a container that is cut short, is its end. */
export function lendToInput(source: CaptureSource | CaptureInput): LentInput {
  const input = isInput(source) ? lent(source) : inputOf(source);
  let damage: CaptureError | undefined;
  return {
    get inUse() {
      return input.inUse;
    },
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

function lent(source: CaptureInput): CaptureInput & Borrower {
  const { settles } = source;
  let inUse: Promise<number> | undefined;
  let buffer = new Uint8Array(0);
  let isClosed = false;
  return {
    get inUse() {
      return inUse;
    },
    async read(into) {
      if (settles) {
        inUse = watched(source.read(into));
        return inUse;
      }
      if (buffer.length !== into.length) buffer = new Uint8Array(into.length);
      const length = await source.read(buffer);
      // What cannot be is found out by whoever asked.
      if (!isClosed && length > 0 && length <= buffer.length) into.set(buffer.subarray(0, length));
      return length;
    },
    async close() {
      isClosed = true;
      await source.close();
    },
  };
}

export function lendToOutput(sink: CaptureSink): LentOutput {
  const output = openOutput(sink);
  const { settles } = output;
  let inUse: Promise<void> | undefined;
  let buffer = new Uint8Array(0);
  return {
    get inUse() {
      return inUse;
    },
    async write(bytes) {
      if (settles) {
        inUse = watched(output.write(bytes));
        return inUse;
      }
      // A stream makes a copy by itself.
      if (output !== sink) return output.write(bytes);
      // Used again: the write before has ended.
      if (buffer.length < bytes.length) buffer = new Uint8Array(bytes.length);
      buffer.set(bytes);
      return output.write(buffer.subarray(0, bytes.length));
    },
    close: () => output.close(),
    abort: (reason) => output.abort(reason),
  };
}

/** Bytes as they come, read into memory. */
export function inputOf(source: CaptureSource): CaptureInput & Borrower {
  const bytes = openSource(source);
  let chunk: Uint8Array = new Uint8Array(0);
  let aligned: Uint8Array = new Uint8Array(0);
  let isClosed = false;
  return {
    inUse: undefined,
    async read(into) {
      while (chunk.length === 0) {
        const next = await bytes.read();
        if (next === undefined || isClosed) return 0;
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
    async close() {
      isClosed = true;
      await bytes.close();
    },
  };
}
