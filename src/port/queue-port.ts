// A port whose frames come by themselves, as a socket's do: they wait in a queue until somebody takes them.

import { FrameBurst } from "../ring/frame-burst.ts";
import { BasePort, type PortTraits } from "./base-port.ts";
import { BurstQueue } from "./burst-queue.ts";
import type { Frames } from "./frame-port.ts";

/** Frames that wait at a port that is not told otherwise. */
export const QUEUE_FRAMES = 16384;
/** Bytes that they take, their records' headers included. */
export const QUEUE_BYTES: number = 16 << 20;

export interface QueueTraits extends PortTraits {
  /** Most frames that wait to be taken. Default 16,384. */
  readonly queueFrames?: number | undefined;
  /** Most bytes of memory that they keep; a single frame may be longer. Default 16 MiB. */
  readonly queueBytes?: number | undefined;
}

export abstract class QueuePort extends BasePort {
  protected readonly queue: BurstQueue;

  constructor(traits: QueueTraits) {
    super(traits);
    const { queueFrames = QUEUE_FRAMES, queueBytes = QUEUE_BYTES } = traits;
    this.queue = new BurstQueue({ frames: queueFrames, bytes: queueBytes });
  }

  /** Takes what has come from outside, and drops what finds no room, as `queue-full`; returns how many frames found some. */
  protected deliver(frames: Frames): number {
    const burst = frames instanceof FrameBurst ? frames : FrameBurst.of(frames);
    const room = this.queue.add(burst);
    if (room < burst.length) this.drop("queue-full", burst.length - room, bytesFrom(burst, room));
    if (room > 0) this.bell.ring();
    return room;
  }

  protected override take(): FrameBurst | undefined {
    return this.queue.take();
  }

  protected override get waiting(): number {
    return this.queue.frames;
  }
}

function bytesFrom(burst: FrameBurst, first: number): number {
  let bytes = 0;
  for (let index = first; index < burst.length; index++) bytes += burst.wireLength(index);
  return bytes;
}
