// Frames on their way into a port: checked once, however often they have to wait for room.

import { byteArray, wrongType } from "../core/arguments.ts";
import { type BurstNotes, type CheckedNotes, checkNotes } from "../ring/burst-notes.ts";
import { FrameBurst } from "../ring/frame-burst.ts";
import type { Frames } from "./frame-port.ts";

export class Sending {
  readonly frames: readonly Uint8Array[];
  /** What goes along with them; undefined if that is nothing. */
  readonly notes: CheckedNotes | undefined;
  /** Bytes of all of them, and of the longest. */
  readonly bytes: number;
  readonly longest: number;
  /** How many have been taken or dropped. */
  sent = 0;

  /**
   * Checks everything first, so that nothing is sent when something is wrong. Without `notes` nothing goes along; with
   * some, a burst brings its own where they say nothing.
   */
  constructor(given: Frames, notes?: BurstNotes) {
    const frames = framesOf(given);
    let bytes = 0;
    let longest = 0;
    for (let i = 0; i < frames.length; i++) {
      const { length } = byteArray("frames", frames[i]);
      bytes += length;
      if (length > longest) longest = length;
    }
    this.frames = frames;
    this.notes = notes === undefined ? undefined : notesOf(given, notes, frames.length);
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

function notesOf(given: Frames, notes: BurstNotes, count: number): CheckedNotes | undefined {
  const said = checkNotes(notes, count);
  const brought = given instanceof FrameBurst ? given.checkedNotes() : undefined;
  if (said === undefined || brought === undefined) return said ?? brought;
  return {
    marks: said.marks ?? brought.marks,
    times: said.times ?? brought.times,
    ports: said.ports ?? brought.ports,
  };
}

function framesOf(frames: Frames): readonly Uint8Array[] {
  if (frames instanceof FrameBurst) return frames.frames();
  if (!Array.isArray(frames)) throw wrongType("frames", "an array of Uint8Arrays or a FrameBurst", frames);
  return frames;
}
