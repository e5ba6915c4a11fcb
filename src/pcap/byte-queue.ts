// Chunks of any size in, contiguous bytes out. Whole records are used where they lie, without a copy; only what
// spans two chunks is gathered, into a buffer that grows with the bytes that arrived and never with a claimed length.

export class ByteQueue {
  /** Contiguous bytes; those from `position` on, `length` of them, are unread. */
  bytes: Uint8Array = new Uint8Array(0);
  view: DataView = new DataView(this.bytes.buffer);
  position = 0;
  /** How many bytes the last `require` asked for that could not be met. */
  wanted = 0;
  /** File offset of `bytes[0]`. */
  #base = 0;
  #end = 0;
  /** True if `bytes` was allocated here, so that it may be appended to. */
  #gathered = false;
  #next: Uint8Array | undefined;
  #nextPosition = 0;

  /** Offset of the first unread byte from the start of the file. */
  get offset(): number {
    return this.#base + this.position;
  }

  /** How many bytes are unread. */
  get length(): number {
    const next = this.#next === undefined ? 0 : this.#next.length - this.#nextPosition;
    return this.#end - this.position + next;
  }

  /** Takes one chunk; only after `require` has returned false, so that at most one chunk waits. */
  push(chunk: Uint8Array): void {
    if (this.#next !== undefined) throw new Error("chunk: the chunk before it is not used up");
    if (chunk.length === 0) return;
    this.#next = chunk;
    this.#nextPosition = 0;
    if (this.position === this.#end) this.#adopt(chunk);
  }

  /** Whether `count` bytes lie contiguous at `position`; `bytes`, `view` and `position` may change. */
  require(count: number): boolean {
    return this.#end - this.position >= count || this.#gather(count);
  }

  /** Marks `count` bytes as read, no more than `require` has granted. */
  advance(count: number): void {
    this.position += count;
  }

  #gather(count: number): boolean {
    this.wanted = count;
    const next = this.#next;
    if (next === undefined) return false;
    const held = this.#end - this.position;
    if (held === 0) {
      this.#adopt(next);
      return this.#end - this.position >= count;
    }
    const taken = Math.min(count - held, next.length - this.#nextPosition);
    if (!this.#gathered || this.bytes.length < this.#end + taken) this.#regrow(held, held + taken, count);
    this.bytes.set(next.subarray(this.#nextPosition, this.#nextPosition + taken), this.#end);
    this.#end += taken;
    this.#nextPosition += taken;
    if (this.#nextPosition === next.length) this.#next = undefined;
    return held + taken === count;
  }

  /** Moves the unread bytes into a fresh buffer: what was handed out of the old one must not change. */
  #regrow(held: number, needed: number, count: number): void {
    const bytes = new Uint8Array(Math.max(needed, Math.min(count, 2 * needed)));
    bytes.set(this.bytes.subarray(this.position, this.#end));
    this.#base += this.position;
    this.#use(bytes, 0, held);
    this.#gathered = true;
  }

  #adopt(chunk: Uint8Array): void {
    this.#base += this.#end - this.#nextPosition;
    this.#use(chunk, this.#nextPosition, chunk.length);
    this.#gathered = false;
    this.#next = undefined;
  }

  #use(bytes: Uint8Array, position: number, end: number): void {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.position = position;
    this.#end = end;
  }
}
