// A seeded generator: what looks like chance in a network is the same at each run.

import { wholeNumber } from "../core/arguments.ts";

/** Numbers from 0 (included) to 1 (excluded), the same ones for the same seed (0 to 2^32 - 1): xoshiro128**. */
export function seededRandom(seed: number): () => number {
  let spread = wholeNumber("seed", seed, 0, 0xffffffff);
  // Neighbouring seeds must not give neighbouring states: each word comes out of a mixing of its own.
  const word = (): number => {
    spread = (spread + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(spread ^ (spread >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  };
  let a = word();
  let b = word();
  let c = word();
  let d = word() | 1;
  const rotate = (value: number, bits: number): number => (value << bits) | (value >>> (32 - bits));
  return () => {
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotate(d, 11);
    return result / 2 ** 32;
  };
}
