// VLAN tags (IEEE 802.1Q clause 9, 802.1ad), seen from behind the TPID, which is the type in the header before:
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +-----+-+-----------------------+-------------------------------+
//   | PCP |D|          VID          |        type or length         |
//   +-----+-+-----------------------+-------------------------------+

import { trueOrFalse, wholeNumber } from "../core/arguments.ts";
import {
  TPID_CUSTOMER,
  TPID_LEGACY,
  TPID_SERVICE,
  VLAN_DEI_BIT,
  VLAN_HEADER_LENGTH,
  VLAN_HEADER_TCI,
  VLAN_HEADER_TYPE,
  VLAN_PCP_MAXIMUM,
  VLAN_PCP_SHIFT,
  VLAN_VID_MASK,
} from "../layout/vlan.layout.ts";
import { read16, write16 } from "./bytes.ts";
import { endByLength } from "./ethernet.ts";
import { checkRange, type Fields, type LengthOptions, missing, type Parsed, room } from "./parsed.ts";

/** A VLAN tag and the type behind it. */
export interface VlanHeader {
  /** 0x8100, 0x88a8 or 0x9100: the type of the header before. */
  readonly tpid: number;
  /** Priority code point, 0 to 7. */
  readonly pcp: number;
  /** Drop eligible indicator. */
  readonly dei: boolean;
  /** VLAN identifier, 0 to 4095; 0 is a priority tag only, 4095 is reserved. */
  readonly vid: number;
  /** What follows; below 0x0600 the length in bytes of what follows (IEEE 802.3). */
  readonly etherType: number;
}

/** A VLAN tag to be emitted: PCP 0 and DEI false unless given. */
export type VlanFields = Fields<VlanHeader, "tpid" | "pcp" | "dei">;

/** Settings of {@link parseVlan}. */
export interface VlanOptions extends LengthOptions {
  /** The type that announced the tag; copied into the header. Default 0x8100. */
  readonly tpid?: number | undefined;
}

/** Whether an Ethernet type announces a VLAN tag. */
export function isTpid(etherType: number): boolean {
  return etherType === TPID_CUSTOMER || etherType === TPID_SERVICE || etherType === TPID_LEGACY;
}

/** Reads the tag whose TCI stands at `offset`, right behind the TPID. */
export function parseVlan(
  bytes: Uint8Array,
  offset = 0,
  end: number = bytes.length,
  options: VlanOptions = {},
): Parsed<VlanHeader> {
  checkRange(bytes, offset, end);
  const short = missing(bytes, offset, end, VLAN_HEADER_LENGTH, "vlan-truncated");
  if (short) return short;
  const tci = read16(bytes, offset + VLAN_HEADER_TCI);
  const header: VlanHeader = {
    tpid: options.tpid ?? TPID_CUSTOMER,
    pcp: tci >>> VLAN_PCP_SHIFT,
    dei: (tci & VLAN_DEI_BIT) !== 0,
    vid: tci & VLAN_VID_MASK,
    etherType: read16(bytes, offset + VLAN_HEADER_TYPE),
  };
  const payload = offset + VLAN_HEADER_LENGTH;
  return endByLength(header, header.etherType, payload, end, options, offset + VLAN_HEADER_TYPE);
}

/** Writes TCI and type at `offset`; the TPID belongs to the header before. Returns the offset behind the type. */
export function emitVlan(header: VlanFields, into: Uint8Array, offset = 0): number {
  const next = room(into, offset, VLAN_HEADER_LENGTH);
  const pcp = wholeNumber("pcp", header.pcp ?? 0, 0, VLAN_PCP_MAXIMUM);
  const dei = trueOrFalse("dei", header.dei ?? false) ? VLAN_DEI_BIT : 0;
  const vid = wholeNumber("vid", header.vid, 0, VLAN_VID_MASK);
  write16(into, offset + VLAN_HEADER_TCI, (pcp << VLAN_PCP_SHIFT) | dei | vid);
  write16(into, offset + VLAN_HEADER_TYPE, wholeNumber("etherType", header.etherType, 0, 0xffff));
  return next;
}
