// What becomes of an address, worked out slowly and from the definitions: SipHash-2-4 as its paper has it, a tree that is gone
// down bit by bit, a Feistel network.

const WORD = (1n << 64n) - 1n;

function turned(word: bigint, by: bigint): bigint {
  return ((word << by) | (word >> (64n - by))) & WORD;
}

/** SipHash-2-4 of bytes. */
export function sipHash(key: Uint8Array, message: Uint8Array): bigint {
  const [k0, k1] = [little(key, 0), little(key, 8)];
  let v0 = k0 ^ 0x736f6d6570736575n;
  let v1 = k1 ^ 0x646f72616e646f6dn;
  let v2 = k0 ^ 0x6c7967656e657261n;
  let v3 = k1 ^ 0x7465646279746573n;
  const rounds = (count: number): void => {
    for (let i = 0; i < count; i++) {
      v0 = (v0 + v1) & WORD;
      v1 = turned(v1, 13n) ^ v0;
      v0 = turned(v0, 32n);
      v2 = (v2 + v3) & WORD;
      v3 = turned(v3, 16n) ^ v2;
      v0 = (v0 + v3) & WORD;
      v3 = turned(v3, 21n) ^ v0;
      v2 = (v2 + v1) & WORD;
      v1 = turned(v1, 17n) ^ v2;
      v2 = turned(v2, 32n);
    }
  };
  const padded = new Uint8Array((Math.floor(message.length / 8) + 1) * 8);
  padded.set(message);
  padded[padded.length - 1] = message.length;
  for (let at = 0; at < padded.length; at += 8) {
    const word = little(padded, at);
    v3 ^= word;
    rounds(2);
    v0 ^= word;
  }
  v2 ^= 0xffn;
  rounds(4);
  return v0 ^ v1 ^ v2 ^ v3;
}

function little(bytes: Uint8Array, at: number): bigint {
  return new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(at, true);
}

function hashOf(key: Uint8Array, ...words: readonly bigint[]): bigint {
  const message = new DataView(new ArrayBuffer(words.length * 8));
  words.forEach((word, i) => void message.setBigUint64(i * 8, word, true));
  return sipHash(key, new Uint8Array(message.buffer));
}

interface Kept {
  readonly value: string;
  readonly length: number;
  readonly whole: boolean;
}

function kept(hex: string, length: number, whole: boolean): Kept {
  return {
    value: bitsOf(Uint8Array.from(hex.match(/../g)!, (two) => Number.parseInt(two, 16))),
    length,
    whole,
  };
}

/** The longest prefix that an address is in decides; of one that it is not in, it must stay out. */
const KEPT: Readonly<Record<4 | 16, readonly Kept[]>> = {
  4: [
    kept("e0000000", 4, false),
    kept("00000000", 8, true),
    kept("7f000000", 8, true),
    kept("e0000000", 23, true),
    kept("ffffffff", 32, true),
  ],
  16: [
    kept(`ff00${"00".repeat(14)}`, 8, false),
    kept(`fe80${"00".repeat(14)}`, 10, false),
    kept(`ff00${"00".repeat(14)}`, 12, true),
    kept(`ff02${"00".repeat(9)}01ff000000`, 104, false),
    kept("00".repeat(16), 127, true),
  ],
};

export function bitsOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0")).join("");
}

/** An address of four or sixteen bytes. */
export function anonymousIp(key: Uint8Array, address: Uint8Array): Uint8Array {
  const bits = bitsOf(address);
  const rows = KEPT[address.length as 4 | 16];
  const inside = rows.filter(({ value, length }) => bits.startsWith(value.slice(0, length)));
  if (inside.at(-1)?.whole) return address;
  let out = "";
  for (let i = 0; i < bits.length; i++) {
    // Where a path towards a prefix that is kept goes on, it goes on as it is.
    const stays = rows.some(({ value, length }) => i < length && value.startsWith(bits.slice(0, i)));
    out += stays ? bits[i] : String(Number(bits[i]) ^ flipOf(key, address.length, bits, i));
  }
  return Uint8Array.from(out.match(/.{8}/g)!, (byte) => Number.parseInt(byte, 2));
}

/** Whether bit `i` is flipped: one bit of a word for the six bits of which it is one. */
function flipOf(key: Uint8Array, length: number, bits: string, i: number): number {
  const step = i - (i % 6);
  const path = BigInt(`0b1${bits.slice(step, i)}`);
  const prefix = BigInt(`0b${bits.slice(0, step).padEnd(128, "0")}`);
  const words = length === 4 ? [prefix >> 64n] : [prefix >> 64n, prefix & WORD];
  const hash = hashOf(key, (BigInt(length === 4 ? 4 : 6) << 56n) | BigInt(step), ...words);
  return Number((hash >> path) & 1n);
}

/** A MAC that is no group's. */
export function anonymousMac(key: Uint8Array, mac: Uint8Array, keepsVendor: boolean): Uint8Array {
  const value = BigInt(`0b${bitsOf(mac)}`);
  if (value === 0n) return mac;
  const isLocal = (mac[0]! & 2) !== 0;
  let after: bigint;
  if (keepsVendor && !isLocal) {
    const vendor = value >> 24n;
    after = (vendor << 24n) | feistel(key, value & 0xffffffn, 12n, (1n << 48n) | vendor);
  } else {
    const kind = (value >> 40n) & 3n;
    const mixed = feistel(key, ((value >> 42n) << 40n) | (value & 0xffffffffffn), 23n, kind);
    after = ((mixed >> 40n) << 42n) | ((kind | 2n) << 40n) | (mixed & 0xffffffffffn);
  }
  return Uint8Array.from(after.toString(16).padStart(12, "0").match(/../g)!, (two) =>
    Number.parseInt(two, 16),
  );
}

function feistel(key: Uint8Array, value: bigint, half: bigint, tweak: bigint): bigint {
  const mask = (1n << half) - 1n;
  let [left, right] = [value >> half, value & mask];
  for (let i = 0n; i < 8n; i++)
    [left, right] = [right, left ^ (hashOf(key, (1n << 56n) | i, tweak, right) & mask)];
  return (left << half) | right;
}
