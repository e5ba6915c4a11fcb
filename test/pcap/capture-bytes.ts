// Captures made by hand, byte for byte after the two drafts: independent of the writer under test.

export interface Made {
  readonly bytes: Uint8Array;
  /** Where each part (header, record or block) starts. */
  readonly offsets: number[];
}

export class Bytes {
  readonly #parts: number[] = [];
  readonly #big: boolean;

  constructor(big: boolean) {
    this.#big = big;
  }

  number(length: number, value: number | bigint): this {
    const parts: number[] = [];
    for (let i = 0, rest = BigInt.asUintN(8 * length, BigInt(value)); i < length; i++, rest >>= 8n)
      parts.push(Number(rest & 255n));
    this.#parts.push(...(this.#big ? parts.reverse() : parts));
    return this;
  }

  raw(bytes: Iterable<number>): this {
    for (const byte of bytes) this.#parts.push(byte);
    return this;
  }

  pad(): this {
    while (this.#parts.length % 4 !== 0) this.#parts.push(0);
    return this;
  }

  option(code: number, value: Iterable<number>): this {
    const bytes = [...value];
    return this.number(2, code).number(2, bytes.length).raw(bytes).pad();
  }

  get done(): Uint8Array {
    return Uint8Array.from(this.#parts);
  }
}

export const text = (words: string): Uint8Array => new TextEncoder().encode(words);

export function join(parts: readonly Uint8Array[]): Made {
  const offsets: number[] = [];
  let length = 0;
  for (const part of parts) {
    offsets.push(length);
    length += part.length;
  }
  const bytes = new Uint8Array(length);
  parts.forEach((part, i) => {
    bytes.set(part, offsets[i]!);
  });
  return { bytes, offsets };
}

export function frame(length: number, seed = 1): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + seed * 31) & 255);
}

export function pcapHeader(big: boolean, nano: boolean, link = 1, snapLength = 65535): Uint8Array {
  return new Bytes(big)
    .number(4, nano ? 0xa1b23c4d : 0xa1b2c3d4)
    .number(2, 2)
    .number(2, 4)
    .number(8, 0)
    .number(4, snapLength)
    .number(4, link).done;
}

export function pcapRecord(
  big: boolean,
  seconds: number,
  fraction: number,
  data: Uint8Array,
  original = data.length,
): Uint8Array {
  return new Bytes(big)
    .number(4, seconds)
    .number(4, fraction)
    .number(4, data.length)
    .number(4, original)
    .raw(data).done;
}

export function block(big: boolean, type: number, body: Uint8Array): Uint8Array {
  const total = 12 + Math.ceil(body.length / 4) * 4;
  return new Bytes(big).number(4, type).number(4, total).raw(body).pad().number(4, total).done;
}

export function section(big: boolean, fill: (bytes: Bytes) => Bytes = (b) => b): Uint8Array {
  return block(
    big,
    0x0a0d0d0a,
    fill(new Bytes(big).number(4, 0x1a2b3c4d).number(2, 1).number(2, 0).number(8, -1)).done,
  );
}

export function iface(
  big: boolean,
  link: number,
  snap: number,
  fill: (b: Bytes) => Bytes = (b) => b,
): Uint8Array {
  return block(big, 1, fill(new Bytes(big).number(2, link).number(2, 0).number(4, snap)).done);
}

export function enhanced(
  big: boolean,
  id: number,
  ticks: bigint,
  data: Uint8Array,
  original = data.length,
  fill: (b: Bytes) => Bytes = (b) => b,
): Uint8Array {
  const bytes = new Bytes(big)
    .number(4, id)
    .number(4, ticks >> 32n)
    .number(4, ticks & 0xffffffffn)
    .number(4, data.length)
    .number(4, original)
    .raw(data)
    .pad();
  return block(big, 6, fill(bytes).done);
}

/** Pieces of `size` bytes. */
export function* chunked(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let i = 0; i < bytes.length; i += size) yield bytes.slice(i, i + size);
}
