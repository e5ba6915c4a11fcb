// Where a capture's bytes come from and go to. Files are read straight into the kernels' memory and
// written straight from it; streams, iterables and what callers bring themselves are copied (lending.ts says why).

import { ArgumentTypeError } from "../core/argument-error.ts";
import { wrongType } from "../core/arguments.ts";
import type { CaptureSource } from "../pcap/byte-source.ts";

/** Reads into memory that it is given, as a file can. */
export interface CaptureInput {
  /** Fills some of `into` and returns how many bytes; 0 is the end. */
  read(into: Uint8Array): Promise<number>;
  /** Lets go of the source; a read may be under way then, when the work ends early. It is waited for a second at most. */
  close(): Promise<void>;
  /**
   * That reads settle soon after `close()`, whatever happens, as those of a file on a disk do. `into` is the kernels' own
   * memory then, which is shared, and taken until the read has settled. Default false: `into` is a buffer to copy from.
   */
  readonly settles?: boolean | undefined;
}

/** Writes from memory that it is lent, as a file can. */
export interface CaptureOutput {
  /** Writes all of `bytes`, which holds something else once the promise has settled. */
  write(bytes: Uint8Array): Promise<void>;
  /** Everything has been written. */
  close(): Promise<void>;
  /** Nothing more comes, and what came is not complete. It is waited for a second at most. */
  abort(reason: unknown): Promise<void>;
  /** The same as of a source: writes settle soon after `abort()`. `bytes` is the kernels' own memory then, and shared. */
  readonly settles?: boolean | undefined;
}

export type CaptureSink = CaptureOutput | WritableStream<Uint8Array>;

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
      // A copy: the stream may keep it, and most of what stands behind streams takes no shared memory. It is made at once,
      // since the memory is given back to others when the work ends meanwhile.
      const copy = bytes.slice();
      await writer.ready;
      await writer.write(copy);
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
export function isInput(source: CaptureSource | CaptureInput): source is CaptureInput {
  return (
    typeof source === "object" &&
    source !== null &&
    "read" in source &&
    "close" in source &&
    !(Symbol.asyncIterator in source)
  );
}
