// SipHash-2-4 (Aumasson and Bernstein 2012): a pseudorandom function of a key of 128 bits. Messages are whole words, as their
// bytes lie in memory.

let k0: u64 = 0;
let k1: u64 = 0;
let v0: u64 = 0;
let v1: u64 = 0;
let v2: u64 = 0;
let v3: u64 = 0;

/** The key for all that follows. */
export function setKey(first: u64, second: u64): void {
  k0 = first;
  k1 = second;
}

export function sipHash2(a: u64, b: u64): u64 {
  begin();
  absorb(a);
  absorb(b);
  return finish(16);
}

export function sipHash3(a: u64, b: u64, c: u64): u64 {
  begin();
  absorb(a);
  absorb(b);
  absorb(c);
  return finish(24);
}

function begin(): void {
  v0 = k0 ^ 0x736f6d6570736575;
  v1 = k1 ^ 0x646f72616e646f6d;
  v2 = k0 ^ 0x6c7967656e657261;
  v3 = k1 ^ 0x7465646279746573;
}

function absorb(word: u64): void {
  v3 ^= word;
  round();
  round();
  v0 ^= word;
}

function finish(length: u64): u64 {
  absorb(length << 56);
  v2 ^= 0xff;
  round();
  round();
  round();
  round();
  return v0 ^ v1 ^ v2 ^ v3;
}

function round(): void {
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
}
