// The Internet checksum (RFC 1071): the one's complement of the one's-complement sum of 16-bit words.
// Words are read in network byte order, so every result is the number that stands in a header.

import { byteArray, wholeNumber } from "../core/arguments.ts";

/** What a checksum says about the bytes it covers. */
export type ChecksumStatus =
  /** It was computed and agrees. */
  | "good"
  /** It was computed and differs. */
  | "bad"
  /** The sender computed none. */
  | "absent"
  /** Not all bytes it covers are at hand: a fragment, or cut by a capture. */
  | "unknown";

/**
 * Adds the 16-bit words of `bytes` from `offset` to `end` to `start`, without folding.
 * A last odd byte counts as if a zero followed; so of several ranges only the last may have an odd length.
 */
export function checksumSum(bytes: Uint8Array, offset = 0, end: number = bytes.length, start = 0): number {
  byteArray("bytes", bytes);
  wholeNumber("end", end, 0, bytes.length);
  wholeNumber("offset", offset, 0, end);
  let sum = start;
  const even = end - ((end - offset) & 1);
  for (let i = offset; i < even; i += 2) sum += (bytes[i]! << 8) | bytes[i + 1]!;
  if (even < end) sum += bytes[even]! << 8;
  return sum;
}

/** Folds a sum of 16-bit words to 16 bits; exact up to 2^53. */
export function checksumFold(sum: number): number {
  while (sum > 0xffff) sum = (sum % 0x10000) + Math.floor(sum / 0x10000);
  return sum;
}

/** The checksum of `bytes` from `offset` to `end`, after a sum `start` of what comes before. */
export function checksum(bytes: Uint8Array, offset = 0, end: number = bytes.length, start = 0): number {
  return ~checksumFold(checksumSum(bytes, offset, end, start)) & 0xffff;
}

/** The checksum after one 16-bit word it covers changed from `before` to `after` (RFC 1624 §3, equation 3). */
export function checksumUpdate(old: number, before: number, after: number): number {
  wholeNumber("old", old, 0, 0xffff);
  wholeNumber("before", before, 0, 0xffff);
  wholeNumber("after", after, 0, 0xffff);
  return ~checksumFold((~old & 0xffff) + (~before & 0xffff) + after) & 0xffff;
}

/**
 * The sum of the pseudo-header in front of UDP, TCP and ICMPv6: for IPv4 (RFC 768, RFC 9293 §3.1) and for IPv6
 * (RFC 8200 §8.1) by the length of the addresses. `protocol` is the upper protocol's number, `length` counts its
 * header and payload in bytes.
 */
export function pseudoHeaderSum(
  source: Uint8Array,
  destination: Uint8Array,
  protocol: number,
  length: number,
): number {
  const addresses = checksumSum(destination, 0, destination.length, checksumSum(source));
  return addresses + protocol + (length >>> 16) + (length & 0xffff);
}
