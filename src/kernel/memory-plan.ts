// The plan hands out regions of the one memory: cache-line aligned, zeroed, returned when done with.
// Nothing grows and nothing moves, so an address stays good for as long as its region is held.

import { ArgumentRangeError } from "../core/argument-error.ts";
import { wholeNumber } from "../core/arguments.ts";
import { CACHE_LINE, KERNEL_STATIC_END, REGION_SLACK } from "../layout/memory.layout.ts";
import { Holes } from "./holes.ts";

/** Addresses of regions that are free again are kept up to half of all, and so many. */
const RELEASED_MOST = 1024;

export class MemoryPlan {
  readonly #words: BigUint64Array;
  /**
   * Bytes of each region by its address; 0 for one that is free again. A map keeps what was deleted in its chains: an
   * address that was deleted and set a few thousand times took 5 µs the next time.
   */
  #regions: Map<number, number> = new Map();
  #released = 0;
  readonly #holes: Holes;
  /** Nothing behind it has been handed out yet, so it is zero still. */
  #fresh: number = KERNEL_STATIC_END;

  constructor(memory: WebAssembly.Memory) {
    this.#words = new BigUint64Array(memory.buffer);
    this.#holes = new Holes(KERNEL_STATIC_END, this.#words.byteLength);
  }

  /** Bytes that no region holds; the largest region that fits may be smaller. */
  get freeBytes(): number {
    return this.#holes.bytes;
  }

  /**
   * The address of `length` bytes, on a cache line: zeroed, or with `content` `"any"`, for megabytes that are written
   * before they are read, whatever was left there.
   * @throws RangeError if the memory has no such stretch left; it says by how much to raise `memoryBytes`.
   */
  reserve(purpose: string, length: number, content: "zeros" | "any" = "zeros"): number {
    wholeNumber("length", length, 0, Number.MAX_SAFE_INTEGER);
    const size = Math.ceil((length + REGION_SLACK) / CACHE_LINE) * CACHE_LINE;
    const address = this.#holes.take(size);
    if (address < 0) {
      throw new ArgumentRangeError(
        "out-of-memory",
        "memoryBytes",
        `${purpose} needs ${size} bytes, and of ${this.#words.byteLength} no such stretch is free: ` +
          `raise memoryBytes by ${size} or close what is no longer used`,
      );
    }
    // Zeroing what is zero would make the system find pages for memory that may never be used.
    // In 64-bit words: bytes of shared memory are filled one by one, in ten times the time.
    const used = Math.min(address + size, this.#fresh);
    if (content === "zeros" && address < used) this.#words.fill(0n, address >>> 3, used >>> 3);
    this.#fresh = Math.max(this.#fresh, address + size);
    if (this.#regions.get(address) === 0) this.#released--;
    this.#regions.set(address, size);
    return address;
  }

  /** Gives a region back. Releasing what is not held does nothing. */
  release(address: number): void {
    const size = this.#regions.get(address);
    if (size === undefined || size === 0) return;
    this.#regions.set(address, 0);
    this.#holes.give(address, address + size);
    if (++this.#released <= RELEASED_MOST + this.#regions.size / 2) return;
    this.#regions = new Map([...this.#regions].filter(([, held]) => held > 0));
    this.#released = 0;
  }
}
