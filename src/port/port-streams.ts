// A port as web streams. Bursts flow, not frames: each piece that goes through a stream costs microseconds.

import { watched } from "../core/abort.ts";
import type { FrameBurst } from "../ring/frame-burst.ts";
import type { FramePort, Frames } from "./frame-port.ts";

type Opening = FramePort | Promise<FramePort>;

export interface ReadableHooks {
  /** Called when nothing more comes; what it throws fails the stream. */
  readonly over?: () => void;
  /** Called when the stream has ended, or is not read any more. */
  readonly release?: () => Promise<void>;
}

export interface WritableHooks {
  /** Called when the stream is closed, and when it is aborted. */
  readonly close?: () => Promise<void>;
  readonly abort?: (reason: unknown) => Promise<void>;
}

/** What comes out of a port, or of one that is being opened. */
export function readableOf(port: Opening, hooks: ReadableHooks = {}): ReadableStream<FrameBurst> {
  let bursts: AsyncIterator<FrameBurst> | undefined;
  return new ReadableStream<FrameBurst>(
    {
      pull: async (controller) => {
        bursts ??= (await port)[Symbol.asyncIterator]();
        const { done, value } = await bursts.next();
        if (!done) {
          controller.enqueue(value);
          return;
        }
        hooks.over?.();
        controller.close();
        await hooks.release?.();
      },
      cancel: async () => {
        await bursts?.return?.();
        await hooks.release?.();
      },
    },
    // Nothing is taken out before somebody reads.
    { highWaterMark: 0 },
  );
}

/** What goes into a port, or into one that is being opened: bursts, and single frames. */
export function writableOf(port: Opening, hooks: WritableHooks = {}): WritableStream<Frames | Uint8Array> {
  const opening = port instanceof Promise ? watched(port) : port;
  return new WritableStream<Frames | Uint8Array>({
    start: async () => void (await opening),
    write: async (frames, { signal }) => {
      const burst = frames instanceof Uint8Array ? [frames] : frames;
      await (await opening).sendAll(burst, { signal });
    },
    close: async () => await hooks.close?.(),
    abort: async (reason) => await hooks.abort?.(reason),
  });
}

/** Bursts in, their frames out, for `pipeThrough`: for those who take one frame after the other. */
export function eachFrame(): TransformStream<FrameBurst, Uint8Array> {
  return new TransformStream<FrameBurst, Uint8Array>({
    transform: (burst, controller) => {
      for (const frame of burst) controller.enqueue(frame);
    },
  });
}
