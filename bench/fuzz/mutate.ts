// How bytes are broken: with some sense for what stands where, so that more than the first check is reached.

export type Next = (below: number) => number;

/** What lengths, counts and kinds trip over. */
const INTERESTING = [0, 1, 2, 3, 4, 7, 8, 12, 14, 16, 20, 28, 40, 64, 127, 128, 255] as const;
const WIDE = [0xffff, 0x7fff, 0x8000, 0x0100, 0x00ff, 0xfffe, 0x0800, 0x86dd, 0x8100, 0x6558] as const;
const LONG = [0xffffffff, 0x7fffffff, 0x80000000, 0xfffffffc, 0x01000000, 0x00ffffff, 0x00040000] as const;

/** One to four changes to a copy of `bytes`, nearer to its beginning than to its end. */
export function mutated(bytes: Uint8Array, next: Next, longest: number): Uint8Array {
  let out: Uint8Array = bytes.slice();
  for (let change = next(4); change >= 0; change--) out = changed(out, next);
  return out.length > longest ? out.slice(0, longest) : out;
}

function changed(bytes: Uint8Array, next: Next): Uint8Array {
  const { length } = bytes;
  if (length === 0) return Uint8Array.from({ length: 1 + next(64) }, () => next(256));
  const at = placeIn(length, next);
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);
  switch (next(11)) {
    case 0:
      bytes[at]! ^= 1 << next(8);
      return bytes;
    case 1:
      bytes[at] = next(256);
      return bytes;
    case 2:
      bytes[at] = INTERESTING[next(INTERESTING.length)] as number;
      return bytes;
    case 3:
      if (at + 2 <= length) view.setUint16(at, WIDE[next(WIDE.length)] as number, next(2) === 0);
      return bytes;
    case 4: {
      // A number near to one of the lengths that there are.
      const value = Math.max(0, length - next(64) + next(8));
      if (at + 2 <= length) view.setUint16(at & ~1, value & 0xffff, next(2) === 0);
      return bytes;
    }
    case 5:
      if (at + 4 <= length) view.setUint32(at & ~3, LONG[next(LONG.length)] as number, next(2) === 0);
      return bytes;
    case 6:
      return bytes.slice(0, next(length + 1));
    case 7: {
      const cut = Math.min(length - at, 1 + next(32));
      return joined(bytes.subarray(0, at), bytes.subarray(at + cut));
    }
    case 8: {
      // A piece of it once more, somewhere else.
      const from = next(length);
      const piece = bytes.subarray(from, from + 1 + next(64));
      return joined(bytes.subarray(0, at), piece, bytes.subarray(at));
    }
    case 9:
      return joined(
        bytes,
        Uint8Array.from({ length: 1 + next(20) }, () => next(256)),
      );
    default: {
      const step = next(2) === 0 ? 1 : -1;
      bytes[at] = ((bytes[at] as number) + step) & 255;
      return bytes;
    }
  }
}

function placeIn(length: number, next: Next): number {
  return next(4) === 0 ? next(length) : next(Math.min(length, 96));
}

export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
