// NSH, the network service header (RFC 8300 §2):
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +---+-+-+-----------+-----------+-------+-------+---------------+
//   |ver|O|U|    TTL    |  length   |U U U U|MD type| next protocol |
//   +---+-+-+-----------+-----------+-------+-------+---------------+
//   |          service path identifier              | service index |
//   +-----------------------------------------------+---------------+
//   |       context: 16 bytes (MD type 1), or as many as the length says
//   +---------------------------------------------------------------

import { ArgumentRangeError } from "../core/argument-error.ts";
import { byteArray } from "../core/arguments.ts";
import { NSH_LENGTH, NSH_WORDS, NSH_WORDS_MASK } from "../layout/nsh.layout.ts";
import { type BitTable, readBits, writeBits } from "./bit-fields.ts";
import { checkRange, type Fields, missing, type Parsed, parsed, room, stopped } from "./parsed.ts";

/** A network service header. */
export interface NshHeader {
  /** A packet of the tunnel's own, never forwarded as a passenger. */
  readonly oam: boolean;
  /** 0 to 63. */
  readonly ttl: number;
  /** 1: a context of 16 bytes; 2: a context of any length. */
  readonly mdType: number;
  /** 1 IPv4, 2 IPv6, 3 Ethernet, 4 NSH, 5 MPLS. */
  readonly nextProtocol: number;
  /** Service path, 0 to 16777215. */
  readonly path: number;
  /** Place in the path. */
  readonly index: number;
  /** A multiple of four bytes, a view when parsed. */
  readonly context: Uint8Array;
}

/** A network service header to be emitted: MD type 2, TTL 63, Ethernet and no context unless given. */
export type NshFields = Fields<NshHeader, "oam" | "ttl" | "mdType" | "nextProtocol" | "context">;

interface Words {
  readonly version: number;
  readonly words: number;
}

const TABLE: BitTable<Omit<NshHeader, "context"> & Words> = {
  version: [0, 2, 0],
  oam: [2],
  ttl: [4, 6, 63],
  words: [10, 6],
  mdType: [20, 4, 2],
  nextProtocol: [24, 8, 3],
  path: [32, 24],
  index: [56, 8],
};

/** Reads the network service header at `offset` with its context. Unassigned bits are not looked at (RFC 8300 §2.2). */
export function parseNsh(bytes: Uint8Array, offset = 0, end: number = bytes.length): Parsed<NshHeader> {
  checkRange(bytes, offset, end);
  const short = missing(bytes, offset, end, NSH_LENGTH, "nsh-truncated");
  if (short) return short;
  const { version, words, ...header } = readBits(TABLE, bytes, offset);
  if (version !== 0) return stopped(offset, "nsh-version");
  if (words * 4 < NSH_LENGTH) return stopped(offset + NSH_WORDS, "nsh-length");
  const payload = offset + words * 4;
  const cut = missing(bytes, offset, end, words * 4, "nsh-truncated");
  if (cut) return cut;
  return parsed({ ...header, context: bytes.subarray(offset + NSH_LENGTH, payload) }, payload, end);
}

/** Bytes that {@link emitNsh} writes. */
export function nshLength({ context }: Pick<NshFields, "context">): number {
  return NSH_LENGTH + (context?.length ?? 0);
}

/** Writes a network service header at `offset`; returns the offset behind its context. */
export function emitNsh(header: NshFields, into: Uint8Array, offset = 0): number {
  const context = byteArray("context", header.context ?? new Uint8Array(0));
  const words = nshLength({ context }) / 4;
  if (!Number.isInteger(words) || words > NSH_WORDS_MASK)
    throw new ArgumentRangeError(
      "out-of-range",
      "context",
      `expected a multiple of 4 bytes up to 244, got ${context.length}`,
    );
  const next = room(into, offset, words * 4);
  into.fill(0, offset, next);
  writeBits(TABLE, { ...header, version: 0, words }, into, offset);
  into.set(context, offset + NSH_LENGTH);
  return next;
}
