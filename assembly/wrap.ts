// Encapsulation by any template: outer tags, IPv6, checksums, Geneve options, GRE, or the tunnel header alone.

import {
  DESCRIPTOR_FLOOR,
  DESCRIPTOR_FLOW_HASH,
  DESCRIPTOR_FRAME_LENGTH,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_LINK,
  DESCRIPTOR_OFFSET,
  DESCRIPTOR_TRAILER,
  DESCRIPTOR_VERDICT,
  DESCRIPTOR_VNI,
  DESCRIPTOR_WIRE_LENGTH,
  VERDICT_FORWARD,
  VNI_NONE,
} from "../src/layout/descriptor.layout";
import {
  DROP_CUT_BY_CAPTURE,
  DROP_FRAME_TOO_LONG,
  DROP_FRAME_TOO_SHORT,
  DROP_NO_HEADROOM,
  DROP_NONE,
  DROP_NOT_ETHERNET,
} from "../src/layout/drop.layout";
import { ETHERNET_LENGTH } from "../src/layout/ethernet.layout";
import { IPV4_CHECKSUM, IPV4_TOTAL_LENGTH } from "../src/layout/ipv4.layout";
import { IPV6_LENGTH, IPV6_PAYLOAD_LENGTH } from "../src/layout/ipv6.layout";
import { LINK_ETHERNET } from "../src/layout/link.layout";
import {
  ENCAPSULATE_FLOW_ID,
  ENCAPSULATE_GRE_CHECKSUM,
  ENCAPSULATE_HEADER_LENGTH,
  ENCAPSULATE_IP_OFFSET,
  ENCAPSULATE_IP_SUM,
  ENCAPSULATE_IPV6,
  ENCAPSULATE_NUMBER,
  ENCAPSULATE_NUMBER_SHIFT,
  ENCAPSULATE_SEED,
  ENCAPSULATE_STRIP_ALL,
  ENCAPSULATE_STRIP_TAG,
  ENCAPSULATE_TEMPLATE,
  ENCAPSULATE_UDP_CHECKSUM,
  ENCAPSULATE_UDP_OFFSET,
  ENCAPSULATE_UDP_SUM,
  INHERIT,
  STAGE_FLAGS,
} from "../src/layout/stage.layout";
import { UDP_CHECKSUM, UDP_TOTAL_LENGTH } from "../src/layout/udp.layout";
import { SOURCE_PORT_BASE, SOURCE_PORT_BITS } from "../src/layout/vxlan.layout";
import { swapped16 } from "./byte-order";
import { fold, sum } from "./checksum";
import { copy } from "./copy";
import { drop, passOver } from "./descriptor";
import { flowHash } from "./flow-hash";
import { fieldsIn, putOuter } from "./inherit";
import { saidLength } from "./super-frame";
import { popTag } from "./vlan";

export function sourcePort(hash: u32): u32 {
  return SOURCE_PORT_BASE + (hash >>> (32 - SOURCE_PORT_BITS));
}

/** The part of a flow hash that NVGRE carries (RFC 7637 §3.2). */
export function flowId(hash: u32): u32 {
  return hash >>> 24;
}

function refusal(length: u32, tooLong: bool): u32 {
  if (length < <u32>ETHERNET_LENGTH) return DROP_FRAME_TOO_SHORT;
  return tooLong ? DROP_FRAME_TOO_LONG : DROP_NO_HEADROOM;
}

/** Any template: outer tags, IPv6, UDP checksums, or the tunnel header alone. */
export function wrapAll(descriptors: usize, count: u32, stage: usize, counters: usize): u64 {
  const end: usize = descriptors + count * DESCRIPTOR_LENGTH;
  let changed: u64 = 0;
  for (let d = descriptors; d < end; d += DESCRIPTOR_LENGTH) {
    if (load<u8>(d, DESCRIPTOR_VERDICT) !== VERDICT_FORWARD) {
      passOver(d);
      continue;
    }
    // A tunnel's passenger is an Ethernet frame.
    const ethernet = load<u8>(d, DESCRIPTOR_LINK) === LINK_ETHERNET;
    const reason = ethernet ? wrap(d, stage, 0) : DROP_NOT_ETHERNET;
    if (reason === DROP_NONE) changed++;
    else drop(d, reason, counters);
  }
  return changed;
}

/** Takes VLAN tags off: the outermost, or all. A turn makes the frame four bytes shorter, so there is a last one. */
export function strip(d: usize, flags: u32): void {
  do {
    const length = load<u32>(d, DESCRIPTOR_FRAME_LENGTH);
    if (length < <u32>ETHERNET_LENGTH || !popTag(d, length, 0, 0, 0)) return;
  } while ((flags & ENCAPSULATE_STRIP_ALL) !== 0);
}

/**
 * Puts one frame into the tunnel of `stage`, or returns why not and leaves it as it is, but for tags that were to be
 * taken off. `vni` is ORed into the four bytes at ENCAPSULATE_NUMBER, of templates whose VNI, VSID or key is zero; it comes
 * as the last four bytes of a VXLAN header lie in memory, and is zero for templates that have a number.
 */
