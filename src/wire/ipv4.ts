// IPv4 (RFC 791 §3.1); the second byte is DSCP and ECN (RFC 2474, RFC 3168):
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +-------+-------+-----------+---+-------------------------------+
//   |version|  IHL  |   DSCP    |ECN|         total length          |
//   +-------+-------+-----------+---+-----+-------------------------+
//   |        identification         |0|D|M|     fragment offset     |
//   +---------------+---------------+-----+-------------------------+
//   |      TTL      |   protocol    |        header checksum        |
//   +---------------+---------------+-------------------------------+
//   |                        source address                         |
//   +---------------------------------------------------------------+
//   |                      destination address                      |
//   +---------------------------------------------------------------+
//   |                    options, padded to words                   |
//   +---------------------------------------------------------------+

import type { IpAddress } from "../core/addresses.ts";
import { ArgumentRangeError } from "../core/argument-error.ts";
import { byteArray, trueOrFalse, wholeNumber } from "../core/arguments.ts";
import {
  IP_LENGTH_MAXIMUM,
  IPV4_CHECKSUM,
  IPV4_DESTINATION,
  IPV4_DONT_FRAGMENT,
  IPV4_FRAGMENT,
  IPV4_IDENTIFICATION,
  IPV4_LENGTH,
  IPV4_MAXIMUM_LENGTH,
  IPV4_MORE_FRAGMENTS,
  IPV4_OFFSET_MASK,
  IPV4_PROTOCOL,
  IPV4_RESERVED_FLAG,
  IPV4_SOURCE,
  IPV4_TOS,
  IPV4_TOTAL_LENGTH,
  IPV4_TTL,
  IPV4_VERSION,
  IPV4_VERSION_IHL,
} from "../layout/ipv4.layout.ts";
import { ipBytes } from "./address-bytes.ts";
import { read16, write16 } from "./bytes.ts";
import { checksum } from "./checksum.ts";
import {
  checkRange,
  endAt,
  endless,
  type LengthOptions,
  missing,
  type Parsed,
  parsed,
  room,
  stopped,
} from "./parsed.ts";

/** An IPv4 header as parsed. */
export interface Ipv4Header {
  /** Differentiated services code point, 0 to 63. */
  readonly dscp: number;
  /** Explicit congestion notification, 0 to 3. */
  readonly ecn: number;
  /** Bytes of header and payload, as it stands in the header. */
  readonly totalLength: number;
  readonly identification: number;
  /** The flag that must be zero (RFC 791 §3.1). */
  readonly reservedFlag: boolean;
  readonly dontFragment: boolean;
  readonly moreFragments: boolean;
  /** Place of this fragment's payload, in bytes: a multiple of 8. */
  readonly fragmentOffset: number;
  readonly ttl: number;
  /** Protocol number of the payload: 17 is UDP. */
  readonly protocol: number;
  /** As it stands in the header; {@link ipv4ChecksumIsGood} verifies it. */
  readonly checksum: number;
  /** Four bytes, a view. */
  readonly source: Uint8Array;
  /** Four bytes, a view. */
  readonly destination: Uint8Array;
  /** 0 to 40 bytes, a view. */
  readonly options: Uint8Array;
}

/** An IPv4 header to be emitted; every {@link Ipv4Header} is one. What is left out is zero, false or empty. */
export interface Ipv4Fields {
  readonly dscp?: number | undefined;
  readonly ecn?: number | undefined;
  /** Bytes of header and payload. */
  readonly totalLength: number;
  readonly identification?: number | undefined;
  readonly reservedFlag?: boolean | undefined;
  readonly dontFragment?: boolean | undefined;
  readonly moreFragments?: boolean | undefined;
  /** In bytes: a multiple of 8. */
  readonly fragmentOffset?: number | undefined;
  /** Default 64. */
  readonly ttl?: number | undefined;
  readonly protocol: number;
  /** Default: computed. */
  readonly checksum?: number | undefined;
  readonly source: IpAddress;
  readonly destination: IpAddress;
  /** A multiple of four bytes, at most 40. */
  readonly options?: Uint8Array | undefined;
}

/**
 * Reads the IPv4 header at `offset`. The total length ends the payload. A total length of 0 stands for "to the end"
 * where the packet is longer than the field can say: segmentation offload leaves such packets in captures.
 * The checksum is not verified here: see {@link ipv4ChecksumIsGood}.
 */
