// Packets from the underlay: decapsulated, and let in only from remotes that are configured for the VNI's bridge domain.
// VXLAN has no authentication (RFC 7348 §7): nobody gets in by default.

import {
  DESCRIPTOR_FRAME_LENGTH,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_OFFSET,
  DESCRIPTOR_VNI,
  DESCRIPTOR_WIRE_LENGTH,
  VNI_NONE,
} from "../src/layout/descriptor.layout";
import { DROP_NONE, DROP_NOT_TUNNEL, DROP_OTHER_VNI, DROP_UNKNOWN_REMOTE } from "../src/layout/drop.layout";
import { ETHERNET_LENGTH, ETHERNET_TYPE } from "../src/layout/ethernet.layout";
import { IPV4_DESTINATION, IPV4_SOURCE } from "../src/layout/ipv4.layout";
import { IPV6_DESTINATION, IPV6_SOURCE } from "../src/layout/ipv6.layout";
import { ENCAPSULATE_IP_OFFSET, ENCAPSULATE_TEMPLATE } from "../src/layout/stage.layout";
import {
  PORT_ENCAPSULATION,
  PORT_LENGTH,
  REMOTE_IPV4,
  REMOTE_IPV6,
  REMOTE_KIND_SHIFT,
  REMOTE_VNI,
  SWITCH_PORTS,
  SWITCH_REMOTES,
  SWITCH_VTEP_ADDRESS,
  SWITCH_VTEP_FLAGS,
  SWITCH_VTEP_PORT,
  SWITCH_VTEP_PRESENT,
  VTEP_IPV6,
} from "../src/layout/switch.layout";
import { VLAN_LENGTH } from "../src/layout/vlan.layout";
import { pull, pullPlain, VXLAN_PLAIN } from "./decapsulate";
import { find } from "./find";
import { condensed, sameAddress } from "./neighbour";
import { isTag } from "./vlan";

const REASON: u32 = 0xff;

/** What a descriptor said before its frame was decapsulated. */
let outer: usize = 0;
let outerLength: u32 = 0;
let outerWire: u32 = 0;

/** Moves the descriptor to the passenger; returns its tunnel's port | bridge domain << 16, or 0: underlayReason() says why. */
export function fromUnderlay(sw: usize, d: usize): u32 {
  refusal = DROP_NOT_TUNNEL;
  if (load<u32>(sw, SWITCH_VTEP_PRESENT) === 0) return 0;
  outer = load<u32>(d, DESCRIPTOR_OFFSET);
  outerLength = load<u32>(d, DESCRIPTOR_FRAME_LENGTH);
  outerWire = load<u32>(d, DESCRIPTOR_WIRE_LENGTH);
  const flags = load<u32>(sw, SWITCH_VTEP_FLAGS);
  const port = load<u32>(sw, SWITCH_VTEP_PORT);
  const vtep: usize = sw + SWITCH_VTEP_ADDRESS;
  if (flags === 0 && pullPlain(d, d + DESCRIPTOR_LENGTH, port, VNI_NONE, VXLAN_PLAIN, VXLAN_PLAIN) !== d) {
    if (load<u32>(outer, ETHERNET_LENGTH + IPV4_DESTINATION) !== load<u32>(vtep)) return undo(d);
    return ofRemote(sw, d, load<u32>(outer, ETHERNET_LENGTH + IPV4_SOURCE));
  }
  return fromUnderlaySlowly(sw, d, port, flags);
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

function ofRemote(sw: usize, d: usize, source: u32): u32 {
  const vni: u64 = load<u32>(d, DESCRIPTOR_VNI);
  const table: usize = load<u32>(sw, SWITCH_REMOTES);
  const key: u64 = <u64>source | (vni << 32) | ((<u64>REMOTE_IPV4) << REMOTE_KIND_SHIFT);
  const value = find(table, key);
  if (value !== 0) return <u32>value;
  return unknown(table, d, vni);
}

function unknown(table: usize, d: usize, vni: u64): u32 {
  const ours: u64 = 0xffffffff | (vni << 32) | ((<u64>REMOTE_VNI) << REMOTE_KIND_SHIFT);
  refusal = find(table, ours) === 0 ? DROP_OTHER_VNI : DROP_UNKNOWN_REMOTE;
  return undo(d);
}

function fromUnderlaySlowly(sw: usize, d: usize, port: u32, flags: u32): u32 {
  const reason = pull(d, port, VNI_NONE, flags & 0xffff);
  if (reason !== DROP_NONE) {
    refusal = reason & REASON;
    return 0;
  }
  // It is known by now that the headers are there.
  let packet: usize = outer + ETHERNET_LENGTH;
  let type: u32 = load<u16>(outer, ETHERNET_TYPE);
  while (isTag(type)) {
    type = load<u16>(packet, 2);
    packet += VLAN_LENGTH;
  }
  const vtep: usize = sw + SWITCH_VTEP_ADDRESS;
  const ipv6 = load<u8>(packet) >>> 4 === 6;
  if (ipv6 !== ((flags & VTEP_IPV6) !== 0)) return undo(d);
  if (!ipv6) {
    if (load<u32>(packet, IPV4_DESTINATION) !== load<u32>(vtep)) return undo(d);
    return ofRemote(sw, d, load<u32>(packet, IPV4_SOURCE));
  }
  if (!sameAddress(packet + IPV6_DESTINATION, vtep)) return undo(d);
  const source: usize = packet + IPV6_SOURCE;
  const vni: u64 = load<u32>(d, DESCRIPTOR_VNI);
  const table: usize = load<u32>(sw, SWITCH_REMOTES);
  const key: u64 = <u64>condensed(source) | (vni << 32) | ((<u64>REMOTE_IPV6) << REMOTE_KIND_SHIFT);
  const value = find(table, key);
  if (value !== 0) {
    // The key holds only a part of what the address says.
    const record: usize = load<u32>(sw, SWITCH_PORTS) + (<u32>value & 0xffff) * PORT_LENGTH;
    const stage: usize = load<u32>(record, PORT_ENCAPSULATION);
    const ip: usize = stage + ENCAPSULATE_TEMPLATE + load<u32>(stage, ENCAPSULATE_IP_OFFSET);
    if (sameAddress(source, ip + IPV6_DESTINATION)) return <u32>value;
  }
  return unknown(table, d, vni);
}