export function wrap(d: usize, stage: usize, vni: u32): u32 {
  const flags = load<u32>(stage, STAGE_FLAGS);
  if ((flags & (ENCAPSULATE_STRIP_TAG | ENCAPSULATE_STRIP_ALL)) !== 0) strip(d, flags);
  const headerLength = load<u32>(stage, ENCAPSULATE_HEADER_LENGTH);
  const ipOffset = load<u32>(stage, ENCAPSULATE_IP_OFFSET);
  const udpOffset = load<u32>(stage, ENCAPSULATE_UDP_OFFSET);
  const greChecksum = load<u32>(stage, ENCAPSULATE_GRE_CHECKSUM);
  const seed = load<u32>(stage, ENCAPSULATE_SEED);
  const template: usize = stage + ENCAPSULATE_TEMPLATE;
  // The IPv4 total length counts its own header, the IPv6 payload length does not (RFC 8200 §3).
  const ipv6 = (flags & ENCAPSULATE_IPV6) !== 0;
  const beforeIpLength = ipv6 ? ipOffset + IPV6_LENGTH : ipOffset;
  const frame: usize = load<u32>(d, DESCRIPTOR_OFFSET);
  const length = load<u32>(d, DESCRIPTOR_FRAME_LENGTH);
  const wire = load<u32>(d, DESCRIPTOR_WIRE_LENGTH);
  const start: usize = frame - headerLength;
  const said = saidLength(length, wire);
  const tooLong = said > 65535 || (ipOffset !== 0 && said + headerLength - beforeIpLength > 65535);
  if (length < <u32>ETHERNET_LENGTH || tooLong || start < load<u32>(d, DESCRIPTOR_FLOOR))
    return refusal(length, tooLong);
  if (((flags & ENCAPSULATE_UDP_CHECKSUM) | greChecksum) !== 0 && length < wire) return DROP_CUT_BY_CAPTURE;
  const hash = flowHash(frame, length, seed);
  writeTemplate(start, template, headerLength);
  // A key begins with the byte that a VNI lacks.
  const number = vni << load<u32>(stage, ENCAPSULATE_NUMBER_SHIFT);
  const place: usize = start + load<u32>(stage, ENCAPSULATE_NUMBER);
  store<u32>(place, load<u32>(place) | number);
  if (ipOffset !== 0) {
    const ipLength = swapped16(said + headerLength - beforeIpLength);
    const ip: usize = start + ipOffset;
    const more = (flags & INHERIT) === 0 ? 0 : putOuter(ip, ipv6, flags, fieldsIn(frame, length, true));
    if (ipv6) {
      store<u16>(ip, <u16>ipLength, IPV6_PAYLOAD_LENGTH);
    } else {
      store<u16>(ip, <u16>ipLength, IPV4_TOTAL_LENGTH);
      store<u16>(ip, <u16>~fold(<u64>load<u32>(stage, ENCAPSULATE_IP_SUM) + ipLength + more), IPV4_CHECKSUM);
    }
  }
  if (udpOffset !== 0) {
    const udp: usize = start + udpOffset;
    const udpLength = swapped16(said + headerLength - udpOffset);
    const port = swapped16(sourcePort(hash));
    store<u16>(udp, <u16>port);
    store<u16>(udp, <u16>udpLength, UDP_TOTAL_LENGTH);
    if ((flags & ENCAPSULATE_UDP_CHECKSUM) !== 0) {
      // The length counts twice: in the header and in the pseudo-header (RFC 768).
      const total =
        <u64>load<u32>(stage, ENCAPSULATE_UDP_SUM) +
        number +
        port +
        udpLength +
        udpLength +
        sum(frame, length);
      const folded = ~fold(total) & 0xffff;
      store<u16>(udp, folded === 0 ? 0xffff : <u16>folded, UDP_CHECKSUM);
    }
  } else if (greChecksum !== 0) {
    const total = <u64>load<u32>(stage, ENCAPSULATE_UDP_SUM) + number + sum(frame, length);
    store<u16>(start + greChecksum, <u16>~fold(total));
  } else if ((flags & ENCAPSULATE_FLOW_ID) !== 0) {
    store<u8>(start + headerLength - 1, <u8>flowId(hash));
  }
  store<u32>(d, <u32>start, DESCRIPTOR_OFFSET);
  store<u32>(d, length + headerLength, DESCRIPTOR_FRAME_LENGTH);
  store<u32>(d, wire + headerLength, DESCRIPTOR_WIRE_LENGTH);
  store<u32>(d, hash, DESCRIPTOR_FLOW_HASH);
  store<u32>(d, VNI_NONE, DESCRIPTOR_VNI);
  store<u8>(d, 0, DESCRIPTOR_TRAILER);
  return DROP_NONE;
}

/** Writes exactly `length` bytes, 4 or 8 or more: the passenger starts right behind them. */
function writeTemplate(to: usize, from: usize, length: u32): void {
  if (length < 8) {
    store<u32>(to, load<u32>(from));
    return;
  }
  if (length < 16) {
    store<u64>(to, load<u64>(from));
    store<u64>(to + length - 8, load<u64>(from + length - 8));
    return;
  }
  copy(to, from, length & ~15);
  const tail = length - 16;
  v128.store(to + tail, v128.load(from + tail));
}
