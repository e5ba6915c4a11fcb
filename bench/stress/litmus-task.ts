// What a thread of the ring litmus is told, and what it is told to look like.

export interface LitmusTask {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly role: "producer" | "consumer" | "relay";
  readonly kind: "items" | "bytes";
  /** Which code works at the ring: that of the class, or the kernel. */
  readonly side: "js" | "wasm";
  readonly address: number;
  /** A few kibibytes for the kernels' plain arrays. */
  readonly scratch: number;
  /** Number of this producer, and how many there are. */
  readonly producer: number;
  readonly producers: number;
  /** Items or frames of each producer. */
  readonly count: number;
  readonly burst: number;
  /** Longest frame. */
  readonly longest: number;
  readonly pauses: boolean;
  readonly seed: number;
  /** The relay's rings, its cursor, and the doorbell it sleeps at. */
  readonly transmit: number;
  readonly cursor: number;
  readonly doorbell: number;
}

/** Numbers from a seed: the same in every run. */
export function numbers(seed: number): (below: number) => number {
  let state = seed >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** Bytes that frames are cut out of. */
export function pattern(): Uint8Array {
  const next = numbers(99);
  return Uint8Array.from({ length: 1 << 17 }, () => next(256));
}

/** A frame's content starts here in the pattern. */
export function contentOf(producer: number, sequence: number): number {
  return (producer * 7919 + sequence * 31) & 0xffff;
}

export const FRAME_HEADER = 12;
/** An item is the number of its producer, and behind it so many bits of sequence. */
export const SEQUENCE_BITS = 27;
