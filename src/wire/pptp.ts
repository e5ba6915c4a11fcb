// PPTP's GRE, version 1 (RFC 2637 §4.1), which carries PPP:
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +-+-+-+-+-+-----+-+-------+-----+-------------------------------+
//   |C|R|K|S|s|recur|A| flags | ver |        protocol 0x880b        |
//   +-+-+-+-+-+-----+-+-------+-----+-------------------------------+
//   |       payload length          |             call              |
//   +-------------------------------+-------------------------------+
//   |                   sequence number (if S)                      |
//   +---------------------------------------------------------------+
//   |             sequence number acknowledged (if A)               |
//   +---------------------------------------------------------------+

import { wholeNumber } from "../core/arguments.ts";
import { ETHERTYPE_PPP } from "../layout/ethernet.layout.ts";
import {
  GRE_FIELD_LENGTH,
  GRE_FLAG_CHECKSUM,
  GRE_FLAG_KEY,
  GRE_FLAG_ROUTING,
  GRE_FLAG_SEQUENCE,
  GRE_FLAGS,
  GRE_PROTOCOL,
  GRE_VERSION_MASK,
} from "../layout/gre.layout.ts";
import {
  PPTP_CALL,
  PPTP_FLAG_ACKNOWLEDGED,
  PPTP_LENGTH,
  PPTP_PAYLOAD_LENGTH,
  PPTP_VERSION,
} from "../layout/pptp.layout.ts";
import { read16, read32, write16, write32 } from "./bytes.ts";
import {
  checkRange,
  endAt,
  type Fields,
  type LengthOptions,
  missing,
  type Parsed,
  room,
  stopped,
} from "./parsed.ts";

/** The header of PPTP's GRE. */
export interface PptpHeader {
  /** An Ethernet type: 0x880b, PPP. */
  readonly protocol: number;
  /** Bytes behind the header, as it stands in the header. */
  readonly payloadLength: number;
  /** The receiver's number of the call, 0 to 65535. */
  readonly call: number;
  /** 32 bits; undefined if there is none, and no payload. */
  readonly sequence: number | undefined;
  /** 32 bits; undefined if nothing is acknowledged. */
  readonly acknowledgement: number | undefined;
}

/** A header of PPTP's GRE to be emitted: protocol 0x880b and no optional field unless given. */
export type PptpFields = Fields<PptpHeader, "protocol" | "sequence" | "acknowledgement">;

/** What would move the payload. */
const FORBIDDEN: number = GRE_FLAG_CHECKSUM | GRE_FLAG_ROUTING;

/** Reads the header at `offset`. The payload length ends the payload. */
export function parsePptp(
  bytes: Uint8Array,
  offset = 0,
  end: number = bytes.length,
  options: LengthOptions = {},
): Parsed<PptpHeader> {
  checkRange(bytes, offset, end);
  const short = missing(bytes, offset, end, PPTP_LENGTH, "pptp-truncated");
  if (short) return short;
  const flags = read16(bytes, offset + GRE_FLAGS);
  if ((flags & GRE_VERSION_MASK) !== PPTP_VERSION || (flags & FORBIDDEN) !== 0)
    return stopped(offset + GRE_FLAGS, "pptp-flags");
  const present = (flag: number) => ((flags & flag) !== 0 ? GRE_FIELD_LENGTH : 0);
  const acknowledgementAt = offset + PPTP_LENGTH + present(GRE_FLAG_SEQUENCE);
  const payload = acknowledgementAt + present(PPTP_FLAG_ACKNOWLEDGED);
  const cut = missing(bytes, offset, end, payload - offset, "pptp-truncated");
  if (cut) return cut;
  const header: PptpHeader = {
    protocol: read16(bytes, offset + GRE_PROTOCOL),
    payloadLength: read16(bytes, offset + PPTP_PAYLOAD_LENGTH),
    call: read16(bytes, offset + PPTP_CALL),
    sequence: present(GRE_FLAG_SEQUENCE) > 0 ? read32(bytes, offset + PPTP_LENGTH) : undefined,
    acknowledgement: payload > acknowledgementAt ? read32(bytes, acknowledgementAt) : undefined,
  };
  const field = offset + PPTP_PAYLOAD_LENGTH;
  return endAt(header, payload, payload + header.payloadLength, end, options, field, "pptp-length");
}

/** Bytes that {@link emitPptp} writes. */
export function pptpLength(header: Pick<PptpFields, "sequence" | "acknowledgement">): number {
  const fields = [header.sequence, header.acknowledgement].filter((field) => field !== undefined);
  return PPTP_LENGTH + fields.length * GRE_FIELD_LENGTH;
}

/** Writes a header of PPTP's GRE at `offset`; returns the offset behind it. */
export function emitPptp(header: PptpFields, into: Uint8Array, offset = 0): number {
  const { protocol = ETHERTYPE_PPP, sequence, acknowledgement } = header;
  const next = room(into, offset, pptpLength(header));
  let flags = GRE_FLAG_KEY | PPTP_VERSION;
  let at = offset + PPTP_LENGTH;
  if (sequence !== undefined) {
    flags |= GRE_FLAG_SEQUENCE;
    write32(into, at, wholeNumber("sequence", sequence, 0, 0xffffffff));
    at += GRE_FIELD_LENGTH;
  }
  if (acknowledgement !== undefined) {
    flags |= PPTP_FLAG_ACKNOWLEDGED;
    write32(into, at, wholeNumber("acknowledgement", acknowledgement, 0, 0xffffffff));
  }
  write16(into, offset + GRE_FLAGS, flags);
  write16(into, offset + GRE_PROTOCOL, wholeNumber("protocol", protocol, 0, 0xffff));
  const length = wholeNumber("payloadLength", header.payloadLength, 0, 0xffff);
  write16(into, offset + PPTP_PAYLOAD_LENGTH, length);
  write16(into, offset + PPTP_CALL, wholeNumber("call", header.call, 0, 0xffff));
  return next;
}
