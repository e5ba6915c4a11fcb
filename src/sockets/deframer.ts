// Frames out of a stream of bytes, in which each stands behind its length, in big-endian order: 4 bytes of it, as QEMU's
// `-netdev stream` sends, or 2. Chunks come cut and joined as the socket likes.

import type { ErrorCode } from "../core/error-codes.ts";

/** Bytes in front of each frame that say how long it is. */
export type LengthBytes = 2 | 4;

/** What QEMU takes (NET_BUFSIZE): 64 KiB and what offloads put in front. Nobody sends more in good faith. */
export const STREAM_FRAME_MAXIMUM: number = 69632;

/** What came is no stream of frames: nobody can find where the next one begins. */
export class FramingError extends Error {
  override readonly name: string = "FramingError";
  readonly code: ErrorCode = "malformed";
}

export class Deframer {
  readonly #lengthBytes: LengthBytes;
  /** The length field as far as it has come. */
  #length = 0;
  #lengthCome = 0;
  /** The frame that has begun and not ended. */
  #frame: Uint8Array | undefined;
  #come = 0;

  constructor(lengthBytes: LengthBytes) {
    this.#lengthBytes = lengthBytes;
  }

  /** Whether a frame has begun and not ended, and how many bytes of it, with its length, have come. */
  get begun(): number {
    return this.#lengthCome + this.#come;
  }

  /**
   * The frames that end in this chunk; most of them are views of it.
   * @throws FramingError at a length that cannot be; `frames` holds those before it.
   */
  push(chunk: Uint8Array, frames: Uint8Array[]): void {
    const { length: end } = chunk;
    let at = 0;
    while (at < end) {
      if (this.#frame === undefined) {
        while (this.#lengthCome < this.#lengthBytes) {
          if (at === end) return;
          this.#length = this.#length * 256 + (chunk[at++] as number);
          this.#lengthCome++;
        }
        this.#expectLength();
        if (at + this.#length <= end) {
          frames.push(chunk.subarray(at, at + this.#length));
          at += this.#length;
          this.#next();
          continue;
        }
        this.#frame = new Uint8Array(this.#length);
      }
      const part = chunk.subarray(at, at + this.#length - this.#come);
      this.#frame.set(part, this.#come);
      this.#come += part.length;
      at += part.length;
      if (this.#come < this.#length) return;
      frames.push(this.#frame);
      this.#next();
    }
  }

  #expectLength(): void {
    if (this.#length > 0 && this.#length <= STREAM_FRAME_MAXIMUM) return;
    throw new FramingError(
      `the stream says that a frame has ${this.#length} bytes, where 1 to ${STREAM_FRAME_MAXIMUM} can be`,
    );
  }

  #next(): void {
    this.#frame = undefined;
    this.#come = 0;
    this.#length = 0;
    this.#lengthCome = 0;
  }
}

/** Frames, each behind its length, in one buffer of `total` bytes; none is empty. */
export function framed(frames: readonly Uint8Array[], total: number, lengthBytes: LengthBytes): Uint8Array {
  const bytes = new Uint8Array(total);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const frame of frames) {
    if (lengthBytes === 4) view.setUint32(at, frame.length);
    else view.setUint16(at, frame.length);
    bytes.set(frame, at + lengthBytes);
    at += lengthBytes + frame.length;
  }
  return bytes;
}
