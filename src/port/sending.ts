// Frames on their way into a port: checked once, however often they have to wait for room.

import { ArgumentRangeError } from "../core/argument-error.ts";
import { byteArray, wrongType } from "../core/arguments.ts";
import { type BurstNotes, type CheckedNotes, checkNotes } from "../ring/burst-notes.ts";
import { FrameBurst } from "../ring/frame-burst.ts";
import type { Frames } from "./frame-port.ts";

const NO_NOTES: CheckedNotes = { marks: undefined, times: undefined, ports: undefined };

export class Sending {
  readonly frames: readonly Uint8Array[];
  /** What goes along with them; undefined if that is nothing. */
  readonly notes: CheckedNotes | undefined;
  /** Bytes of all of them, and of the longest, or of the longest segment of super-frames. */
  readonly bytes: number;
  readonly longest: number;
  /** How many have been taken or dropped. */
  sent = 0;

  /**
   * Checks everything first, so that nothing is sent when something is wrong. Without `notes` nothing goes along; with
   * some, a burst brings its own where they say nothing.
   * @throws ArgumentError for super-frames unless `superFrames`.
   */
  constructor(given: Frames, notes?: BurstNotes, superFrames = false) {
    const frames = framesOf(given);
    const wires = given instanceof FrameBurst ? given.superWires() : undefined;
    if (wires !== undefined && !superFrames)
      throw new ArgumentRangeError("contradiction", "frames", "this port takes no super-frames");
    let bytes = 0;
    let longest = 0;
    for (let i = 0; i < frames.length; i++) {
      const { length } = byteArray("frames", frames[i]);
      bytes += length;
      const wire = wires?.[i] ?? length;
      if (wire > longest) longest = wire;
    }
    this.frames = frames;
    const said = notes === undefined ? undefined : notesOf(given, notes, frames.length);
    this.notes = wires === undefined ? said : { ...(said ?? NO_NOTES), wires };
    this.bytes = bytes;
    this.longest = longest;
  }

  /** Bytes of frame `index`, or of its longest segment. */
  wireOf(index: number): number {
    return this.notes?.wires?.[index] ?? (this.frames[index] as Uint8Array).length;
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
