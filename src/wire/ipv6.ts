// IPv6 (RFC 8200 §3) with its extension headers (§4):
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +-------+-----------+---+---------------------------------------+
//   |version|   DSCP    |ECN|              flow label               |
//   +-------+-----------+---+-------+---------------+---------------+
//   |        payload length         |  next header  |   hop limit   |
//   +-------------------------------+---------------+---------------+
//   |                     source address (16)                       |
//   +---------------------------------------------------------------+
//   |                   destination address (16)                    |
//   +---------------+---------------+-------------------------------+
//   |  next header  |    length     | hop-by-hop, routing, fragment, authentication, options
//   +---------------+---------------+-------------------------------+

import type { IpAddress } from "../core/addresses.ts";
import { ArgumentRangeError } from "../core/argument-error.ts";
import { byteArray, wholeNumber } from "../core/arguments.ts";
import { AH_UNIT, AH_UNITS_MORE, IP_PROTOCOL_AH } from "../layout/ah.layout.ts";
import { IP_LENGTH_MAXIMUM } from "../layout/ipv4.layout.ts";
import {
  IPV6_DESTINATION,
  IPV6_DESTINATION_OPTIONS,
  IPV6_EXTENSION_NEXT_HEADER,
  IPV6_EXTENSION_UNIT,
  IPV6_EXTENSION_UNITS,
  IPV6_FLOW,
  IPV6_FRAGMENT_HEADER,
  IPV6_FRAGMENT_IDENTIFICATION,
  IPV6_FRAGMENT_MORE,
  IPV6_FRAGMENT_OFFSET,
  IPV6_FRAGMENT_OFFSET_MASK,
  IPV6_HIP,
  IPV6_HOP_BY_HOP,
  IPV6_HOP_LIMIT,
  IPV6_LENGTH,
  IPV6_MOBILITY,
  IPV6_NEXT_HEADER,
  IPV6_NO_NEXT_HEADER,
  IPV6_PAYLOAD_LENGTH,
  IPV6_ROUTING,
  IPV6_SHIM6,
  IPV6_SOURCE,
  IPV6_VERSION,
} from "../layout/ipv6.layout.ts";
import { ipBytes } from "./address-bytes.ts";
import { read16, read32, write16, write32 } from "./bytes.ts";
import {
  checkRange,
  endAt,
  endless,
  type Fields,
  type LengthOptions,
  missing,
  type Parsed,
  parsed,
  room,
  stopped,
} from "./parsed.ts";

/** One extension header. */
export interface Ipv6Extension {
  /** 0 hop-by-hop, 43 routing, 44 fragment, 51 authentication, 60 destination options. */
  readonly type: number;
  /** The whole extension header, the first byte of which names what follows: a multiple of 8 bytes, of 4 if it is 51. */
  readonly bytes: Uint8Array;
}

/** What a fragment extension header says. */
export interface Ipv6Fragment {
  /** Place of this fragment's payload, in bytes: a multiple of 8. */
  readonly fragmentOffset: number;
  readonly moreFragments: boolean;
  readonly identification: number;
}

/** An IPv6 header as parsed, its extension headers included. */
export interface Ipv6Header {
  /** Differentiated services code point, 0 to 63. */
  readonly dscp: number;
  /** Explicit congestion notification, 0 to 3. */
  readonly ecn: number;
  readonly flowLabel: number;
  /** Bytes of extension headers and payload, as it stands in the header. */
  readonly payloadLength: number;
  readonly hopLimit: number;
  /** Sixteen bytes, a view. */
  readonly source: Uint8Array;
  /** Sixteen bytes, a view. */
  readonly destination: Uint8Array;
  /** In the order of the packet; views. */
  readonly extensions: readonly Ipv6Extension[];
  /** Protocol number of the payload behind all extension headers: 17 is UDP. */
  readonly protocol: number;
}

/** An IPv6 header to be emitted; every {@link Ipv6Header} is one. What is left out is zero or empty, the hop limit 64. */
export interface Ipv6Fields
  extends Fields<
    Omit<Ipv6Header, "source" | "destination">,
    "dscp" | "ecn" | "flowLabel" | "hopLimit" | "extensions"
  > {
  readonly source: IpAddress;
  readonly destination: IpAddress;
}

