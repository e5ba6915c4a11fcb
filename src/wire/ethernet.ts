// Ethernet II and IEEE 802.3 (clause 3.1.1), without preamble and frame check sequence.
//
//   +-------------------+-------------------+--------------+------------
//   | destination (6)   | source (6)        | type or      | payload
//   |                   |                   | length (2)   |
//   +-------------------+-------------------+--------------+------------
//
// A type below 0x0600 is the payload's length, and an LLC header follows.

import type { MacAddress } from "../core/addresses.ts";
import { wholeNumber } from "../core/arguments.ts";
import {
  ETHERNET_DESTINATION,
  ETHERNET_LENGTH,
  ETHERNET_SOURCE,
  ETHERNET_TYPE,
  ETHERTYPE_MINIMUM,
  MAC_LENGTH,
} from "../layout/ethernet.layout.ts";
import { macBytes } from "./address-bytes.ts";
import { read16, write16 } from "./bytes.ts";
import { checkRange, endAt, type LengthOptions, missing, type Parsed, parsed, room } from "./parsed.ts";

/** An Ethernet header as parsed. */
export interface EthernetHeader {
  /** Six bytes, a view. */
  readonly destination: Uint8Array;
  /** Six bytes, a view. */
  readonly source: Uint8Array;
  /** What follows; below 0x0600 the length in bytes of what follows (IEEE 802.3). */
  readonly etherType: number;
}

/** An Ethernet header to be emitted; every {@link EthernetHeader} is one. */
export interface EthernetFields {
  readonly destination: MacAddress;
  readonly source: MacAddress;
  readonly etherType: number;
}

/** Reads the Ethernet header at `offset`. An IEEE 802.3 length shortens the payload. */
export function parseEthernet(
  bytes: Uint8Array,
  offset = 0,
  end: number = bytes.length,
  options: LengthOptions = {},
): Parsed<EthernetHeader> {
  checkRange(bytes, offset, end);
  const short = missing(bytes, offset, end, ETHERNET_LENGTH, "ethernet-truncated");
  if (short) return short;
  const header: EthernetHeader = {
    destination: bytes.subarray(offset + ETHERNET_DESTINATION, offset + ETHERNET_DESTINATION + MAC_LENGTH),
    source: bytes.subarray(offset + ETHERNET_SOURCE, offset + ETHERNET_SOURCE + MAC_LENGTH),
    etherType: read16(bytes, offset + ETHERNET_TYPE),
  };
  return endByLength(
    header,
    header.etherType,
    offset + ETHERNET_LENGTH,
    end,
    options,
    offset + ETHERNET_TYPE,
  );
}

/** Writes an Ethernet header at `offset`; returns the offset behind it. */
export function emitEthernet(header: EthernetFields, into: Uint8Array, offset = 0): number {
  const next = room(into, offset, ETHERNET_LENGTH);
  into.set(macBytes("destination", header.destination), offset + ETHERNET_DESTINATION);
  into.set(macBytes("source", header.source), offset + ETHERNET_SOURCE);
  write16(into, offset + ETHERNET_TYPE, wholeNumber("etherType", header.etherType, 0, 0xffff));
  return next;
}

/** Ends the payload where an IEEE 802.3 length says so: it stands in the last type field before the LLC header. */
export function endByLength<Header>(
  header: Header,
  etherType: number,
  payload: number,
  end: number,
  options: LengthOptions,
  field: number,
): Parsed<Header> {
  if (etherType >= ETHERTYPE_MINIMUM) return parsed(header, payload, end);
  return endAt(header, payload, payload + etherType, end, options, field, "ethernet-length");
}
