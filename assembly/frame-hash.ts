// A hash of 64 bits over all bytes of a frame, with a key (SipHash-1-3, Aumasson and Bernstein 2012): who does not know the key
// makes no two frames with one hash. Its words stay in locals: as globals of the module they took longer.

/**
 * Over the `length` bytes from `start` on and two words beside them. Nothing behind the bytes is read.
 */
export function frameHash(start: usize, length: u32, k0: u64, k1: u64, a: u64, b: u64): u64 {
  let v0: u64 = k0 ^ 0x736f6d6570736575;
  let v1: u64 = k1 ^ 0x646f72616e646f6d;
  let v2: u64 = k0 ^ 0x6c7967656e657261;
  let v3: u64 = k1 ^ 0x7465646279746573;
  // Whole words, what is left of the bytes, two words beside them, how long it is, and three rounds more.
  const words = length >>> 3;
  for (let i: u32 = 0; i < words + 7; i++) {
    let word: u64 = 0;
    if (i < words) word = load<u64>(start + (i << 3));
    else if (i === words) word = lastBytes(start, length);
    else if (i === words + 1) word = a;
    else if (i === words + 2) word = b;
    else if (i === words + 3) word = (<u64>length) << 56;
    else if (i === words + 4) v2 ^= 0xff;
    v3 ^= word;
    v0 += v1;
    v1 = rotl<u64>(v1, 13) ^ v0;
    v0 = rotl<u64>(v0, 32);
    v2 += v3;
    v3 = rotl<u64>(v3, 16) ^ v2;
    v0 += v3;
    v3 = rotl<u64>(v3, 21) ^ v0;
    v2 += v1;
    v1 = rotl<u64>(v1, 17) ^ v2;
    v2 = rotl<u64>(v2, 32);
    v0 ^= word;
  }
  return v0 ^ v1 ^ v2 ^ v3;
}

/** The bytes behind the last whole word. */
function lastBytes(start: usize, length: u32): u64 {
  const left = length & 7;
  if (left === 0) return 0;
  if (length >= 8) return load<u64>(start + length - 8) >>> ((8 - left) << 3);
  let word: u64 = 0;
  for (let i: u32 = 0; i < left; i++) word |= (<u64>load<u8>(start + i)) << (i << 3);
  return word;
}
