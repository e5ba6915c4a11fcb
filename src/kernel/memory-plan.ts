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
  /**
   * For each power of two: no hole of so many bytes starts below this address. A thousand switches leave thousands of
   * small holes behind, and looking through all of them took most of the time to make the next.
   */
  readonly #lowest: Float64Array = new Float64Array(33);
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
    const index = this.#firstFit(size);
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
    const hole = this.#holes[this.#holesBelow(address + 1) - 1] as Hole;
    for (let power = powerOf(hole.end - hole.start); power >= 0; power--)
      this.#lowest[power] = Math.min(this.#lowest[power] as number, hole.start);
  }

  /** The index of the lowest hole of at least `size` bytes; as many as there are holes if there is none. */
  #firstFit(size: number): number {
    const power = powerOf(size);
    const enough = 2 ** power;
    let candidate = -1;
    let index = this.#holesBelow(this.#lowest[power] as number);
    for (; index < this.#holes.length; index++) {
      const { start, end } = this.#holes[index] as Hole;
      if (end - start < enough) continue;
      if (candidate < 0) candidate = start;
      if (end - start >= size) break;
    }
    this.#lowest[power] = candidate < 0 ? Infinity : candidate;
    return index;
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

/** The largest power of two that is not more than `size`, as its exponent. */
function powerOf(size: number): number {
  return Math.floor(Math.log2(size));
}
