// The reader and the writer as pieces of a pipe: web streams and async iterables.

import { type CaptureReaderOptions, readCapture } from "./capture-reader.ts";
import type { CaptureRecord, WritableItem } from "./capture-types.ts";
import { CaptureWriter, type CaptureWriterOptions } from "./capture-writer.ts";

/** One item, or as many as there are at once: fewer, larger pieces are much faster. */
export type WritableItems = WritableItem | readonly WritableItem[];

/**
 * Bytes in, records out, for `pipeThrough`. The readable side errors with a `CaptureError` where `readCapture`
 * would throw it, after every whole record has been read.
 */
export function captureDecoder(
  options: CaptureReaderOptions = {},
): ReadableWritablePair<CaptureRecord, Uint8Array> {
  const bytes = new TransformStream<Uint8Array, Uint8Array>();
  const records = readCapture(bytes.readable, options)[Symbol.asyncIterator]();
  // Not one TransformStream: erring it would throw away the records that are queued in it. Here nothing is queued.
  const readable = new ReadableStream<CaptureRecord>(
    {
      async pull(controller) {
        const { done, value } = await records.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        await records.return();
      },
    },
    { highWaterMark: 0 },
  );
  return { readable, writable: bytes.writable };
}

/** Items in (one at a time or in arrays), the bytes of a capture out, for `pipeThrough`. */
export function captureEncoder(
  options: CaptureWriterOptions = {},
): TransformStream<WritableItems, Uint8Array> {
  const writer = new CaptureWriter(options);
  return new TransformStream<WritableItems, Uint8Array>({
    transform(items, controller) {
      const bytes = writer.write(items);
      if (bytes.length > 0) controller.enqueue(bytes);
    },
    flush(controller) {
      const bytes = writer.finish();
      if (bytes.length > 0) controller.enqueue(bytes);
    },
  });
}

/**
 * The bytes of a capture made from records, such as a `CaptureReader`, its `batches()` or its `items()`.
 * Leaving the iteration early leaves the source's too.
 */
export async function* writeCapture(
  source: AsyncIterable<WritableItems> | Iterable<WritableItems>,
  options: CaptureWriterOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const writer = new CaptureWriter(options);
  for await (const items of source) {
    const bytes = writer.write(items);
    if (bytes.length > 0) yield bytes;
  }
  const rest = writer.finish();
  if (rest.length > 0) yield rest;
}
