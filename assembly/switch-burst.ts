// The first pass over a burst: frames that came in on one port, one behind the other, are classified by a loop of
// their own, in which the port and its bridge domain are constants. What is usual is decided by one branch a frame; what
// is not, by classify(), which knows every reason.

import {
  DESCRIPTOR_FRAME_LENGTH,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_MARK,
  DESCRIPTOR_OFFSET,
  DESCRIPTOR_VERDICT,
  DESCRIPTOR_VNI,
  DESCRIPTOR_WIRE_LENGTH,
} from "../src/layout/descriptor.layout";
import { ETHERNET_LENGTH, ETHERNET_SOURCE, ETHERNET_TYPE } from "../src/layout/ethernet.layout";
import { KEY_DOMAIN } from "../src/layout/fdb.layout";
import { NVGRE_VSID_SHIFT } from "../src/layout/gre.layout";
import { IP_PROTOCOL_GRE, IP_PROTOCOL_UDP, IPV4_LENGTH } from "../src/layout/ipv4.layout";
import {
  DOMAIN_LENGTH,
  DOMAIN_RECEIVED,
  DOMAIN_ROUTER_MAC,
  PORT_ACCESS,
  PORT_DOMAIN,
  PORT_FLAGS,
  PORT_INHERITS,
  PORT_KIND,
  PORT_LENGTH,
  PORT_UPLINK,
  REMOTE_DOMAIN_SHIFT,
  REMOTE_IPV4,
  REMOTE_KIND_SHIFT,
  REMOTE_TUNNEL_SHIFT,
  SCRATCH_DESTINATION,
  SCRATCH_GROUP_SHIFT,
  SCRATCH_INGRESS,
  SCRATCH_SOURCE,
  SCRATCH_STATE,
  SCRATCH_STEP,
  SWITCH_DOMAINS,
  SWITCH_FORMS,
  SWITCH_PORT_COUNT,
  SWITCH_PORTS,
  SWITCH_REMOTES,
  SWITCH_VTEP_ADDRESS,
  SWITCH_VTEP_FLAGS,
  SWITCH_VTEP_PRESENT,
  UPLINK_NUMBER,
} from "../src/layout/switch.layout";
import {
  FORM_BITS,
  FORM_KIND,
  FORM_LENGTH,
  FORM_MASK,
  FORM_PORT,
  PLAIN_KEYED_LENGTH,
  PLAIN_UDP_LENGTH,
  PLAIN_UDP_TUNNEL,
  TUNNEL_GRE,
  TUNNEL_NVGRE,
} from "../src/layout/tunnel.layout";
import { VNI_MAXIMUM } from "../src/layout/vxlan.layout";
import { swapped16 } from "./byte-order";
import { sumIsWrong } from "./checksum";
import { find } from "./find";
import { FRAGMENT_BITS, PLAIN_IPV4, PLAIN_IPV4_MASK } from "./flow-hash";
import { saidLength } from "./super-frame";
import { domainCounters } from "./switch-drop";
import {
  classify,
  countManyReceived,
  MAC_MASK,
  RESERVED_GROUP,
  RESERVED_MASK,
  stateOf,
} from "./switch-ingress";
import { seemingForm } from "./switch-underlay";

/** The K flag in the first byte of a GRE header. */
const KEY_BIT: u32 = 0x20;
/** IP and GRE; UDP and a tunnel header. */
const KEYED_HEADERS: u32 = PLAIN_KEYED_LENGTH - ETHERNET_LENGTH;
const UDP_HEADERS: u32 = PLAIN_UDP_LENGTH - ETHERNET_LENGTH - IPV4_LENGTH;

