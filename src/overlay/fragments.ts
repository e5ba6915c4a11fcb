// IPv4 fragments (RFC 791 §3.2): cut by who sends, put together by who receives.

import {
  IPV4_CHECKSUM,
  IPV4_FRAGMENT,
  IPV4_LENGTH,
  IPV4_MORE_FRAGMENTS,
  IPV4_TOTAL_LENGTH,
} from "../layout/ipv4.layout.ts";
import { write16 } from "../wire/bytes.ts";
import { checksum } from "../wire/checksum.ts";
import type { Ipv4Header } from "../wire/ipv4.ts";
import { ipKey } from "./station.ts";

/** Cuts a packet with a header of 20 bytes into packets of at most `mtu` bytes. */
export function fragmentsOf(packet: Uint8Array, mtu: number): Uint8Array[] {
  const step = (mtu - IPV4_LENGTH) & ~7;
  const fragments: Uint8Array[] = [];
  for (let start = IPV4_LENGTH; start < packet.length; start += step) {
    const end = Math.min(packet.length, start + step);
    const fragment = new Uint8Array(IPV4_LENGTH + end - start);
    fragment.set(packet.subarray(0, IPV4_LENGTH));
    fragment.set(packet.subarray(start, end), IPV4_LENGTH);
    const more = end < packet.length ? IPV4_MORE_FRAGMENTS : 0;
    write16(fragment, IPV4_TOTAL_LENGTH, fragment.length);
    write16(fragment, IPV4_FRAGMENT, more | ((start - IPV4_LENGTH) / 8));
    write16(fragment, IPV4_CHECKSUM, 0);
    write16(fragment, IPV4_CHECKSUM, checksum(fragment, 0, IPV4_LENGTH));
    fragments.push(fragment);
  }
  return fragments;
}

/** Packets that are put together at a time, and how long one may take (RFC 791 allows 15 s and more). */
const PARTIAL_MAXIMUM = 16;
const PATIENCE_US = 30e6;

interface Partial {
  readonly untilUs: number;
  readonly pieces: { readonly at: number; readonly bytes: Uint8Array }[];
  total: number | undefined;
}

export class Reassembly {
  readonly #partial: Map<string, Partial> = new Map();

  /** Takes a fragment's payload; returns the whole packet's once all is there. Overlaps discard it all (RFC 5722). */
  take(header: Ipv4Header, bytes: Uint8Array, nowUs: number): Uint8Array | undefined {
    const { source, destination, identification, protocol, fragmentOffset, moreFragments } = header;
    const key = `${ipKey(source)} ${ipKey(destination)} ${identification} ${protocol}`;
    for (const [name, { untilUs }] of this.#partial) if (untilUs <= nowUs) this.#partial.delete(name);
    let partial = this.#partial.get(key);
    if (partial === undefined) {
      if (this.#partial.size === PARTIAL_MAXIMUM) {
        const oldest = this.#partial.keys().next().value as string;
        this.#partial.delete(oldest);
      }
      partial = { untilUs: nowUs + PATIENCE_US, pieces: [], total: undefined };
      this.#partial.set(key, partial);
    }
    const end = fragmentOffset + bytes.length;
    const overlaps = partial.pieces.some(
      (piece) => piece.at < end && fragmentOffset < piece.at + piece.bytes.length,
    );
    const contradicts =
      (moreFragments && bytes.length % 8 !== 0) ||
      (!moreFragments && partial.total !== undefined) ||
      end > 65535 - IPV4_LENGTH;
    if (overlaps || contradicts) {
      this.#partial.delete(key);
      return undefined;
    }
    partial.pieces.push({ at: fragmentOffset, bytes });
    if (!moreFragments) partial.total = end;
    const there = partial.pieces.reduce((sum, piece) => sum + piece.bytes.length, 0);
    if (partial.total === undefined || there < partial.total) return undefined;
    this.#partial.delete(key);
    const whole = new Uint8Array(partial.total);
    for (const piece of partial.pieces) {
      if (piece.at + piece.bytes.length > whole.length) return undefined;
      whole.set(piece.bytes, piece.at);
    }
    return whole;
  }
}
