// What is written of a table, word by word.

/** Words that grow in number; places are in bytes. */
export class Words {
  #words: Uint32Array<ArrayBuffer> = new Uint32Array(1024);
  length = 0;

  get bytes(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#words.buffer, 0, this.length).slice();
  }

  put(at: number, value: number): void {
    this.#words[at >>> 2] = value;
  }

  /** Appends room of zeroes; returns where it lies. */
  skip(length: number): number {
    const start = this.length;
    this.length += length;
    if (this.length > 4 * this.#words.length) {
      const larger = new Uint32Array(Math.max(2 * this.#words.length, this.length >>> 2));
      larger.set(this.#words);
      this.#words = larger;
    }
    return start;
  }

  /** Appends zeroes until the length is a multiple of a power of two. */
  align(length: number): void {
    this.skip(-this.length & (length - 1));
  }

  /** Words of 16 bits, where there is room. */
  putHalves(at: number, values: ArrayLike<number>): void {
    new Uint16Array(this.#words.buffer).set(values, at >>> 1);
  }

  /** Returns where they lie. */
  append(values: ArrayLike<number>): number {
    const start = this.skip(4 * values.length);
    this.#words.set(values, start >>> 2);
    return start;
  }
}