export function classifyBurst(
  context: usize,
  sw: usize,
  descriptors: usize,
  count: u32,
  scratch: usize,
): void {
  const ports: usize = load<u32>(sw, SWITCH_PORTS);
  const portCount = load<u32>(sw, SWITCH_PORT_COUNT);
  const tunnelsAreUsual = load<u32>(sw, SWITCH_VTEP_PRESENT) !== 0 && load<u32>(sw, SWITCH_VTEP_FLAGS) === 0;
  const end: usize = descriptors + count * DESCRIPTOR_LENGTH;
  let s = scratch;
  for (let d = descriptors; d < end; ) {
    const number = load<u32>(d, DESCRIPTOR_MARK);
    let behind = d + DESCRIPTOR_LENGTH;
    while (behind < end && load<u32>(behind, DESCRIPTOR_MARK) === number) behind += DESCRIPTOR_LENGTH;
    const kind = number < portCount ? load<u32>(ports + number * PORT_LENGTH, PORT_KIND) : 0;
    if (kind === PORT_ACCESS) {
      classifyAccess(context, sw, d, behind, s, number);
    } else if (kind === PORT_UPLINK && tunnelsAreUsual) {
      classifyUplink(context, sw, d, behind, s);
    } else {
      let at = s;
      for (let each = d; each < behind; each += DESCRIPTOR_LENGTH, at += SCRATCH_STEP)
        classify(context, sw, each, at);
    }
    s += ((behind - d) / DESCRIPTOR_LENGTH) * SCRATCH_STEP;
    d = behind;
  }
}

/** 1 if these addresses and this type want a closer look, branchless: 802.1Q tags, group or zero sources, reserved groups. */
function isUnusual(source: u64, destination: u64, type: u32, routerMac: u64): u32 {
  return (
    <u32>(source & 1) |
    <u32>(source === 0) |
    <u32>(source === routerMac) |
    <u32>((destination & RESERVED_MASK) === RESERVED_GROUP) |
    // 0x8100 and 0x9100 differ in one bit; 0x88a8.
    <u32>((type & 0xffef) === 0x0081) |
    <u32>(type === 0xa888)
  );
}

function classifyAccess(context: usize, sw: usize, d: usize, end: usize, s: usize, number: u32): void {
  const port: usize = load<u32>(sw, SWITCH_PORTS) + number * PORT_LENGTH;
  const domain = load<u32>(port, PORT_DOMAIN);
  const record: usize = load<u32>(sw, SWITCH_DOMAINS) + domain * DOMAIN_LENGTH;
  const routerMac = load<u64>(record, DOMAIN_ROUTER_MAC);
  const inDomain = (<u64>domain) << (KEY_DOMAIN << 3);
  const state = stateOf(port, record);
  let frames: u64 = 0;
  let bytes: u64 = 0;
  for (; d < end; d += DESCRIPTOR_LENGTH, s += SCRATCH_STEP) {
    const frame: usize = load<u32>(d, DESCRIPTOR_OFFSET);
    const length = load<u32>(d, DESCRIPTOR_FRAME_LENGTH);
    const source = load<u64>(frame, ETHERNET_SOURCE) & MAC_MASK;
    const destination = load<u64>(frame) & MAC_MASK;
    const unusual =
      load<u32>(d, DESCRIPTOR_VERDICT) |
      <u32>(length < <u32>ETHERNET_LENGTH) |
      isUnusual(source, destination, load<u16>(frame, ETHERNET_TYPE), routerMac);
    if (unusual !== 0) {
      classify(context, sw, d, s);
      continue;
    }
    frames++;
    bytes += saidLength(length, load<u32>(d, DESCRIPTOR_WIRE_LENGTH));
    store<u64>(s, source | inDomain, SCRATCH_SOURCE);
    store<u64>(s, destination | inDomain, SCRATCH_DESTINATION);
    store<u32>(s, number, SCRATCH_INGRESS);
    store<u32>(s, state | ((<u32>destination & 1) << SCRATCH_GROUP_SHIFT), SCRATCH_STATE);
  }
  countManyReceived(context, number, frames, bytes);
  const counter = domainCounters(context, domain) + DOMAIN_RECEIVED;
  store<u64>(counter, load<u64>(counter) + frames);
}

/** Packets of tunnels, kind by kind: those of one often follow each other. What no loop takes, classify() does. */
function classifyUplink(context: usize, sw: usize, d: usize, end: usize, s: usize): void {
  while (d < end) {
    const frame: usize = load<u32>(d, DESCRIPTOR_OFFSET);
    let next = d;
    if (load<u8>(frame, 23) === IP_PROTOCOL_GRE) {
      next = classifyPackets<Gre>(context, sw, d, end, s, sw + SWITCH_FORMS + TUNNEL_GRE * FORM_LENGTH);
    } else {
      const form = seemingForm(sw, frame);
      if (form !== 0) next = classifyPackets<Udp>(context, sw, d, end, s, form);
    }
    if (next === d) {
      classify(context, sw, d, s);
      next += DESCRIPTOR_LENGTH;
    }
    s += ((next - d) / DESCRIPTOR_LENGTH) * SCRATCH_STEP;
    d = next;
  }
}

