// Packets from the underlay: decapsulated, and let in only from remotes that have a tunnel of the packet's kind that
// carries the VNI's bridge domain. No kind has authentication (RFC 7348 §7): nobody gets in by default.
//
// A packet's kind is what its headers say: UDP to the port of a kind, or GRE that carries a frame. GRE with a
// key and NVGRE look alike; which of the two an address speaks is known beforehand, and nobody can be a remote of both.

import {
  DESCRIPTOR_FRAME_LENGTH,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_OFFSET,
  DESCRIPTOR_VNI,
  DESCRIPTOR_WIRE_LENGTH,
  VNI_NONE,
} from "../src/layout/descriptor.layout";
import {
  DROP_NONE,
  DROP_NOT_TUNNEL,
  DROP_OTHER_KEY,
  DROP_OTHER_VNI,
  DROP_UNKNOWN_REMOTE,
} from "../src/layout/drop.layout";
import { ETHERNET_LENGTH, ETHERNET_TYPE } from "../src/layout/ethernet.layout";
import {
  IP_PROTOCOL_GRE,
  IPV4_DESTINATION,
  IPV4_LENGTH,
  IPV4_PROTOCOL,
  IPV4_SOURCE,
} from "../src/layout/ipv4.layout";
import { IPV6_DESTINATION, IPV6_LENGTH, IPV6_NEXT_HEADER, IPV6_SOURCE } from "../src/layout/ipv6.layout";
import {
  DECAPSULATE_STRICT_LENGTHS,
  ENCAPSULATE_IP_OFFSET,
  ENCAPSULATE_TEMPLATE,
} from "../src/layout/stage.layout";
import {
  PORT_ENCAPSULATION,
  PORT_LENGTH,
  REMOTE_IPV4,
  REMOTE_IPV6,
  REMOTE_KIND_SHIFT,
  REMOTE_NVGRE,
  REMOTE_TUNNEL_SHIFT,
  REMOTE_VNI,
  SWITCH_FORM_COUNT,
  SWITCH_FORMS,
  SWITCH_PORTS,
  SWITCH_REMOTES,
  SWITCH_VTEP_ADDRESS,
  SWITCH_VTEP_FLAGS,
  SWITCH_VTEP_PRESENT,
  VTEP_IPV6,
} from "../src/layout/switch.layout";
import { FORM_KIND, FORM_LENGTH, FORM_PORT, TUNNEL_GRE, TUNNEL_NVGRE } from "../src/layout/tunnel.layout";
import { UDP_DESTINATION_PORT } from "../src/layout/udp.layout";
import { VLAN_LENGTH } from "../src/layout/vlan.layout";
import { VNI_MAXIMUM } from "../src/layout/vxlan.layout";
import { pull, pullPlain } from "./decapsulate";
import { find } from "./find";
import { fieldsIn, putInner, refusedBy } from "./inherit";
import { condensed, sameAddress } from "./neighbour";
import { OTHER } from "./refusal";
import { isTag } from "./vlan";

const REASON: u32 = 0xff;
const TYPE_IPV6: u32 = 0xdd86; // as a little-endian load sees 0x86dd
/** Where the UDP destination port lies in a packet without outer tags, options and extensions. */
const PLAIN_PORT = ETHERNET_LENGTH + IPV4_LENGTH + UDP_DESTINATION_PORT;
const PLAIN_PORT_IPV6 = ETHERNET_LENGTH + IPV6_LENGTH + UDP_DESTINATION_PORT;
/** It is whole as far as can be seen, but for no tunnel of the kind that was asked for. */
const ANOTHER_KIND: u32 = OTHER | DROP_NOT_TUNNEL;

/** What a descriptor said before its frame was decapsulated. */
let outer: usize = 0;
let outerLength: u32 = 0;
let outerWire: u32 = 0;

/** Lets the passenger of the packet that was opened last take over what its outer header says; or why it cannot. */
export function takeOver(d: usize, flags: u32): u32 {
  const fields = fieldsIn(outer, outerLength, true);
  const passenger: usize = load<u32>(d, DESCRIPTOR_OFFSET);
  const present = load<u32>(d, DESCRIPTOR_FRAME_LENGTH);
  const reason = refusedBy(fields, passenger, present, true, flags);
  if (reason === DROP_NONE) putInner(fields, passenger, present, true, flags);
  return reason;
}