/**
 * Reads the IPv6 header at `offset` and the extension headers behind it, as far as a fragment that is not the first.
 * The payload length ends the payload. A payload length of 0 stands for "to the end" where the packet is longer than
 * the field can say (RFC 2675, and what segmentation offload leaves in captures).
 */
export function parseIpv6(
  bytes: Uint8Array,
  offset = 0,
  end: number = bytes.length,
  options: LengthOptions = {},
): Parsed<Ipv6Header> {
  checkRange(bytes, offset, end);
  const short = missing(bytes, offset, end, IPV6_LENGTH, "ipv6-truncated");
  if (short) return short;
  const flow = read32(bytes, offset + IPV6_FLOW);
  if (flow >>> 28 !== IPV6_VERSION) return stopped(offset + IPV6_FLOW, "ipv6-version");
  const payloadLength = read16(bytes, offset + IPV6_PAYLOAD_LENGTH);
  const field = offset + IPV6_PAYLOAD_LENGTH;
  const none = payloadLength === 0 && bytes[offset + IPV6_NEXT_HEADER] !== IPV6_NO_NEXT_HEADER;
  const big = payloadLength === 0 && end - offset - IPV6_LENGTH > IP_LENGTH_MAXIMUM;
  const behind = offset + IPV6_LENGTH;
  const whole =
    big || (none && options.lengths === "lenient")
      ? parsed(undefined, behind, end)
      : endAt(undefined, behind, behind + payloadLength, end, options, field, "ipv6-length");
  if (!whole.ok) return whole;
  const packetEnd = whole.end;

  const extensions: Ipv6Extension[] = [];
  let protocol = bytes[offset + IPV6_NEXT_HEADER]!;
  let at = offset + IPV6_LENGTH;
  while (isExtension(protocol)) {
    const cut = missing(bytes, at, packetEnd, IPV6_EXTENSION_UNIT, "ipv6-extension");
    if (cut) return cut;
    const extensionLength = lengthOf(protocol, bytes[at + IPV6_EXTENSION_UNITS]!);
    const beyond = missing(bytes, at, packetEnd, extensionLength, "ipv6-extension");
    if (beyond) return beyond;
    const extension: Ipv6Extension = { type: protocol, bytes: bytes.subarray(at, at + extensionLength) };
    extensions.push(extension);
    protocol = bytes[at + IPV6_EXTENSION_NEXT_HEADER]!;
    at += extensionLength;
    if ((fragmentOf(extension)?.fragmentOffset ?? 0) > 0) break;
  }
  const header: Ipv6Header = {
    dscp: (flow >>> 22) & 0x3f,
    ecn: (flow >>> 20) & 3,
    flowLabel: flow & 0xfffff,
    payloadLength,
    hopLimit: bytes[offset + IPV6_HOP_LIMIT]!,
    source: bytes.subarray(offset + IPV6_SOURCE, offset + IPV6_DESTINATION),
    destination: bytes.subarray(offset + IPV6_DESTINATION, offset + IPV6_LENGTH),
    extensions,
    protocol,
  };
  if (whole.odd) return { ok: true, header, payload: at, end: packetEnd, odd: whole.odd };
  if (none && !big && packetEnd > behind)
    return endless(header, at, packetEnd, options, field, "ipv6-length", "ipv6-no-length");
  return parsed(header, at, packetEnd);
}

/** Bytes that {@link emitIpv6} writes. */
export function ipv6Length(header: Pick<Ipv6Fields, "extensions">): number {
  return (header.extensions ?? []).reduce((sum, { bytes }) => sum + bytes.length, IPV6_LENGTH);
}

/**
 * Writes an IPv6 header and its extension headers at `offset`; returns the offset behind them.
 * Next headers are chained by the types of the extensions; the first byte of each extension's bytes is not used.
 */
