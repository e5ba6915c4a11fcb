// Memory for bursts of long frames that is used again: making a quarter of a mebibyte for each, and taking it away again, took a
// fifth of the time of a port that moves frames of 64 KiB (measured). Whoever is done with a burst says so; nobody has to.

/** Bursts of shorter frames, or of fewer bytes, are made anew: what waits in queues takes no more memory than it needs. */
const LEAST_FRAME = 4096;
const LEAST = 16_384;
/** Pieces of one length that wait to be used again. */
const MOST = 4;

export class BurstPool {
  readonly #free: Map<number, Uint8Array<ArrayBuffer>[]> = new Map();

  /** A piece of memory that begins with these bytes of so many frames; undefined if it is better made anew. */
  copy(bytes: Uint8Array, frames: number): Uint8Array<ArrayBuffer> | undefined {
    const { length } = bytes;
    if (length < LEAST || length < frames * LEAST_FRAME) return undefined;
    const room = 2 ** Math.ceil(Math.log2(length));
    const piece = this.#free.get(room)?.pop() ?? new Uint8Array(room);
    piece.set(bytes);
    return piece;
  }

  /** Nobody looks at what lies there any more. */
  give(piece: Uint8Array<ArrayBuffer>): void {
    const free = this.#free.get(piece.length);
    if (free === undefined) this.#free.set(piece.length, [piece]);
    else if (free.length < MOST) free.push(piece);
  }
}
