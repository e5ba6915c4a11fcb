// Where the headers of a TCP or UDP frame lie that stands for many segments, or may be one of them.

import { VNI_NONE } from "../src/layout/descriptor.layout";
import { ETHERNET_LENGTH, ETHERNET_TYPE } from "../src/layout/ethernet.layout";
import {
  IP_PROTOCOL_TCP,
  IP_PROTOCOL_UDP,
  IPV4_FRAGMENT,
  IPV4_LENGTH,
  IPV4_PROTOCOL,
  IPV4_SOURCE,
  IPV4_TOTAL_LENGTH,
} from "../src/layout/ipv4.layout";
import {
  IPV6_DESTINATION_OPTIONS,
  IPV6_EXTENSION_NEXT_HEADER,
  IPV6_EXTENSION_UNIT,
  IPV6_EXTENSION_UNITS,
  IPV6_HOP_BY_HOP,
  IPV6_LENGTH,
  IPV6_NEXT_HEADER,
  IPV6_PAYLOAD_LENGTH,
  IPV6_ROUTING,
  IPV6_SOURCE,
} from "../src/layout/ipv6.layout";
import {
  RECORD_FRAME_LENGTH,
  RECORD_MARK,
  RECORD_PORT,
  RECORD_TIME,
  RECORD_TOTAL,
  RECORD_VNI,
  RECORD_WIRE_LENGTH,
} from "../src/layout/ring.layout";
import { TCP_LENGTH, TCP_OFFSET_FLAGS } from "../src/layout/tcp.layout";
import { UDP_LENGTH } from "../src/layout/udp.layout";
import { VLAN_LENGTH } from "../src/layout/vlan.layout";
import { swapped16 } from "./byte-order";
import { sum } from "./checksum";
import { FRAGMENT_BITS } from "./flow-hash";
import { isTag } from "./vlan";

const TYPE_IPV4: u32 = 0x0008; // as a little-endian load sees 0x0800
const TYPE_IPV6: u32 = 0xdd86;
const TAGS_MOST = 2;
const EXTENSIONS_MOST = 8;

/** Of the frame that was looked at last, from its first byte: the IP header, that of TCP or UDP, the payload and its end. */
export let ipAt: u32 = 0;
export let transportAt: u32 = 0;
export let payloadAt: u32 = 0;
export let payloadEnd: u32 = 0;
export let isIpv6: bool = false;
export let isTcp: bool = false;

/** Finds them; false if it is none, or not whole. */
export function findHeaders(frame: usize, length: u32): bool {
  if (length < <u32>ETHERNET_LENGTH + IPV4_LENGTH) return false;
  let type: u32 = load<u16>(frame, ETHERNET_TYPE);
  let ip: u32 = ETHERNET_LENGTH;
  for (let tags = 0; tags < TAGS_MOST && isTag(type); tags++) {
    if (length < ip + VLAN_LENGTH + IPV4_LENGTH) return false;
    type = load<u16>(frame + ip, 2);
    ip += VLAN_LENGTH;
  }
  const packet: usize = frame + ip;
  const present = length - ip;
  let headers: u32 = 0;
  let protocol: u32 = 0;
  let said: u32 = 0;
  if (type === TYPE_IPV4) {
    const first: u32 = load<u8>(packet);
    headers = (first & 15) << 2;
    if (first >>> 4 !== 4 || headers < <u32>IPV4_LENGTH) return false;
    if ((load<u16>(packet, IPV4_FRAGMENT) & FRAGMENT_BITS) !== 0) return false;
    protocol = load<u8>(packet, IPV4_PROTOCOL);
    said = swapped16(load<u16>(packet, IPV4_TOTAL_LENGTH));
    isIpv6 = false;
  } else if (type === TYPE_IPV6 && present >= <u32>IPV6_LENGTH && load<u8>(packet) >>> 4 === 6) {
    headers = IPV6_LENGTH;
    protocol = load<u8>(packet, IPV6_NEXT_HEADER);
    said = IPV6_LENGTH + swapped16(load<u16>(packet, IPV6_PAYLOAD_LENGTH));
    for (let passed = 0; passed < EXTENSIONS_MOST && isExtension(protocol); passed++) {
      if (present < headers + IPV6_EXTENSION_UNIT) return false;
      protocol = load<u8>(packet + headers, IPV6_EXTENSION_NEXT_HEADER);
      headers += (<u32>load<u8>(packet + headers, IPV6_EXTENSION_UNITS) + 1) * IPV6_EXTENSION_UNIT;
    }
    isIpv6 = true;
  } else {
    return false;
  }
  if (said > present) return false;
  const transport: usize = packet + headers;
  ipAt = ip;
  transportAt = ip + headers;
  payloadEnd = ip + said;
  if (protocol === IP_PROTOCOL_TCP) {
    if (said < headers + TCP_LENGTH) return false;
    const own: u32 = (<u32>load<u8>(transport, TCP_OFFSET_FLAGS) >>> 4) << 2;
    if (own < <u32>TCP_LENGTH || said < headers + own) return false;
    isTcp = true;
    payloadAt = transportAt + own;
    return true;
  }
  if (protocol !== IP_PROTOCOL_UDP || said < headers + UDP_LENGTH) return false;
  isTcp = false;
  payloadAt = transportAt + UDP_LENGTH;
  return true;
}

/** What may stand between IPv6 and TCP in every segment, and is the same in all. */
function isExtension(protocol: u32): bool {
  return protocol === IPV6_HOP_BY_HOP || protocol === IPV6_ROUTING || protocol === IPV6_DESTINATION_OPTIONS;
}

/** The sum over the pseudo-header in front of `length` bytes of TCP or UDP, of the packet whose header begins at `packet`. */
export function pseudoSum(packet: usize, ipv6: bool, tcp: bool, length: u32): u64 {
  const addresses = ipv6 ? sum(packet + IPV6_SOURCE, 32) : sum(packet + IPV4_SOURCE, 8);
  const protocol: u32 = tcp ? IP_PROTOCOL_TCP : IP_PROTOCOL_UDP;
  return addresses + ((<u64>protocol) << 8) + <u64>swapped16(length);
}

/** The header of a record of `total` bytes: of its frame nothing is known but lengths. */
export function writeRecord(record: usize, total: u32, length: u32, wire: u32): void {
  store<u32>(record, total, RECORD_TOTAL);
  store<u32>(record, length, RECORD_FRAME_LENGTH);
  store<u32>(record, wire, RECORD_WIRE_LENGTH);
  store<u32>(record, 0, RECORD_MARK);
  store<u32>(record, VNI_NONE, RECORD_VNI);
  store<u32>(record, 0, RECORD_PORT);
  store<u64>(record, 0, RECORD_TIME);
}
