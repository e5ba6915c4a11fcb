// Frames on their way into a port: checked once, however often they have to wait for room.

import { byteArray, wholeNumber, wrongType } from "../core/arguments.ts";
import { FrameBurst } from "../ring/frame-burst.ts";
import type { Frames } from "./frame-port.ts";

const MARK_MAXIMUM = 0xffffffff;

export class Sending {
  readonly frames: readonly Uint8Array[];
  readonly marks: ArrayLike<number> | undefined;
  /** Bytes of all of them, and of the longest. */
  readonly bytes: number;
  readonly longest: number;
  /** How many have been taken or dropped. */
  sent = 0;

  /** Checks everything first, so that nothing is sent when something is wrong. */
  constructor(given: Frames, marks?: ArrayLike<number>) {
    const frames = framesOf(given);
    let bytes = 0;
    let longest = 0;
    for (let i = 0; i < frames.length; i++) {
      const { length } = byteArray("frames", frames[i]);
      bytes += length;
      if (length > longest) longest = length;
      if (marks !== undefined) wholeNumber("marks", marks[i], 0, MARK_MAXIMUM);
    }
    this.frames = frames;
    this.marks = marks;
    this.bytes = bytes;
    this.longest = longest;
  }

  get done(): boolean {
    return this.sent === this.frames.length;
  }

  /** Bytes of frames `first` to `end`. */
  bytesOf(first: number, end: number): number {
    if (end - first === this.frames.length) return this.bytes;
    let bytes = 0;
    for (let i = first; i < end; i++) bytes += (this.frames[i] as Uint8Array).length;
    return bytes;
  }
}

function framesOf(frames: Frames): readonly Uint8Array[] {
  if (frames instanceof FrameBurst) return frames.frames();
  if (!Array.isArray(frames)) throw wrongType("frames", "an array of Uint8Arrays or a FrameBurst", frames);
  return frames;
}
