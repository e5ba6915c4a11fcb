// The plan hands out regions of the one memory: cache-line aligned, zeroed, returned when done with.
// Nothing grows and nothing moves, so an address stays good for as long as its region is held.

import { wholeNumber } from "../core/arguments.ts";
import { CACHE_LINE, KERNEL_STATIC_END, REGION_SLACK } from "../layout/memory.layout.ts";

interface Hole {
  start: number;
  end: number;
}

export class MemoryPlan {
  readonly #words: BigUint64Array;
  readonly #regions = new Map<number, number>();
  /** Free stretches in ascending order; neighbours are merged. */
  readonly #holes: Hole[];
  /** Nothing behind it has been handed out yet, so it is zero still. */
  #fresh: number = KERNEL_STATIC_END;

  constructor(memory: WebAssembly.Memory) {
    this.#words = new BigUint64Array(memory.buffer);
    this.#holes = [{ start: KERNEL_STATIC_END, end: this.#words.byteLength }];
  }

  /** Bytes that no region holds; the largest region that fits may be smaller. */
  get freeBytes(): number {
    return this.#holes.reduce((sum, hole) => sum + hole.end - hole.start, 0);
  }

  /**
   * The address of `length` zeroed bytes, on a cache line.
   * @throws RangeError if the memory has no such stretch left; it says by how much to raise `memoryBytes`.
   */
  reserve(purpose: string, length: number): number {
    wholeNumber("length", length, 0, Number.MAX_SAFE_INTEGER);
    const size = Math.ceil((length + REGION_SLACK) / CACHE_LINE) * CACHE_LINE;
    const index = this.#holes.findIndex((hole) => hole.end - hole.start >= size);
    const hole = this.#holes[index];
    if (hole === undefined) {
      throw new RangeError(
        `memoryBytes: ${purpose} needs ${size} bytes, and of ${this.#words.byteLength} no such stretch is free: ` +
          `raise memoryBytes by ${size} or close what is no longer used`,
      );
    }
    const address = hole.start;
    hole.start += size;
    if (hole.start === hole.end) this.#holes.splice(index, 1);
    // Zeroing what is zero would make the system find pages for memory that may never be used.
    // In 64-bit words: bytes of shared memory are filled one by one, in ten times the time.
    this.#words.fill(0n, address >>> 3, Math.min(address + size, this.#fresh) >>> 3);
    this.#fresh = Math.max(this.#fresh, address + size);
    this.#regions.set(address, size);
    return address;
  }

  /** Gives a region back. Releasing what is not held does nothing. */
  release(address: number): void {
    const size = this.#regions.get(address);
    if (size === undefined) return;
    this.#regions.delete(address);
    const index = this.#holesBelow(address);
    this.#holes.splice(index, 0, { start: address, end: address + size });
    this.#merge(index);
    this.#merge(index - 1);
  }

  /** How many holes start below `address`. */
  #holesBelow(address: number): number {
    let low = 0;
    let high = this.#holes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#holes[middle] as Hole).start < address) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Joins the hole at `index` with the one behind it if they touch. */
  #merge(index: number): void {
    const hole = this.#holes[index];
    const next = this.#holes[index + 1];
    if (hole === undefined || next === undefined || hole.end !== next.start) return;
    hole.end = next.end;
    this.#holes.splice(index + 1, 1);
  }
}