export function emitIpv6(header: Ipv6Fields, into: Uint8Array, offset = 0): number {
  const extensions = header.extensions ?? [];
  const next = room(into, offset, ipv6Length(header));
  const protocol = wholeNumber("protocol", header.protocol, 0, 0xff);
  const dscp = wholeNumber("dscp", header.dscp ?? 0, 0, 63);
  const ecn = wholeNumber("ecn", header.ecn ?? 0, 0, 3);
  const flowLabel = wholeNumber("flowLabel", header.flowLabel ?? 0, 0, 0xfffff);
  const payloadLength = wholeNumber("payloadLength", header.payloadLength, 0, 0xffff);
  write32(into, offset + IPV6_FLOW, (IPV6_VERSION << 28) | (dscp << 22) | (ecn << 20) | flowLabel);
  write16(into, offset + IPV6_PAYLOAD_LENGTH, payloadLength);
  into[offset + IPV6_NEXT_HEADER] = extensions[0]?.type ?? protocol;
  into[offset + IPV6_HOP_LIMIT] = wholeNumber("hopLimit", header.hopLimit ?? 64, 0, 0xff);
  into.set(ipBytes("source", header.source, 16), offset + IPV6_SOURCE);
  into.set(ipBytes("destination", header.destination, 16), offset + IPV6_DESTINATION);
  let at = offset + IPV6_LENGTH;
  extensions.forEach((extension, index) => {
    into.set(extensionBytes(extension, `extensions[${index}]`), at);
    into[at + IPV6_EXTENSION_NEXT_HEADER] = extensions[index + 1]?.type ?? protocol;
    at += extension.bytes.length;
  });
  return next;
}

/** What the first fragment extension header says, or undefined if the packet has none. */
export function ipv6Fragment(header: Pick<Ipv6Header, "extensions">): Ipv6Fragment | undefined {
  for (const extension of header.extensions) {
    const fragment = fragmentOf(extension);
    if (fragment) return fragment;
  }
  return undefined;
}

function fragmentOf({ type, bytes }: Ipv6Extension): Ipv6Fragment | undefined {
  if (type !== IPV6_FRAGMENT_HEADER) return undefined;
  const place = read16(bytes, IPV6_FRAGMENT_OFFSET);
  return {
    fragmentOffset: place & IPV6_FRAGMENT_OFFSET_MASK,
    moreFragments: (place & IPV6_FRAGMENT_MORE) !== 0,
    identification: read32(bytes, IPV6_FRAGMENT_IDENTIFICATION),
  };
}

function isExtension(type: number): boolean {
  return (
    type === IPV6_HOP_BY_HOP ||
    type === IPV6_ROUTING ||
    type === IPV6_FRAGMENT_HEADER ||
    type === IPV6_DESTINATION_OPTIONS ||
    type === IPV6_MOBILITY ||
    type === IPV6_HIP ||
    type === IPV6_SHIM6 ||
    type === IP_PROTOCOL_AH
  );
}

/** Bytes of an extension; an authentication header counts words of four bytes, less two (RFC 4302 §2.2). */
function lengthOf(type: number, units: number): number {
  if (type === IPV6_FRAGMENT_HEADER) return IPV6_EXTENSION_UNIT;
  return type === IP_PROTOCOL_AH ? (units + AH_UNITS_MORE) * AH_UNIT : (units + 1) * IPV6_EXTENSION_UNIT;
}

function extensionBytes({ type, bytes }: Ipv6Extension, name: string): Uint8Array {
  byteArray(`${name}.bytes`, bytes);
  if (!isExtension(type))
    throw new ArgumentRangeError(
      "not-one-of",
      `${name}.type`,
      `expected 0, 43, 44, 51, 60, 135, 139 or 140, got ${type}`,
    );
  const length = lengthOf(type, bytes[IPV6_EXTENSION_UNITS] ?? 0);
  if (bytes.length !== length) {
    throw new ArgumentRangeError(
      "out-of-range",
      `${name}.bytes`,
      `expected ${length} bytes, as its length field says, got ${bytes.length}`,
    );
  }
  return bytes;
}