export function parseIpv4(
  bytes: Uint8Array,
  offset = 0,
  end: number = bytes.length,
  options: LengthOptions = {},
): Parsed<Ipv4Header> {
  checkRange(bytes, offset, end);
  const short = missing(bytes, offset, end, IPV4_LENGTH, "ipv4-truncated");
  if (short) return short;
  const versionIhl = bytes[offset + IPV4_VERSION_IHL]!;
  if (versionIhl >>> 4 !== IPV4_VERSION) return stopped(offset + IPV4_VERSION_IHL, "ipv4-version");
  const headerLength = (versionIhl & 0x0f) * 4;
  if (headerLength < IPV4_LENGTH) return stopped(offset + IPV4_VERSION_IHL, "ipv4-header-length");
  const cut = missing(bytes, offset, end, headerLength, "ipv4-truncated");
  if (cut) return cut;
  const totalLength = read16(bytes, offset + IPV4_TOTAL_LENGTH);
  const tos = bytes[offset + IPV4_TOS]!;
  const fragment = read16(bytes, offset + IPV4_FRAGMENT);
  const header: Ipv4Header = {
    dscp: tos >>> 2,
    ecn: tos & 3,
    totalLength,
    identification: read16(bytes, offset + IPV4_IDENTIFICATION),
    reservedFlag: (fragment & IPV4_RESERVED_FLAG) !== 0,
    dontFragment: (fragment & IPV4_DONT_FRAGMENT) !== 0,
    moreFragments: (fragment & IPV4_MORE_FRAGMENTS) !== 0,
    fragmentOffset: (fragment & IPV4_OFFSET_MASK) * 8,
    ttl: bytes[offset + IPV4_TTL]!,
    protocol: bytes[offset + IPV4_PROTOCOL]!,
    checksum: read16(bytes, offset + IPV4_CHECKSUM),
    source: bytes.subarray(offset + IPV4_SOURCE, offset + IPV4_DESTINATION),
    destination: bytes.subarray(offset + IPV4_DESTINATION, offset + IPV4_LENGTH),
    options: bytes.subarray(offset + IPV4_LENGTH, offset + headerLength),
  };
  const payload = offset + headerLength;
  const field = offset + IPV4_TOTAL_LENGTH;
  if (totalLength > 0)
    return endAt(header, payload, offset + totalLength, end, options, field, "ipv4-length");
  if (end - offset > IP_LENGTH_MAXIMUM) return parsed(header, payload, end);
  return endless(header, payload, end, options, field, "ipv4-length", "ipv4-no-length");
}

/** Bytes that {@link emitIpv4} writes. */
export function ipv4Length(header: Pick<Ipv4Fields, "options">): number {
  return IPV4_LENGTH + (header.options?.length ?? 0);
}

/** Writes an IPv4 header at `offset`; returns the offset behind it. */
export function emitIpv4(header: Ipv4Fields, into: Uint8Array, offset = 0): number {
  const { options } = header;
  if (options !== undefined) byteArray("options", options);
  const length = ipv4Length(header);
  if (length % 4 !== 0 || length > IPV4_MAXIMUM_LENGTH) {
    throw new ArgumentRangeError(
      "out-of-range",
      "options",
      `expected a multiple of 4 bytes up to 40, got ${options?.length}`,
    );
  }
  const next = room(into, offset, length);
  const dscp = wholeNumber("dscp", header.dscp ?? 0, 0, 63);
  const ecn = wholeNumber("ecn", header.ecn ?? 0, 0, 3);
  const place = wholeNumber("fragmentOffset", header.fragmentOffset ?? 0, 0, IPV4_OFFSET_MASK * 8);
  if (place % 8 !== 0)
    throw new ArgumentRangeError("out-of-range", "fragmentOffset", `expected a multiple of 8, got ${place}`);
  into[offset + IPV4_VERSION_IHL] = (IPV4_VERSION << 4) | (length / 4);
  into[offset + IPV4_TOS] = (dscp << 2) | ecn;
  write16(into, offset + IPV4_TOTAL_LENGTH, wholeNumber("totalLength", header.totalLength, 0, 0xffff));
  write16(
    into,
    offset + IPV4_IDENTIFICATION,
    wholeNumber("identification", header.identification ?? 0, 0, 0xffff),
  );
  write16(
    into,
    offset + IPV4_FRAGMENT,
    (trueOrFalse("reservedFlag", header.reservedFlag ?? false) ? IPV4_RESERVED_FLAG : 0) |
      (trueOrFalse("dontFragment", header.dontFragment ?? false) ? IPV4_DONT_FRAGMENT : 0) |
      (trueOrFalse("moreFragments", header.moreFragments ?? false) ? IPV4_MORE_FRAGMENTS : 0) |
      (place / 8),
  );
  into[offset + IPV4_TTL] = wholeNumber("ttl", header.ttl ?? 64, 0, 0xff);
  into[offset + IPV4_PROTOCOL] = wholeNumber("protocol", header.protocol, 0, 0xff);
  into.set(ipBytes("source", header.source, 4), offset + IPV4_SOURCE);
  into.set(ipBytes("destination", header.destination, 4), offset + IPV4_DESTINATION);
  if (options !== undefined) into.set(options, offset + IPV4_LENGTH);
  write16(into, offset + IPV4_CHECKSUM, 0);
  const sum = header.checksum ?? checksum(into, offset, next);
  write16(into, offset + IPV4_CHECKSUM, wholeNumber("checksum", sum, 0, 0xffff));
  return next;
}

/** Whether the checksum of the IPv4 header of `length` bytes at `offset` is right (RFC 1071 §1). */
export function ipv4ChecksumIsGood(bytes: Uint8Array, offset: number, length: number): boolean {
  return checksum(bytes, offset, offset + length) === 0;
}