/** What lies between IP and the passenger, as types: what depends on it is decided when the loop for it is compiled. */
type Udp = u8;
type Gre = u32;

/**
 * Packets are decapsulated, and their passengers classified, up to the first that is not plain, or not of this kind;
 * returns that. One remote's packets often follow each other. One loop for all kinds over UDP and one for GRE and NVGRE,
 * and no call in them but where the tunnel changes.
 */
function classifyPackets<K>(context: usize, sw: usize, d: usize, end: usize, s: usize, form: usize): usize {
  const gre = sizeof<K>() === sizeof<Gre>();
  const portBytes = load<u32>(form, FORM_PORT);
  const mask = load<u32>(form, FORM_MASK) | (gre ? KEY_BIT : 0);
  const bits = load<u32>(form, FORM_BITS) | (gre ? KEY_BIT : 0);
  const keyOfKind = keyBits(load<u32>(form, FORM_KIND));
  const address = load<u32>(sw, SWITCH_VTEP_ADDRESS);
  const remotes: usize = load<u32>(sw, SWITCH_REMOTES);
  const ports: usize = load<u32>(sw, SWITCH_PORTS);
  const domains: usize = load<u32>(sw, SWITCH_DOMAINS);
  const outerLength: u32 = gre ? PLAIN_KEYED_LENGTH : PLAIN_UDP_LENGTH;
  let packets: u64 = 0;
  let packetBytes: u64 = 0;
  // Source address and number of the last packet, and which bits of those say that the next is of the same tunnel.
  let lastTunnel: u64 = 0;
  let significantBits: u64 = 0xffffffffffffffff;
  let number: u32 = 0;
  let domain: u32 = 0;
  let inDomain: u64 = 0;
  let routerMac: u64 = 0;
  let state: u32 = 0;
  let frames: u64 = 0;
  let bytes: u64 = 0;
  for (; d < end; d += DESCRIPTOR_LENGTH, s += SCRATCH_STEP) {
    const frame: usize = load<u32>(d, DESCRIPTOR_OFFSET);
    const length = load<u32>(d, DESCRIPTOR_FRAME_LENGTH);
    const wire = load<u32>(d, DESCRIPTOR_WIRE_LENGTH);
    const low = load<u64>(frame, 14); // version .. fragment
    const high = load<u64>(frame, 22); // TTL .. source address
    const last = load<u32>(frame, 30); // destination address
    const sum = (low & 0xffffffff) + (low >>> 32) + (high & 0xffffffff) + (high >>> 32) + last;
    const ipLength = swapped16(<u32>(low >>> 16) & 0xffff);
    const udpLength: u32 = gre ? 0 : swapped16(load<u16>(frame, 38));
    // VNI, or the whole key.
    const tunnelNumber: u32 = gre ? bswap<u32>(load<u32>(frame, 38)) : bswap<u32>(load<u32>(frame, 46)) >>> 8;
    const wrong: u32 =
      load<u32>(d, DESCRIPTOR_VERDICT) |
      <u32>(length < outerLength + ETHERNET_LENGTH) |
      ((load<u32>(frame, ETHERNET_TYPE) & PLAIN_IPV4_MASK) ^ PLAIN_IPV4) |
      sumIsWrong(sum) |
      (last ^ address) |
      (<u32>(low >>> 48) & FRAGMENT_BITS) |
      ((<u32>(high >>> 8) & 0xff) ^ (gre ? IP_PROTOCOL_GRE : IP_PROTOCOL_UDP)) |
      (gre
        ? (load<u32>(frame, 34) & mask) ^ bits
        : (load<u16>(frame, 36) ^ portBytes) | ((load<u32>(frame, PLAIN_UDP_TUNNEL) & mask) ^ bits)) |
      ((wire - ETHERNET_LENGTH - ipLength) >>> 31) |
      // Super-frames are few, and classify() knows how long they are.
      ((wire - length) >>> 31) |
      (gre
        ? (ipLength - (KEYED_HEADERS + ETHERNET_LENGTH)) >>> 31
        : ((ipLength - IPV4_LENGTH - udpLength) >>> 31) |
          ((udpLength - (UDP_HEADERS + ETHERNET_LENGTH)) >>> 31));
    if (wrong !== 0) break;
    const source: u64 = high >>> 32;
    const from: u64 = gre
      ? source | ((<u64>tunnelNumber) << 32)
      : source | ((<u64>tunnelNumber) << 32) | keyOfKind;
    if (gre ? number === 0 || ((from ^ lastTunnel) & significantBits) !== 0 : from !== lastTunnel) {
      let value: u32 = 0;
      let significant: u64 = 0xffffffffffffffff;
      if (!gre || tunnelNumber <= <u32>VNI_MAXIMUM) value = <u32>find(remotes, from | keyOfKind);
      if (gre && value === 0) {
        // No address is a remote of both, so that the other way to read the key finds nothing.
        significant = 0xffffff00ffffffff;
        const vsid: u64 = tunnelNumber >>> NVGRE_VSID_SHIFT;
        value = <u32>find(remotes, source | (vsid << 32) | keyBits(TUNNEL_NVGRE));
      }
      if (value === 0) break;
      // Its passengers take over what the packets say, one by one.
      if ((load<u32>(ports + (value & 0xffff) * PORT_LENGTH, PORT_FLAGS) & PORT_INHERITS) !== 0) break;
      if (frames !== 0) countPassengers(context, number, domain, frames, bytes);
      lastTunnel = from;
      if (gre) significantBits = significant;
      number = value & 0xffff;
      domain = value >>> REMOTE_DOMAIN_SHIFT;
      const port: usize = ports + number * PORT_LENGTH;
      const record: usize = domains + domain * DOMAIN_LENGTH;
      inDomain = (<u64>domain) << (KEY_DOMAIN << 3);
      routerMac = load<u64>(record, DOMAIN_ROUTER_MAC);
      state = stateOf(port, record);
      frames = 0;
      bytes = 0;
    }
    const inner: usize = frame + outerLength;
    const sender = load<u64>(inner, ETHERNET_SOURCE) & MAC_MASK;
    const destination = load<u64>(inner) & MAC_MASK;
    if (isUnusual(sender, destination, load<u16>(inner, ETHERNET_TYPE), routerMac) !== 0) break;
    packets++;
    packetBytes += wire;
    frames++;
    const innerWire: u32 = gre ? ipLength - KEYED_HEADERS : udpLength - UDP_HEADERS;
    const behind = length - outerLength;
    bytes += innerWire;
    store<u32>(d, <u32>inner, DESCRIPTOR_OFFSET);
    store<u32>(d, behind < innerWire ? behind : innerWire, DESCRIPTOR_FRAME_LENGTH);
    store<u32>(d, innerWire, DESCRIPTOR_WIRE_LENGTH);
    store<u32>(d, tunnelNumber, DESCRIPTOR_VNI);
    store<u64>(s, sender | inDomain, SCRATCH_SOURCE);
    store<u64>(s, destination | inDomain, SCRATCH_DESTINATION);
    store<u32>(s, number, SCRATCH_INGRESS);
    store<u32>(s, state | ((<u32>destination & 1) << SCRATCH_GROUP_SHIFT), SCRATCH_STATE);
  }
  if (frames !== 0) countPassengers(context, number, domain, frames, bytes);
  countManyReceived(context, UPLINK_NUMBER, packets, packetBytes);
  return d;
}

/** What a key of the remotes' table holds beside an IPv4 address and a number. */
function keyBits(kind: u64): u64 {
  return ((<u64>REMOTE_IPV4) << REMOTE_KIND_SHIFT) | (kind << REMOTE_TUNNEL_SHIFT);
}

function countPassengers(context: usize, tunnel: u32, domain: u32, frames: u64, bytes: u64): void {
  countManyReceived(context, tunnel, frames, bytes);
  const counter = domainCounters(context, domain) + DOMAIN_RECEIVED;
  store<u64>(counter, load<u64>(counter) + frames);
}
