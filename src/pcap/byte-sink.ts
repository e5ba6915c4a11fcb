// A buffer that grows, for records on their way out.

export class ByteSink {
  bytes: Uint8Array = new Uint8Array(4096);
  view: DataView = new DataView(this.bytes.buffer);
  #length = 0;

  /** Room for `count` bytes, which the caller must all write; returns where they start. */
  reserve(count: number): number {
    const start = this.#length;
    if (start + count > this.bytes.length) this.#grow(start + count);
    this.#length = start + count;
    return start;
  }

  append(bytes: Uint8Array): void {
    const start = this.reserve(bytes.length);
    this.bytes.set(bytes, start);
  }

  /** A copy of everything written since the last call. */
  take(): Uint8Array {
    const taken = this.bytes.slice(0, this.#length);
    this.#length = 0;
    return taken;
  }

  #grow(needed: number): void {
    const bytes = new Uint8Array(Math.max(needed, 2 * this.bytes.length));
    bytes.set(this.bytes.subarray(0, this.#length));
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer);
  }
}
