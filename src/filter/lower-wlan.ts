// Link headers beside Ethernet's, where a filter asks for more of them than what they carry: the addresses of 802.11, and
// LLC. Which address stands where in an 802.11 header, its type and the ways to and from a distribution system say.

import { LINK_RADIOTAP, LINK_WLAN } from "../layout/link.layout.ts";
import { all, any, begins, type Formula, field, LINK_HEADER, not } from "./formula.ts";
import { type Place, TYPE_LENGTH_MOST, withHeader } from "./place.ts";
import { syntaxError } from "./syntax-error.ts";
import type { Direction, Tree, WlanAddress } from "./tree.ts";
import { WLAN_ADDRESSES } from "./words.ts";

const CONTROL = 0;
const FLAGS = 1;
/** Bits of the control byte: both are zero in management frames. */
const IS_CONTROL = 0x04;
const IS_DATA = 0x08;
const TYPE = IS_CONTROL | IS_DATA;
const SUBTYPE = 0xf0;
const SUBTYPE_CTS = 0xc0;
const SUBTYPE_ACK = 0xd0;
const TO_DS = 0x01;
const FROM_DS = 0x02;

const SAP_NONE = 0xffff;
/** The control byte of LLC with a SNAP header behind it, which says a type: where that was read, it was this. */
const UNNUMBERED = 0x03;

// None of these is a guard: an answer that is remembered would double all that stands behind an address.
function flag(offset: number, bit: number): Formula {
  return field(LINK_HEADER, offset, 1, bit, bit);
}

/** One of two, by a bit. */
function either(offset: number, bit: number, is: Formula, isNot: Formula): Formula {
  return any(all(flag(offset, bit), is), all(not(flag(offset, bit)), isNot));
}

const isControl: Formula = field(LINK_HEADER, CONTROL, 1, IS_CONTROL, TYPE);
const isSubtype = (subtype: number): Formula => field(LINK_HEADER, CONTROL, 1, subtype, SUBTYPE);

type AddressAt = (start: number) => Formula;

/** Where libpcap looks for each address. */
const ADDRESSES: Readonly<Record<"src" | "dst" | WlanAddress, (at: AddressAt) => Formula>> = {
  src: (at) =>
    all(
      not(flag(CONTROL, IS_CONTROL)),
      either(CONTROL, IS_DATA, either(FLAGS, FROM_DS, either(FLAGS, TO_DS, at(24), at(16)), at(10)), at(10)),
    ),
  dst: (at) =>
    all(not(flag(CONTROL, IS_CONTROL)), either(CONTROL, IS_DATA, either(FLAGS, TO_DS, at(16), at(4)), at(4))),
  ra: (at) => all(flag(CONTROL, IS_DATA), at(4)),
  ta: (at) => all(flag(CONTROL, IS_DATA), at(10)),
  addr1: (at) => at(4),
  addr2: (at) => all(not(all(isControl, any(isSubtype(SUBTYPE_CTS), isSubtype(SUBTYPE_ACK)))), at(10)),
  addr3: (at) => all(not(isControl), at(16)),
  addr4: (at) => all(field(LINK_HEADER, FLAGS, 1, TO_DS | FROM_DS, TO_DS | FROM_DS), at(24)),
};

export function isWlanAddress(direction: Direction | undefined): direction is WlanAddress {
  return direction !== undefined && WLAN_ADDRESSES.includes(direction);
}

/** Whether a frame of 802.11 has an address there of which this holds. */
export function ofWlan(which: "src" | "dst" | WlanAddress, at: AddressAt): Formula {
  return all(begins(LINK_WLAN, LINK_RADIOTAP), ADDRESSES[which](at));
}

/** What holds of an Ethernet header, or else of an 802.11 header, if the frame begins with one. */
export function withLinkHeader(place: Place, ethernet: Formula, wlan: Formula): Formula {
  const is = withHeader(place, ethernet);
  return place.tunnel === "link" ? any(is, wlan) : is;
}

/** LLC instead of an EtherType; all data frames of 802.11 have it, and only SNAP's was passed over. */
export function lowerLlc(place: Place, { value, mask, at }: Extract<Tree, { kind: "llc" }>): Formula {
  if (place.link === "ppp") throw syntaxError(at, "behind pppoes there is no llc");
  const isType = field(place.type, 0, 2, TYPE_LENGTH_MOST, 0xffff, ">");
  const control: readonly Formula[] = mask === 0 ? [] : [field(place.payload, 2, 1, value, mask)];
  const ethernet = all(not(isType), not(field(place.payload, 0, 2, SAP_NONE)), ...control);
  const isSnap: readonly Formula[] = (UNNUMBERED & mask) === value ? [isType] : [];
  const wlan = all(
    begins(LINK_WLAN, LINK_RADIOTAP),
    not(flag(CONTROL, IS_CONTROL)),
    flag(CONTROL, IS_DATA),
    ...(mask === 0 ? [] : [any(...isSnap, all(not(isType), ...control))]),
  );
  return withLinkHeader(place, ethernet, wlan);
}