/** Moves the descriptor to the passenger; returns its tunnel's port | bridge domain << 16, or 0: underlayReason() says why. */
export function fromUnderlay(sw: usize, d: usize): u32 {
  refusal = DROP_NOT_TUNNEL;
  if (load<u32>(sw, SWITCH_VTEP_PRESENT) === 0) return 0;
  outer = load<u32>(d, DESCRIPTOR_OFFSET);
  outerLength = load<u32>(d, DESCRIPTOR_FRAME_LENGTH);
  outerWire = load<u32>(d, DESCRIPTOR_WIRE_LENGTH);
  const flags = load<u32>(sw, SWITCH_VTEP_FLAGS);
  if (flags === 0) {
    const form = seemingForm(sw, outer);
    if (form !== 0 && pullPlain(d, d + DESCRIPTOR_LENGTH, form, VNI_NONE) !== d)
      return ofRemote(sw, d, outer + ETHERNET_LENGTH, load<u32>(form, FORM_KIND));
  }
  // What comes from a wire is whole.
  return fromUnderlaySlowly(sw, d, (flags & 0xffff) | DECAPSULATE_STRICT_LENGTHS);
}

/** The form of the kind that a packet is of, if it is plain and over UDP; 0 if its port is none of ours. */
export function seemingForm(sw: usize, frame: usize): usize {
  return formOfPort(sw, load<u16>(frame, PLAIN_PORT));
}

/** GRE's kinds have a port of zero, which is none. */
function formOfPort(sw: usize, port: u32): usize {
  if (port === 0) return 0;
  let form: usize = sw + SWITCH_FORMS;
  const end: usize = form + load<u32>(sw, SWITCH_FORM_COUNT) * FORM_LENGTH;
  for (; form < end; form += FORM_LENGTH) if (load<u32>(form, FORM_PORT) === port) return form;
  return 0;
}

/** Why the last one was not let in. */
export function underlayReason(): u32 {
  return refusal;
}

let refusal: u32 = 0;

/** As if it had not been looked at. */
function undo(d: usize): u32 {
  store<u32>(d, <u32>outer, DESCRIPTOR_OFFSET);
  store<u32>(d, outerLength, DESCRIPTOR_FRAME_LENGTH);
  store<u32>(d, outerWire, DESCRIPTOR_WIRE_LENGTH);
  return 0;
}

/**
 * The kind that a packet seems to be of, by the fields of one without outer tags, options and extensions. To begin with it
 * saves a walk over the headers for every kind before it, and changes no result: a packet is of one kind at most.
 */
function seemingKind(sw: usize): u32 {
  const ipv6 = load<u16>(outer, ETHERNET_TYPE) === TYPE_IPV6;
  const protocol: u32 = load<u8>(outer + ETHERNET_LENGTH + (ipv6 ? IPV6_NEXT_HEADER : IPV4_PROTOCOL));
  if (protocol === IP_PROTOCOL_GRE) return TUNNEL_GRE;
  const form = formOfPort(sw, load<u16>(outer + (ipv6 ? PLAIN_PORT_IPV6 : PLAIN_PORT)));
  return form !== 0 ? load<u32>(form, FORM_KIND) : 0;
}

/** Kind by kind; what is of another is recognised after some bytes. */
function fromUnderlaySlowly(sw: usize, d: usize, flags: u32): u32 {
  const kinds = load<u32>(sw, SWITCH_FORM_COUNT);
  let kind = seemingKind(sw);
  let reason: u32 = ANOTHER_KIND;
  for (let tried: u32 = 0; tried < kinds; tried++, kind = kind + 1 < kinds ? kind + 1 : 0) {
    // Its packets are GRE's until the address says otherwise.
    if (kind === TUNNEL_NVGRE) continue;
    reason = pull(d, formOf(sw, kind), VNI_NONE, flags);
    if (reason !== ANOTHER_KIND) break;
  }
  if (kind === TUNNEL_GRE && (reason & OTHER) === 0 && speaksNvgre(sw)) {
    kind = TUNNEL_NVGRE;
    undo(d);
    // A passenger with a tag is dropped where those of all kinds are.
    reason = pull(d, formOf(sw, kind), VNI_NONE, flags);
  }
  if (reason !== DROP_NONE) {
    refusal = reason & REASON;
    return 0;
  }
  return ofRemote(sw, d, outerPacket(), kind);
}

