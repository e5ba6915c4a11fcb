// UDP (RFC 768):
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +-------------------------------+-------------------------------+
//   |          source port          |       destination port        |
//   +-------------------------------+-------------------------------+
//   |            length             |           checksum            |
//   +-------------------------------+-------------------------------+

import { wholeNumber } from "../core/arguments.ts";
import { IP_LENGTH_MAXIMUM, IP_PROTOCOL_UDP } from "../layout/ipv4.layout.ts";
import {
  UDP_CHECKSUM,
  UDP_DESTINATION_PORT,
  UDP_LENGTH,
  UDP_SOURCE_PORT,
  UDP_TOTAL_LENGTH,
} from "../layout/udp.layout.ts";
import { read16, write16 } from "./bytes.ts";
import { type ChecksumStatus, checksumFold, checksumSum, pseudoHeaderSum } from "./checksum.ts";
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
} from "./parsed.ts";

/** A UDP header as parsed. */
export interface UdpHeader {
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** Bytes of header and payload, as it stands in the header. */
  readonly length: number;
  /** As it stands in the header; 0 says that the sender computed none. {@link udpChecksumStatus} verifies it. */
  readonly checksum: number;
}

/** A UDP header to be emitted; without a checksum it says that there is none. */
export type UdpFields = Fields<UdpHeader, "checksum">;

/**
 * Reads the UDP header at `offset`. The length ends the payload. A length of 0 stands for "to the end" where the
 * datagram is longer than the field can say (RFC 2675 §4, and what segmentation offload leaves in captures).
 */
export function parseUdp(
  bytes: Uint8Array,
  offset = 0,
  end: number = bytes.length,
  options: LengthOptions = {},
): Parsed<UdpHeader> {
  checkRange(bytes, offset, end);
  const short = missing(bytes, offset, end, UDP_LENGTH, "udp-truncated");
  if (short) return short;
  const header: UdpHeader = {
    sourcePort: read16(bytes, offset + UDP_SOURCE_PORT),
    destinationPort: read16(bytes, offset + UDP_DESTINATION_PORT),
    length: read16(bytes, offset + UDP_TOTAL_LENGTH),
    checksum: read16(bytes, offset + UDP_CHECKSUM),
  };
  const payload = offset + UDP_LENGTH;
  const field = offset + UDP_TOTAL_LENGTH;
  if (header.length > 0)
    return endAt(header, payload, offset + header.length, end, options, field, "udp-length");
  if (end - offset > IP_LENGTH_MAXIMUM) return parsed(header, payload, end);
  return endless(header, payload, end, options, field, "udp-length", "udp-no-length");
}

/** Writes a UDP header at `offset`; returns the offset behind it. */
export function emitUdp(header: UdpFields, into: Uint8Array, offset = 0): number {
  const next = room(into, offset, UDP_LENGTH);
  const { sourcePort, destinationPort, length } = header;
  write16(into, offset + UDP_SOURCE_PORT, wholeNumber("sourcePort", sourcePort, 0, 0xffff));
  write16(into, offset + UDP_DESTINATION_PORT, wholeNumber("destinationPort", destinationPort, 0, 0xffff));
  write16(into, offset + UDP_TOTAL_LENGTH, wholeNumber("length", length, 0, 0xffff));
  write16(into, offset + UDP_CHECKSUM, wholeNumber("checksum", header.checksum ?? 0, 0, 0xffff));
  return next;
}

/**
 * The checksum of the datagram from `offset` to `end`, between two IPv4 or two IPv6 addresses, whatever stands in its
 * checksum field now. A computed 0 is given as 0xffff, since 0 says that there is none (RFC 768).
 */
export function udpChecksum(
  bytes: Uint8Array,
  offset: number,
  end: number,
  source: Uint8Array,
  destination: Uint8Array,
): number {
  const pseudo = pseudoHeaderSum(source, destination, IP_PROTOCOL_UDP, end - offset);
  const header = checksumSum(bytes, offset, offset + UDP_CHECKSUM, pseudo);
  const folded = checksumFold(checksumSum(bytes, offset + UDP_LENGTH, end, header));
  return folded === 0xffff ? 0xffff : ~folded & 0xffff;
}

/**
 * Verifies the checksum of the datagram from `offset` to `end`. 0 is "absent" over IPv4 (RFC 768) and over IPv6,
 * where tunnels may be configured to accept it (RFC 6935 §5).
 */
export function udpChecksumStatus(
  bytes: Uint8Array,
  offset: number,
  end: number,
  source: Uint8Array,
  destination: Uint8Array,
): ChecksumStatus {
  if (offset + UDP_LENGTH > bytes.length) return "unknown";
  const found = read16(bytes, offset + UDP_CHECKSUM);
  if (found === 0) return "absent";
  if (end > bytes.length) return "unknown";
  const sum = pseudoHeaderSum(source, destination, IP_PROTOCOL_UDP, end - offset);
  return checksumFold(checksumSum(bytes, offset, end, sum)) === 0xffff ? "good" : "bad";
}
