// What no bit of a packet says, and everybody guesses: what an MPLS label or an L2TPv3 session carries.

import {
  ETHERNET_LENGTH,
  ETHERNET_TYPE,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  ETHERTYPE_MINIMUM,
} from "../layout/ethernet.layout.ts";
import { PSEUDOWIRE_CHANNEL, PSEUDOWIRE_DATA } from "../layout/mpls.layout.ts";
import { read16, read32 } from "../wire/bytes.ts";
import { type L2tpv3Header, type L2tpv3Options, parseL2tpv3 } from "../wire/l2tpv3.ts";
import type { MplsHeader } from "../wire/mpls.ts";
import type { Parsed } from "../wire/parsed.ts";
import { BY_ETHERTYPE } from "./announced.ts";
import { ETHERNET, type Here, IPV4, IPV6, type Next, unread, type Walk } from "./walk.ts";

const MPLS: Here = { name: "mpls" };
const CONTROL_WORD: Here = { name: "control-word" };

/** Labels that say what lies behind the bottom of the stack (RFC 3032 §2.1, RFC 5586 §4). */
const LABELS: ReadonlyMap<number, Next> = new Map<number, Next>([
  [0, IPV4],
  [2, IPV6],
  [13, unread()],
]);

/** Bytes that Ethernet pads a frame to, without the check sequence. */
const SHORTEST = 60;

/**
 * What follows a label: another, or at the bottom an IP packet if the first four bits are 4 or 6; a control word and a
 * frame if they are 0, unless a frame makes sense there; messages if they are 1,
 * unless a frame makes sense there; else a frame.
 */
export function behindLabel({ label, bottom }: MplsHeader, { frame, offset, end }: Walk): Next {
  if (!bottom) return MPLS;
  const known = LABELS.get(label);
  if (known !== undefined) return known;
  if (offset >= frame.length) return unread();
  const nibble = frame[offset]! >>> 4;
  if (nibble === 4) return IPV4;
  if (nibble === 6) return IPV6;
  if (nibble === PSEUDOWIRE_DATA) {
    // A type four bytes further on may be the one behind a tag. An address that begins with four zeroes is nobody's.
    const direct = makesSense(frame, offset, end) && read32(frame, offset) !== 0;
    return direct ? ETHERNET : CONTROL_WORD;
  }
  return nibble === PSEUDOWIRE_CHANNEL && !makesSense(frame, offset, end) ? unread() : ETHERNET;
}

/** Cookies and sublayers that ends of an L2TPv3 session may have agreed on, in the order in which they are tried. */
const AGREEMENTS: readonly L2tpv3Options[] = [
  { cookie: 0, sublayer: false },
  { cookie: 0, sublayer: true },
  { cookie: 4, sublayer: false },
  { cookie: 4, sublayer: true },
  { cookie: 8, sublayer: false },
  { cookie: 8, sublayer: true },
];

/** Reads an L2TPv3 header as the first agreement has it behind which a frame makes sense; without cookie if none does. */
export function parseSession(
  bytes: Uint8Array,
  offset: number,
  end: number,
  over: "ip" | "udp",
): Parsed<L2tpv3Header> {
  for (const agreement of AGREEMENTS) {
    const result = parseL2tpv3(bytes, offset, end, { ...agreement, over });
    if (result.ok && makesSense(bytes, result.payload, end)) return result;
  }
  return parseL2tpv3(bytes, offset, end, { over });
}

/** What follows an L2TPv3 header. */
export function behindSession({ control }: L2tpv3Header, { frame, offset, end }: Walk): Next {
  return !control && makesSense(frame, offset, end) ? ETHERNET : unread();
}

/** Whether an Ethernet frame may begin here: of a type that is read, and is what it says, or of a length that fits. */
function makesSense(frame: Uint8Array, offset: number, end: number): boolean {
  const behind = offset + ETHERNET_LENGTH;
  if (behind > Math.min(frame.length, end)) return false;
  const type = read16(frame, offset + ETHERNET_TYPE);
  if (type < ETHERTYPE_MINIMUM)
    return type > 0 && type <= end - behind && Math.max(type, SHORTEST) >= end - behind;
  if (!BY_ETHERTYPE.has(type)) return false;
  if (behind === frame.length) return true;
  if (type === ETHERTYPE_IPV4) return frame[behind]! >>> 4 === 4;
  return type !== ETHERTYPE_IPV6 || frame[behind]! >>> 4 === 6;
}
