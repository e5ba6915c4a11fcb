// TCP (RFC 9293 §3.1), as far as a dissector needs it:
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +-------------------------------+-------------------------------+
//   |          source port          |       destination port        |
//   +-------------------------------+-------------------------------+
//   |                        sequence number                        |
//   +---------------------------------------------------------------+
//   |                    acknowledgement number                     |
//   +-------+-----------------------+-------------------------------+
//   |offset |         flags         |            window             |
//   +-------+-----------------------+-------------------------------+
//   |           checksum            |        urgent pointer         |
//   +-------------------------------+-------------------------------+
//   |                    options, padded to words                   |
//   +---------------------------------------------------------------+

import { ArgumentRangeError } from "../core/argument-error.ts";
import { byteArray, wholeNumber } from "../core/arguments.ts";
import { IP_PROTOCOL_TCP } from "../layout/ipv4.layout.ts";
import {
  TCP_ACKNOWLEDGEMENT,
  TCP_CHECKSUM,
  TCP_DESTINATION_PORT,
  TCP_FLAGS_MASK,
  TCP_LENGTH,
  TCP_MAXIMUM_LENGTH,
  TCP_OFFSET_FLAGS,
  TCP_OFFSET_SHIFT,
  TCP_SEQUENCE,
  TCP_SOURCE_PORT,
  TCP_URGENT,
  TCP_WINDOW,
} from "../layout/tcp.layout.ts";
import { read16, read32, write16, write32 } from "./bytes.ts";
import { checksumFold, checksumSum, pseudoHeaderSum } from "./checksum.ts";
import { checkRange, type Fields, missing, type Parsed, parsed, room, stopped } from "./parsed.ts";

/** A TCP header. */
export interface TcpHeader {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly sequence: number;
  readonly acknowledgement: number;
  /** The 12 bits behind the data offset: FIN is 0x001, SYN 0x002, ACK 0x010, AE 0x100. */
  readonly flags: number;
  readonly window: number;
  /** As it stands in the header; not verified. */
  readonly checksum: number;
  readonly urgent: number;
  /** 0 to 40 bytes, a view. */
  readonly options: Uint8Array;
}

/** A TCP header to be emitted; what is left out is zero or empty. */
export type TcpFields = Fields<TcpHeader, Exclude<keyof TcpHeader, "sourcePort" | "destinationPort">>;

/** Reads the TCP header at `offset`. */
export function parseTcp(bytes: Uint8Array, offset = 0, end: number = bytes.length): Parsed<TcpHeader> {
  checkRange(bytes, offset, end);
  const short = missing(bytes, offset, end, TCP_LENGTH, "tcp-truncated");
  if (short) return short;
  const offsetFlags = read16(bytes, offset + TCP_OFFSET_FLAGS);
  const length = (offsetFlags >>> TCP_OFFSET_SHIFT) * 4;
  if (length < TCP_LENGTH) return stopped(offset + TCP_OFFSET_FLAGS, "tcp-header-length");
  const cut = missing(bytes, offset, end, length, "tcp-truncated");
  if (cut) return cut;
  const header: TcpHeader = {
    sourcePort: read16(bytes, offset + TCP_SOURCE_PORT),
    destinationPort: read16(bytes, offset + TCP_DESTINATION_PORT),
    sequence: read32(bytes, offset + TCP_SEQUENCE),
    acknowledgement: read32(bytes, offset + TCP_ACKNOWLEDGEMENT),
    flags: offsetFlags & TCP_FLAGS_MASK,
    window: read16(bytes, offset + TCP_WINDOW),
    checksum: read16(bytes, offset + TCP_CHECKSUM),
    urgent: read16(bytes, offset + TCP_URGENT),
    options: bytes.subarray(offset + TCP_LENGTH, offset + length),
  };
  return parsed(header, offset + length, end);
}

/** Bytes that {@link emitTcp} writes. */
export function tcpLength(header: Pick<TcpFields, "options">): number {
  return TCP_LENGTH + (header.options?.length ?? 0);
}

/** Writes a TCP header at `offset`; returns the offset behind it. */
export function emitTcp(header: TcpFields, into: Uint8Array, offset = 0): number {
  const { options } = header;
  if (options !== undefined) byteArray("options", options);
  const length = tcpLength(header);
  if (length % 4 !== 0 || length > TCP_MAXIMUM_LENGTH) {
    throw new ArgumentRangeError(
      "out-of-range",
      "options",
      `expected a multiple of 4 bytes up to 40, got ${options?.length}`,
    );
  }
  const next = room(into, offset, length);
  const { sourcePort, destinationPort, sequence = 0, acknowledgement = 0, flags = 0 } = header;
  const { window = 0, checksum = 0, urgent = 0 } = header;
  const words = (length / 4) << TCP_OFFSET_SHIFT;
  write16(into, offset + TCP_SOURCE_PORT, wholeNumber("sourcePort", sourcePort, 0, 0xffff));
  write16(into, offset + TCP_DESTINATION_PORT, wholeNumber("destinationPort", destinationPort, 0, 0xffff));
  write32(into, offset + TCP_SEQUENCE, wholeNumber("sequence", sequence, 0, 0xffffffff));
  write32(into, offset + TCP_ACKNOWLEDGEMENT, wholeNumber("acknowledgement", acknowledgement, 0, 0xffffffff));
  write16(into, offset + TCP_OFFSET_FLAGS, words | wholeNumber("flags", flags, 0, TCP_FLAGS_MASK));
  write16(into, offset + TCP_WINDOW, wholeNumber("window", window, 0, 0xffff));
  write16(into, offset + TCP_CHECKSUM, wholeNumber("checksum", checksum, 0, 0xffff));
  write16(into, offset + TCP_URGENT, wholeNumber("urgent", urgent, 0, 0xffff));
  if (options !== undefined) into.set(options, offset + TCP_LENGTH);
  return next;
}

/** The checksum of the segment from `offset` to `end`, whatever stands in its checksum field now. */
export function tcpChecksum(
  bytes: Uint8Array,
  offset: number,
  end: number,
  source: Uint8Array,
  destination: Uint8Array,
): number {
  const pseudo = pseudoHeaderSum(source, destination, IP_PROTOCOL_TCP, end - offset);
  const before = checksumSum(bytes, offset, offset + TCP_CHECKSUM, pseudo);
  return ~checksumFold(checksumSum(bytes, offset + TCP_URGENT, end, before)) & 0xffff;
}
