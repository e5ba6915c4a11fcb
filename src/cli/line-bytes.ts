// Text as the bytes that it is written as. Lines of a hundred characters made of strings are made twice, once of pieces and
// once of bytes; these are made once.

const encoder = new TextEncoder();
const SPACE = 0x20;
const ZERO = 0x30;
const LAST_ASCII = 0x7f;

export class LineBytes {
  #bytes: Uint8Array;
  #length = 0;

  constructor(bytes: number) {
    this.#bytes = new Uint8Array(bytes);
  }

  /** What was written since the last {@link clear}: a view. */
  get written(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  clear(): void {
    this.#length = 0;
  }

  text(text: string): void {
    this.#room(3 * text.length);
    const begin = this.#length;
    const bytes = this.#bytes;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code > LAST_ASCII) {
        this.#length = begin + encoder.encodeInto(text, bytes.subarray(begin)).written;
        return;
      }
      bytes[begin + i] = code;
    }
    this.#length = begin + text.length;
  }

  /** A whole number from 0, in decimal; with spaces in front of it up to a width. */
  number(value: number, width = 0): void {
    let digits = 1;
    for (let power = 10; value >= power; power *= 10) digits++;
    const room = Math.max(digits, width);
    this.#room(room);
    const bytes = this.#bytes;
    let at = this.#length + room;
    let rest = value;
    for (let i = 0; i < digits; i++) {
      const tenth = Math.floor(rest / 10);
      bytes[--at] = ZERO + rest - 10 * tenth;
      rest = tenth;
    }
    while (at > this.#length) bytes[--at] = SPACE;
    this.#length += room;
  }

  #room(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const more = new Uint8Array(2 * (this.#length + bytes));
    more.set(this.written);
    this.#bytes = more;
  }
}
