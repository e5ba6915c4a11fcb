// Linux cooked captures, version 1 (LINKTYPE_LINUX_SLL) and 2 (LINKTYPE_LINUX_SLL2):
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +-------------------------------+-------------------------------+
//   |          packet type          |     interface's ARPHRD type   |   1
//   +-------------------------------+-------------------------------+
//   |        address length         |   address, 8 bytes
//   +-------------------------------+-------------------------------+
//            ... |           protocol            |
//   +-------------------------------+-------------------------------+
//   |           protocol            |           reserved            |   2
//   +-------------------------------+-------------------------------+
//   |                          interface index                      |
//   +-------------------------------+---------------+---------------+
//   |    interface's ARPHRD type    |  packet type  | address length|
//   +-------------------------------+---------------+---------------+
//   |   address, 8 bytes
//   +----------------------------------------------------------------

import { ArgumentRangeError } from "../core/argument-error.ts";
import { byteArray } from "../core/arguments.ts";
import { SLL_LENGTH, SLL2_LENGTH } from "../layout/link.layout.ts";
import { type BitTable, readBits, writeBits } from "./bit-fields.ts";
import { checkRange, type Fields, missing, type Parsed, parsed, room } from "./parsed.ts";

/** What a cooked frame says of the one it was made of. */
export interface SllHeader {
  /** 0 to us, 1 broadcast, 2 multicast, 3 to somebody else, 4 from us. */
  readonly packetType: number;
  /** Type of the interface (Linux if_arp.h): 1 is Ethernet, 772 loopback. */
  readonly hardwareType: number;
  /** Bytes of the sender's address; more than 8 are not there. */
  readonly addressLength: number;
  /** Eight bytes, those of the sender's address first; a view when parsed. */
  readonly address: Uint8Array;
  /** An Ethernet type, for most types of interface. */
  readonly protocol: number;
}

/** The same of version 2. */
export interface Sll2Header extends SllHeader {
  /** Number of the interface on the host that captured. */
  readonly interfaceIndex: number;
}

/** A cooked header to be emitted: to us, by an Ethernet, from nobody unless given. */
export type SllFields = Fields<SllHeader, "packetType" | "hardwareType" | "addressLength" | "address">;

/** The same of version 2. */
export type Sll2Fields = Fields<Sll2Header, Exclude<keyof Sll2Header, "protocol">>;

const ADDRESS_LENGTH = 8;
const SLL_ADDRESS = 6;
const SLL2_ADDRESS = 12;

const SLL: BitTable<Omit<SllHeader, "address">> = {
  packetType: [0, 16, 0],
  hardwareType: [16, 16, 1],
  addressLength: [32, 16, 0],
  protocol: [112, 16],
};

const SLL2: BitTable<Omit<Sll2Header, "address">> = {
  protocol: [0, 16],
  interfaceIndex: [32, 32, 0],
  hardwareType: [64, 16, 1],
  packetType: [80, 8, 0],
  addressLength: [88, 8, 0],
};

/** Reads the cooked header of version 1 at `offset`. */
export function parseSll(bytes: Uint8Array, offset = 0, end: number = bytes.length): Parsed<SllHeader> {
  checkRange(bytes, offset, end);
  const short = missing(bytes, offset, end, SLL_LENGTH, "sll-truncated");
  if (short) return short;
  const address = bytes.subarray(offset + SLL_ADDRESS, offset + SLL_ADDRESS + ADDRESS_LENGTH);
  return parsed({ ...readBits(SLL, bytes, offset), address }, offset + SLL_LENGTH, end);
}

/** Reads the cooked header of version 2 at `offset`. */
export function parseSll2(bytes: Uint8Array, offset = 0, end: number = bytes.length): Parsed<Sll2Header> {
  checkRange(bytes, offset, end);
  const short = missing(bytes, offset, end, SLL2_LENGTH, "sll-truncated");
  if (short) return short;
  const address = bytes.subarray(offset + SLL2_ADDRESS, offset + SLL2_ADDRESS + ADDRESS_LENGTH);
  return parsed({ ...readBits(SLL2, bytes, offset), address }, offset + SLL2_LENGTH, end);
}

/** Writes a cooked header of version 1 at `offset`; returns the offset behind it. */
export function emitSll(header: SllFields, into: Uint8Array, offset = 0): number {
  return emitCooked(SLL, SLL_LENGTH, SLL_ADDRESS, header, into, offset);
}

/** Writes a cooked header of version 2 at `offset`; returns the offset behind it. */
export function emitSll2(header: Sll2Fields, into: Uint8Array, offset = 0): number {
  return emitCooked(SLL2, SLL2_LENGTH, SLL2_ADDRESS, header, into, offset);
}

function emitCooked(
  table: object,
  length: number,
  addressAt: number,
  header: SllFields,
  into: Uint8Array,
  offset: number,
): number {
  const { address } = header;
  const next = room(into, offset, length);
  into.fill(0, offset, next);
  writeBits(table, header, into, offset);
  if (address === undefined) return next;
  if (byteArray("address", address).length !== ADDRESS_LENGTH)
    throw new ArgumentRangeError("out-of-range", "address", `expected 8 bytes, got ${address.length}`);
  into.set(address, offset + addressAt);
  return next;
}
