// A ring as one writes it in JavaScript: an Int32Array in shared memory, Atomics for the two counts.

const HEAD = 0;
const TAIL = 16;
const ITEMS = 32;

/** Single producer, single consumer; `capacity` is a power of two. */
export class AtomicsRing {
  /** To be posted to the other thread. */
  readonly buffer: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #mask: number;

  constructor(capacity: number, buffer: SharedArrayBuffer = new SharedArrayBuffer(4 * (ITEMS + capacity))) {
    this.buffer = buffer;
    this.#words = new Int32Array(buffer);
    this.#mask = capacity - 1;
  }

  /** Returns how many of `count` there was room for. */
  push(items: Uint32Array, first: number, count: number): number {
    const words = this.#words;
    const tail = words[TAIL]!;
    const taken = Math.min(count, this.#mask + 1 - (tail - Atomics.load(words, HEAD)));
    for (let i = 0; i < taken; i++) words[ITEMS + ((tail + i) & this.#mask)] = items[first + i]!;
    Atomics.store(words, TAIL, (tail + taken) | 0);
    return taken;
  }

  pop(items: Uint32Array): number {
    const words = this.#words;
    const head = words[HEAD]!;
    const taken = Math.min(items.length, Atomics.load(words, TAIL) - head);
    for (let i = 0; i < taken; i++) items[i] = words[ITEMS + ((head + i) & this.#mask)]!;
    Atomics.store(words, HEAD, (head + taken) | 0);
    return taken;
  }
}
