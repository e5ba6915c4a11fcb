// L2TPv3, data messages over IP (RFC 3931 §4.1.1.1), and over UDP (§4.1.2.1) with four bytes in front:
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +-+---------------------+-------+-------------------------------+
//   |T|       reserved      | ver=3 |           reserved            |   over UDP
//   +-+---------------------+-------+-------------------------------+
//   |                            session                            |
//   +---------------------------------------------------------------+
//   |              cookie, as agreed: 0, 4 or 8 bytes
//   +-+-+-----------+-----------------------------------------------+
//   |x|S|     x     |               sequence number                 |   the sublayer (§4.6), as agreed
//   +-+-+-----------+-----------------------------------------------+

import { ArgumentRangeError } from "../core/argument-error.ts";
import { byteArray, oneOf, wholeNumber } from "../core/arguments.ts";
import {
  L2TP_FLAG_CONTROL,
  L2TP_VERSION_3,
  L2TP_VERSION_MASK,
  L2TPV3_COOKIE_UNIT,
  L2TPV3_SESSION_LENGTH,
  L2TPV3_UDP_LENGTH,
} from "../layout/l2tp.layout.ts";
import { read16, read32, write32 } from "./bytes.ts";
import { checkRange, type Fields, missing, type Parsed, parsed, room, stopped } from "./parsed.ts";

/** Bytes of the longest cookie. */
const COOKIE_MAXIMUM = 8;
const SUBLAYER_LENGTH = 4;
/** Of the sublayer as a number. */
const SUBLAYER_SEQUENCE = 0x40000000;
const SEQUENCE_MASK = 0x00ffffff;

/** What the default sublayer says. */
export interface L2tpv3Sublayer {
  /** 24 bits; undefined if the S flag is clear. */
  readonly sequence: number | undefined;
}

/** An L2TPv3 header. */
export interface L2tpv3Header {
  readonly over: "ip" | "udp";
  /** A control message: nothing but the session is read of it. */
  readonly control: boolean;
  /** 32 bits; 0 over IP is a control message. */
  readonly session: number;
  /** 0, 4 or 8 bytes; a view when parsed. */
  readonly cookie: Uint8Array;
  /** Present if it was read. */
  readonly sublayer?: L2tpv3Sublayer | undefined;
}

/** An L2TPv3 header to be emitted: over IP, a data message, without cookie and sublayer unless given. */
export type L2tpv3Fields = Fields<L2tpv3Header, "over" | "control" | "cookie">;

/** Settings of {@link parseL2tpv3}: what both ends agreed on, since no bit of a packet says it. */
export interface L2tpv3Options {
  /** Default `ip`. */
  readonly over?: "ip" | "udp" | undefined;
  /** Bytes of the cookie. Default 0. */
  readonly cookie?: 0 | 4 | 8 | undefined;
  /** Whether the default sublayer is there. Default false. */
  readonly sublayer?: boolean | undefined;
}

/** Reads the L2TPv3 header at `offset`. */
export function parseL2tpv3(
  bytes: Uint8Array,
  offset = 0,
  end: number = bytes.length,
  options: L2tpv3Options = {},
): Parsed<L2tpv3Header> {
  checkRange(bytes, offset, end);
  const over = oneOf("options.over", options.over ?? "ip", ["ip", "udp"]);
  const sessionAt = offset + (over === "udp" ? L2TPV3_UDP_LENGTH : 0);
  let control = false;
  if (over === "udp") {
    const short = missing(bytes, offset, end, L2TPV3_UDP_LENGTH, "l2tpv3-truncated");
    if (short) return short;
    const flags = read16(bytes, offset);
    if ((flags & L2TP_VERSION_MASK) !== L2TP_VERSION_3) return stopped(offset + 1, "l2tpv3-version");
    control = (flags & L2TP_FLAG_CONTROL) !== 0;
  }
  const short = missing(bytes, offset, end, sessionAt + L2TPV3_SESSION_LENGTH - offset, "l2tpv3-truncated");
  if (short) return short;
  const session = read32(bytes, sessionAt);
  const cookieAt = sessionAt + L2TPV3_SESSION_LENGTH;
  control ||= over === "ip" && session === 0;
  if (control)
    return parsed({ over, control, session, cookie: bytes.subarray(cookieAt, cookieAt) }, cookieAt, end);
  const sublayerAt = cookieAt + (options.cookie ?? 0);
  const payload = sublayerAt + (options.sublayer ? SUBLAYER_LENGTH : 0);
  const cut = missing(bytes, offset, end, payload - offset, "l2tpv3-truncated");
  if (cut) return cut;
  const header = { over, control, session, cookie: bytes.subarray(cookieAt, sublayerAt) };
  if (payload === sublayerAt) return parsed(header, payload, end);
  const word = read32(bytes, sublayerAt);
  const sequence = (word & SUBLAYER_SEQUENCE) !== 0 ? word & SEQUENCE_MASK : undefined;
  return parsed({ ...header, sublayer: { sequence } }, payload, end);
}

/** Bytes that {@link emitL2tpv3} writes. */
export function l2tpv3Length({
  over,
  cookie,
  sublayer,
}: Pick<L2tpv3Fields, "over" | "cookie" | "sublayer">): number {
  const front = over === "udp" ? L2TPV3_UDP_LENGTH : 0;
  return front + L2TPV3_SESSION_LENGTH + (cookie?.length ?? 0) + (sublayer ? SUBLAYER_LENGTH : 0);
}

/** Writes an L2TPv3 header at `offset`; returns the offset behind it. */
export function emitL2tpv3(header: L2tpv3Fields, into: Uint8Array, offset = 0): number {
  const { over = "ip", control = false, cookie = new Uint8Array(0), sublayer } = header;
  byteArray("cookie", cookie);
  if (cookie.length % L2TPV3_COOKIE_UNIT !== 0 || cookie.length > COOKIE_MAXIMUM)
    throw new ArgumentRangeError("out-of-range", "cookie", `expected 0, 4 or 8 bytes, got ${cookie.length}`);
  const next = room(into, offset, l2tpv3Length(header));
  let at = offset;
  if (oneOf("over", over, ["ip", "udp"]) === "udp") {
    write32(into, at, ((control ? L2TP_FLAG_CONTROL : 0) | L2TP_VERSION_3) * 0x10000);
    at += L2TPV3_UDP_LENGTH;
  }
  write32(into, at, wholeNumber("session", header.session, 0, 0xffffffff));
  into.set(cookie, at + L2TPV3_SESSION_LENGTH);
  at += L2TPV3_SESSION_LENGTH + cookie.length;
  if (sublayer === undefined) return next;
  const { sequence } = sublayer;
  const number = wholeNumber("sublayer.sequence", sequence ?? 0, 0, SEQUENCE_MASK);
  write32(into, at, sequence === undefined ? 0 : SUBLAYER_SEQUENCE | number);
  return next;
}
