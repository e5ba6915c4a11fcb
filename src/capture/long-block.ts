// A block that is too long to be worked on in one piece, and of which nothing needs to be known but that it is whole.

import type { CaptureError } from "../pcap/capture-error.ts";
import { lengthsDiffer } from "../pcap/pcapng-format.ts";
import { endsInside } from "../pcap/problems.ts";

/** What a block says of itself, and where it stands in the file. */
export interface BlockPlace {
  readonly type: number;
  readonly length: number;
  readonly offset: number;
  readonly bigEndian: boolean;
}

/** Bytes of the length at a block's end. */
const TRAILER = 4;

/**
 * Takes the block in as it comes and keeps it, in pieces, until all of it is there and sound: what has been written cannot be
 * taken back, and a block without its end makes a file that nobody reads. What is only claimed takes no memory.
 */
export class LongBlock {
  readonly #place: BlockPlace;
  readonly #isKept: boolean;
  readonly #pieces: Uint8Array[] = [];
  #there = 0;
  #trailer = 0;

  /** One that is not kept is passed over: the output has no place for it. */
  constructor(place: BlockPlace, isKept: boolean) {
    this.#place = place;
    this.#isKept = isKept;
  }

  get isWhole(): boolean {
    return this.#there === this.#place.length;
  }

  /** Takes what of `bytes` belongs to it, the length at its end only in one piece; returns how many that are. */
  take(bytes: Uint8Array): number {
    const { length, bigEndian } = this.#place;
    const left = length - this.#there;
    const taken = bytes.length < left ? Math.max(0, Math.min(bytes.length, left - TRAILER)) : left;
    const piece = bytes.slice(0, taken);
    if (this.#isKept) this.#pieces.push(piece);
    this.#there += taken;
    if (this.isWhole) this.#trailer = new DataView(piece.buffer).getUint32(taken - TRAILER, !bigEndian);
    return taken;
  }

  /** What is wrong with a block that is whole: the length at its end is another than the one in front. */
  get problem(): CaptureError | undefined {
    const { type, length, offset } = this.#place;
    return this.#trailer === length ? undefined : lengthsDiffer(type, length, this.#trailer, offset);
  }

  /** What is wrong if nothing more comes, `rest` bytes behind what was taken included. */
  endsWith(rest: number): CaptureError {
    return endsInside("block", this.#there + rest, this.#place.length, this.#place.offset);
  }

  /** The next bytes to be copied out, at most `room`; undefined if all have been. */
  give(room: number): Uint8Array | undefined {
    const [piece] = this.#pieces;
    if (piece === undefined) return undefined;
    if (piece.length > room) {
      this.#pieces[0] = piece.subarray(room);
      return piece.subarray(0, room);
    }
    this.#pieces.shift();
    return piece;
  }
}
