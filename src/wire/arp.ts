// ARP (RFC 826). The address lengths are announced; for IPv4 over Ethernet they are 6 and 4, 28 bytes in all:
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +-------------------------------+-------------------------------+
//   |         hardware type         |         protocol type         |
//   +---------------+---------------+-------------------------------+
//   | hardware len. | protocol len. |           operation           |
//   +---------------+---------------+-------------------------------+
//   | sender hardware, sender protocol, target hardware, target protocol address
//   +---------------------------------------------------------------

import { type IpAddress, type MacAddress, parseIp, parseMac } from "../core/addresses.ts";
import { wholeNumber } from "../core/arguments.ts";
import {
  ARP_FIXED_LENGTH,
  ARP_HARDWARE_ETHERNET,
  ARP_HARDWARE_LENGTH,
  ARP_HARDWARE_TYPE,
  ARP_OPERATION,
  ARP_PROTOCOL_LENGTH,
  ARP_PROTOCOL_TYPE,
} from "../layout/arp.layout.ts";
import { ETHERTYPE_IPV4 } from "../layout/ethernet.layout.ts";
import { read16, write16 } from "./bytes.ts";
import { checkRange, missing, type Parsed, parsed, room } from "./parsed.ts";

/** An ARP packet as parsed. The addresses are views of the announced lengths, usually 6 and 4 bytes. */
export interface ArpHeader {
  /** 1 is Ethernet. */
  readonly hardwareType: number;
  /** An Ethernet type; 0x0800 is IPv4. */
  readonly protocolType: number;
  /** 1 asks, 2 answers. */
  readonly operation: number;
  readonly senderMac: Uint8Array;
  readonly senderIp: Uint8Array;
  readonly targetMac: Uint8Array;
  readonly targetIp: Uint8Array;
}

/** An ARP packet to be emitted; bytes of any length are taken as they are, sender and target alike. */
export interface ArpFields {
  /** Default 1, Ethernet. */
  readonly hardwareType?: number | undefined;
  /** Default 0x0800, IPv4. */
  readonly protocolType?: number | undefined;
  /** 1 asks, 2 answers. */
  readonly operation: number;
  readonly senderMac: MacAddress;
  readonly senderIp: IpAddress;
  readonly targetMac: MacAddress;
  readonly targetIp: IpAddress;
}

/** Reads the ARP packet at `offset`. Padding may follow it. */
export function parseArp(bytes: Uint8Array, offset = 0, end: number = bytes.length): Parsed<ArpHeader> {
  checkRange(bytes, offset, end);
  const short = missing(bytes, offset, end, ARP_FIXED_LENGTH, "arp-truncated");
  if (short) return short;
  const hardware = bytes[offset + ARP_HARDWARE_LENGTH]!;
  const protocol = bytes[offset + ARP_PROTOCOL_LENGTH]!;
  const cut = missing(bytes, offset, end, ARP_FIXED_LENGTH + 2 * (hardware + protocol), "arp-truncated");
  if (cut) return cut;
  const senderMac = offset + ARP_FIXED_LENGTH;
  const senderIp = senderMac + hardware;
  const targetMac = senderIp + protocol;
  const targetIp = targetMac + hardware;
  const header: ArpHeader = {
    hardwareType: read16(bytes, offset + ARP_HARDWARE_TYPE),
    protocolType: read16(bytes, offset + ARP_PROTOCOL_TYPE),
    operation: read16(bytes, offset + ARP_OPERATION),
    senderMac: bytes.subarray(senderMac, senderIp),
    senderIp: bytes.subarray(senderIp, targetMac),
    targetMac: bytes.subarray(targetMac, targetIp),
    targetIp: bytes.subarray(targetIp, targetIp + protocol),
  };
  return parsed(header, targetIp + protocol, end);
}

/** Bytes that {@link emitArp} writes. */
export function arpLength(header: ArpFields): number {
  const { senderMac, senderIp } = addresses(header);
  return ARP_FIXED_LENGTH + 2 * (senderMac.length + senderIp.length);
}

/** Writes an ARP packet at `offset`; returns the offset behind it. */
export function emitArp(header: ArpFields, into: Uint8Array, offset = 0): number {
  const { senderMac, senderIp, targetMac, targetIp } = addresses(header);
  const next = room(into, offset, ARP_FIXED_LENGTH + 2 * (senderMac.length + senderIp.length));
  const hardwareType = header.hardwareType ?? ARP_HARDWARE_ETHERNET;
  const protocolType = header.protocolType ?? ETHERTYPE_IPV4;
  write16(into, offset + ARP_HARDWARE_TYPE, wholeNumber("hardwareType", hardwareType, 0, 0xffff));
  write16(into, offset + ARP_PROTOCOL_TYPE, wholeNumber("protocolType", protocolType, 0, 0xffff));
  into[offset + ARP_HARDWARE_LENGTH] = wholeNumber("senderMac.length", senderMac.length, 0, 0xff);
  into[offset + ARP_PROTOCOL_LENGTH] = wholeNumber("senderIp.length", senderIp.length, 0, 0xff);
  write16(into, offset + ARP_OPERATION, wholeNumber("operation", header.operation, 0, 0xffff));
  let at = offset + ARP_FIXED_LENGTH;
  for (const address of [senderMac, senderIp, targetMac, targetIp]) {
    into.set(address, at);
    at += address.length;
  }
  return next;
}

function addresses(header: ArpFields): {
  senderMac: Uint8Array;
  senderIp: Uint8Array;
  targetMac: Uint8Array;
  targetIp: Uint8Array;
} {
  const mac = (name: string, value: MacAddress) =>
    value instanceof Uint8Array ? value : parseMac(name, value);
  const ip = (name: string, value: IpAddress) => (value instanceof Uint8Array ? value : parseIp(name, value));
  const senderMac = mac("senderMac", header.senderMac);
  const senderIp = ip("senderIp", header.senderIp);
  const targetMac = mac("targetMac", header.targetMac);
  const targetIp = ip("targetIp", header.targetIp);
  wholeNumber("targetMac.length", targetMac.length, senderMac.length, senderMac.length);
  wholeNumber("targetIp.length", targetIp.length, senderIp.length, senderIp.length);
  return { senderMac, senderIp, targetMac, targetIp };
}