function formOf(sw: usize, kind: u32): usize {
  return sw + SWITCH_FORMS + kind * FORM_LENGTH;
}

/** Where the outer IP packet begins, of which it is known that its header is there. */
function outerPacket(): usize {
  let packet: usize = outer + ETHERNET_LENGTH;
  let type: u32 = load<u16>(outer, ETHERNET_TYPE);
  while (isTag(type)) {
    type = load<u16>(packet, 2);
    packet += VLAN_LENGTH;
  }
  return packet;
}

function isIpv6(packet: usize): bool {
  return load<u8>(packet) >>> 4 === 6;
}

/** What keys of the remotes' table hold of the packet's source. */
function sourceOf(packet: usize, ipv6: bool): u64 {
  return ipv6
    ? <u64>condensed(packet + IPV6_SOURCE) | ((<u64>REMOTE_IPV6) << REMOTE_KIND_SHIFT)
    : <u64>load<u32>(packet, IPV4_SOURCE) | ((<u64>REMOTE_IPV4) << REMOTE_KIND_SHIFT);
}

/** Whether GRE of the packet's source is NVGRE. */
function speaksNvgre(sw: usize): bool {
  const packet = outerPacket();
  const key = sourceOf(packet, isIpv6(packet)) | ((<u64>REMOTE_NVGRE) << REMOTE_KIND_SHIFT);
  return find(load<u32>(sw, SWITCH_REMOTES), key) !== 0;
}

/** The tunnel and the bridge domain of a packet that has been decapsulated, if it may come in. */
function ofRemote(sw: usize, d: usize, packet: usize, kind: u32): u32 {
  const vtep: usize = sw + SWITCH_VTEP_ADDRESS;
  const ipv6 = isIpv6(packet);
  if (ipv6 !== ((load<u32>(sw, SWITCH_VTEP_FLAGS) & VTEP_IPV6) !== 0)) return undo(d);
  const forUs = ipv6
    ? sameAddress(packet + IPV6_DESTINATION, vtep)
    : load<u32>(packet, IPV4_DESTINATION) === load<u32>(vtep);
  if (!forUs) return undo(d);
  const vni: u64 = load<u32>(d, DESCRIPTOR_VNI);
  // Only a GRE key can be longer, or not be there.
  if (vni > <u64>VNI_MAXIMUM) {
    refusal = DROP_OTHER_KEY;
    return undo(d);
  }
  const table: usize = load<u32>(sw, SWITCH_REMOTES);
  const key = sourceOf(packet, ipv6) | (vni << 32) | ((<u64>kind) << REMOTE_TUNNEL_SHIFT);
  const value = find(table, key);
  if (value !== 0 && (!ipv6 || isRemoteOf(sw, <u32>value & 0xffff, packet + IPV6_SOURCE))) return <u32>value;
  const ours: u64 = 0xffffffff | (vni << 32) | ((<u64>REMOTE_VNI) << REMOTE_KIND_SHIFT);
  refusal = find(table, ours) === 0 ? DROP_OTHER_VNI : DROP_UNKNOWN_REMOTE;
  return undo(d);
}

/** Whether the tunnel `port` leads to the IPv6 address at `source`: a key holds only a part of what it says. */
function isRemoteOf(sw: usize, port: u32, source: usize): bool {
  const record: usize = load<u32>(sw, SWITCH_PORTS) + port * PORT_LENGTH;
  const stage: usize = load<u32>(record, PORT_ENCAPSULATION);
  const ip: usize = stage + ENCAPSULATE_TEMPLATE + load<u32>(stage, ENCAPSULATE_IP_OFFSET);
  return sameAddress(source, ip + IPV6_DESTINATION);
}
