// Channels and captures as web streams: what fails at one end is heard of at the other.

import { type CaptureOutput, openOutput } from "../capture/capture-io.ts";
import { watched } from "../core/abort.ts";
import { closed } from "../core/arguments.ts";
import type { FrameChannel } from "../lane/frame-channel.ts";
import type { CaptureError } from "../pcap/capture-error.ts";
import type { Frames } from "../port/frame-port.ts";
import { readableOf, writableOf } from "../port/port-streams.ts";
import type { FrameBurst } from "../ring/frame-burst.ts";

/** Both ends of a stream: what `pipeThrough` takes. */
export interface TransformPair<I, O> {
  readonly writable: WritableStream<I>;
  readonly readable: ReadableStream<O>;
}

/** The two ends of a channel that is being opened; it is closed with them. */
export function frameStreams(
  channelOpening: Promise<FrameChannel>,
): TransformPair<Frames | Uint8Array, FrameBurst> {
  const opening = watched(channelOpening);
  // Why there is no more, if it is not because of the end.
  let broken: unknown;
  let ended = false;
  const close = async (): Promise<void> => await (await opening).close();
  return {
    writable: writableOf(opening, {
      close: async () => {
        ended = true;
        (await opening).end();
      },
      abort: async (reason) => {
        broken = reason;
        await close();
      },
    }),
    readable: readableOf(opening, {
      over: () => {
        if (broken !== undefined) throw broken;
        if (!ended) throw closed("channel");
      },
      release: close,
    }),
  };
}

/**
 * The two ends of a capture that `run` works through from one stream to the other. Where it is damaged both fail,
 * after everything before has come out: a stream has no summary to say it in.
 */
export function captureStreams(
  run: (
    source: ReadableStream<Uint8Array>,
    sink: CaptureOutput,
    stop: AbortSignal,
  ) => Promise<{ readonly damage: CaptureError | undefined }>,
): TransformPair<Uint8Array, Uint8Array> {
  const stop = new AbortController();
  const output = new TransformStream<Uint8Array, Uint8Array>();
  let writing: WritableStreamDefaultController | undefined;
  let reading: ReadableStreamDefaultController<Uint8Array> | undefined;
  let taken = (): void => {};
  const source = new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        reading = controller;
      },
      pull: () => taken(),
    },
    { highWaterMark: 0 },
  );
  const writable = new WritableStream<Uint8Array>({
    start: (controller) => {
      writing = controller;
      // Not by abort(): that is called only when the write under way has ended.
      const { signal } = controller;
      signal.addEventListener("abort", () => {
        stop.abort(signal.reason);
        taken();
      });
    },
    // A chunk counts as written when the next one is asked for: that is the backpressure.
    write: (chunk) =>
      new Promise<void>((resolve) => {
        taken = resolve;
        reading?.enqueue(chunk);
      }),
    close: () => reading?.close(),
  });
  const fail = (error: unknown): void => {
    writing?.error(error);
    // A write that is under way would be waited for.
    taken();
  };
  const sink = openOutput(output.writable);
  // Whether it is closed or fails is known only when the work is done.
  // It copies before it waits: there is no need to do that twice.
  run(source, { ...sink, settles: true, close: async () => {} }, stop.signal)
    .then(async ({ damage }) => {
      if (damage === undefined) return await sink.close();
      await sink.abort(damage);
      throw damage;
    })
    .catch(fail);
  return { writable, readable: output.readable };
}
