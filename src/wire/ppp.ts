// PPP (RFC 1661 §2), with address and control in front (RFC 1662 §3.1) or without, its protocol in two bytes or in one:
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +---------------+---------------+---------------+---------------+
//   | address 0xff  | control 0x03  |    protocol (8 if odd, or 16) |
//   +---------------+---------------+-------------------------------+

import { ArgumentRangeError } from "../core/argument-error.ts";
import { trueOrFalse, wholeNumber } from "../core/arguments.ts";
import {
  PPP_ADDRESS,
  PPP_ADDRESS_CONTROL_LENGTH,
  PPP_CONTROL,
  PPP_PROTOCOL_LENGTH,
} from "../layout/link.layout.ts";
import { read16, write16 } from "./bytes.ts";
import { checkRange, type Fields, missing, type Parsed, parsed, room } from "./parsed.ts";

/** A PPP header. */
export interface PppHeader {
  /** 0x21 IPv4, 0x57 IPv6, 0x281 MPLS. */
  readonly protocol: number;
  /** Whether address and control stand in front. */
  readonly addressControl: boolean;
  /** Whether the protocol is one byte: it is odd and below 256 then. */
  readonly compressed: boolean;
}

/** A PPP header to be emitted: two bytes of protocol and nothing in front unless given. */
export type PppFields = Fields<PppHeader, "addressControl" | "compressed">;

/** Reads the PPP header at `offset`. */
export function parsePpp(bytes: Uint8Array, offset = 0, end: number = bytes.length): Parsed<PppHeader> {
  checkRange(bytes, offset, end);
  const short = missing(bytes, offset, end, 1, "ppp-truncated");
  if (short) return short;
  // 0xff is no protocol: whether the control byte is at hand is seen next.
  const addressControl = bytes[offset] === PPP_ADDRESS;
  const at = offset + (addressControl ? PPP_ADDRESS_CONTROL_LENGTH : 0);
  const cut = missing(bytes, offset, end, at + 1 - offset, "ppp-truncated");
  if (cut) return cut;
  const compressed = (bytes[at]! & 1) === 1;
  const payload = at + (compressed ? 1 : PPP_PROTOCOL_LENGTH);
  const more = missing(bytes, offset, end, payload - offset, "ppp-truncated");
  if (more) return more;
  const protocol = compressed ? bytes[at]! : read16(bytes, at);
  return parsed({ protocol, addressControl, compressed }, payload, end);
}

/** Bytes that {@link emitPpp} writes. */
export function pppLength({ addressControl, compressed }: Omit<PppFields, "protocol">): number {
  return (addressControl ? PPP_ADDRESS_CONTROL_LENGTH : 0) + (compressed ? 1 : PPP_PROTOCOL_LENGTH);
}

/** Writes a PPP header at `offset`; returns the offset behind it. */
export function emitPpp(header: PppFields, into: Uint8Array, offset = 0): number {
  const { addressControl = false, compressed = false } = header;
  const next = room(into, offset, pppLength(header));
  const protocol = wholeNumber("protocol", header.protocol, 0, 0xffff);
  if (trueOrFalse("compressed", compressed) && (protocol > 0xff || protocol % 2 === 0))
    throw new ArgumentRangeError(
      "out-of-range",
      "protocol",
      `expected an odd number below 256, got ${protocol}`,
    );
  let at = offset;
  if (trueOrFalse("addressControl", addressControl)) {
    into[at] = PPP_ADDRESS;
    into[at + 1] = PPP_CONTROL;
    at += PPP_ADDRESS_CONTROL_LENGTH;
  }
  if (compressed) into[at] = protocol;
  else write16(into, at, protocol);
  return next;
}
