// Whatever bytes come from, as one pull function. Nothing is asked for before it is needed: that is the backpressure.

import { wrongType } from "../core/arguments.ts";

/** Where a capture's bytes come from; chunks may have any size. */
export type CaptureSource =
  | Uint8Array
  | Blob
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>
  | Iterable<Uint8Array>;

export interface ByteSource {
  /** The next chunk; undefined at the end. */
  read(): Promise<Uint8Array | undefined>;
  /** Lets go of the source before its end. */
  close(reason?: unknown): Promise<void>;
}

/** Throws a TypeError for anything that is no source of bytes. */
export function openSource(source: CaptureSource): ByteSource {
  if (source instanceof Uint8Array) return fromIterator(() => [source][Symbol.iterator]());
  if (typeof source === "object" && source !== null) {
    if ("getReader" in source) return fromStream(source);
    if ("stream" in source && typeof source.stream === "function") return fromStream(source.stream());
    if (Symbol.asyncIterator in source) return fromIterator(() => source[Symbol.asyncIterator]());
    if (Symbol.iterator in source) return fromIterator(() => source[Symbol.iterator]());
  }
  throw wrongType("source", "a Uint8Array, a Blob, a ReadableStream or an iterable of Uint8Array", source);
}

function fromStream(stream: ReadableStream<Uint8Array>): ByteSource {
  const reader = stream.getReader();
  return {
    async read() {
      const { done, value } = await reader.read();
      return done ? undefined : checkedChunk(value);
    },
    async close(reason) {
      await reader.cancel(reason);
      reader.releaseLock();
    },
  };
}

function fromIterator(start: () => Iterator<Uint8Array> | AsyncIterator<Uint8Array>): ByteSource {
  let iterator: Iterator<Uint8Array> | AsyncIterator<Uint8Array> | undefined;
  return {
    async read() {
      iterator ??= start();
      const { done, value } = await iterator.next();
      return done ? undefined : checkedChunk(value);
    },
    async close() {
      iterator ??= start();
      await iterator.return?.();
    },
  };
}

function checkedChunk(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  throw wrongType("source", "chunks of Uint8Array", chunk);
}
