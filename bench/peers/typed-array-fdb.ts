// An FDB in JavaScript, as fast as JavaScript was made to do it: open addressing in one Int32Array, entries of
// 16 bytes (key, value) so that a lookup reads one cache line nearly always, at most a quarter full.
//
// Measured on Node 20, ns a lookup with 1,000 entries (minima of interleaved rounds): a quarter full 12.0 (kept),
// half full 14.5, the kernels' own 64-byte buckets with four compares and no branch between them 13.9.
// With 65,536 and 1,048,576 entries the first two do not differ, and buckets take a quarter longer or more.

const K1 = 0x9e3779b1;
const K2 = 0x85ebca77;
const K3 = 0xc2b2ae3d;
/** Keys looked up ahead of being compared, so that their cache misses overlap. */
const BURST = 256;

/** Keys and values are pairs of 32-bit words, low word first; key 0 and value 0 mean absent. */
export class TypedArrayFdb {
  readonly #slots: Int32Array;
  readonly #places: Int32Array = new Int32Array(BURST);
  readonly #mask: number;
  readonly #shift: number;
  readonly #seed: number;
  touched = 0;

  constructor(capacity: number, seed: number) {
    let bits = 4;
    while (2 ** bits < capacity * 4) bits++;
    this.#mask = 2 ** bits - 1;
    this.#shift = 32 - bits;
    this.#seed = seed | 0;
    this.#slots = new Int32Array(4 * 2 ** bits);
  }

  insert(keyLow: number, keyHigh: number, valueLow: number, valueHigh: number): void {
    const slots = this.#slots;
    let slot = this.#home(keyLow, keyHigh);
    for (;;) {
      const at = slot << 2;
      const low = slots[at]!;
      const high = slots[at + 1]!;
      if ((low === keyLow && high === keyHigh) || (low | high) === 0) {
        slots[at + 2] = valueLow;
        slots[at + 3] = valueHigh;
        slots[at] = keyLow;
        slots[at + 1] = keyHigh;
        return;
      }
      slot = (slot + 1) & this.#mask;
    }
  }

  /** Values for the keys `first` .. `first + count`, at most 256; returns how many were found. */
  lookup(keys: Int32Array, first: number, count: number, values: Int32Array, to: number): number {
    const slots = this.#slots;
    const places = this.#places;
    const mask = this.#mask;
    const shift = this.#shift;
    const seed = this.#seed;
    let touched = 0;
    for (let i = 0, k = first * 2; i < count; i++, k += 2) {
      let hash = Math.imul(keys[k]! ^ seed, K1);
      hash = Math.imul(((hash ^ (hash >>> 15)) + keys[k + 1]!) | 0, K2);
      const slot = Math.imul(hash ^ (hash >>> 13), K3) >>> shift;
      places[i] = slot;
      touched |= slots[slot << 2]!;
    }
    this.touched = touched;
    let found = 0;
    for (let i = 0, k = first * 2, v = to * 2; i < count; i++, k += 2, v += 2) {
      const keyLow = keys[k]!;
      const keyHigh = keys[k + 1]!;
      let at = places[i]! << 2;
      for (;;) {
        const low = slots[at]!;
        const high = slots[at + 1]!;
        if (low === keyLow && high === keyHigh) {
          values[v] = slots[at + 2]!;
          values[v + 1] = slots[at + 3]!;
          found++;
          break;
        }
        if ((low | high) === 0) {
          values[v] = 0;
          values[v + 1] = 0;
          break;
        }
        at = (((at >> 2) + 1) & mask) << 2;
      }
    }
    return found;
  }

  clear(): void {
    this.#slots.fill(0);
  }

  #home(keyLow: number, keyHigh: number): number {
    // The high word enters after the first mixing: side by side, MACs that count leave 9 probes a lookup, not 1.5.
    let hash = Math.imul(keyLow ^ this.#seed, K1);
    hash = Math.imul(((hash ^ (hash >>> 15)) + keyHigh) | 0, K2);
    return Math.imul(hash ^ (hash >>> 13), K3) >>> this.#shift;
  }
}
