// The walk through a frame's layers, once for all that a filter asks of them: where each begins, into a table.
//
// A header that was not captured whole is not there: its place is LAYER_ABSENT, and whoever reads there finds that the
// frame ends before. Lengths in headers are not looked at, since frames are cropped; a tunnel is opened where its header
// is there and says that it carries something.

import { AH_UNIT, AH_UNITS_MORE, IP_PROTOCOL_AH } from "../src/layout/ah.layout";
import {
  DESCRIPTOR_FRAME_LENGTH,
  DESCRIPTOR_LINK,
  DESCRIPTOR_OFFSET,
  DESCRIPTOR_VNI,
} from "../src/layout/descriptor.layout";
import { ETHERNET_LENGTH, ETHERNET_TYPE } from "../src/layout/ethernet.layout";
import { GENEVE_FLAG_OAM, GENEVE_OPTION_WORDS_MASK, GENEVE_VERSION_SHIFT } from "../src/layout/geneve.layout";
import {
  IP_PROTOCOL_GRE,
  IP_PROTOCOL_IPV4,
  IP_PROTOCOL_IPV6,
  IP_PROTOCOL_UDP,
  IPV4_FRAGMENT,
  IPV4_LENGTH,
  IPV4_MORE_FRAGMENTS,
  IPV4_OFFSET_MASK,
  IPV4_PROTOCOL,
} from "../src/layout/ipv4.layout";
import {
  IPV6_DESTINATION_OPTIONS,
  IPV6_EXTENSION_UNIT,
  IPV6_EXTENSION_UNITS,
  IPV6_FRAGMENT_HEADER,
  IPV6_FRAGMENT_MORE,
  IPV6_FRAGMENT_OFFSET,
  IPV6_FRAGMENT_OFFSET_MASK,
  IPV6_HIP,
  IPV6_HOP_BY_HOP,
  IPV6_LENGTH,
  IPV6_MOBILITY,
  IPV6_NEXT_HEADER,
  IPV6_ROUTING,
  IPV6_SHIM6,
} from "../src/layout/ipv6.layout";
import { LINK_ETHERNET } from "../src/layout/link.layout";
import { MPLS_LENGTH } from "../src/layout/mpls.layout";
import { PPPOE_LENGTH, PPPOE_VERSION_1_TYPE_1 } from "../src/layout/pppoe.layout";
import {
  TUNNEL_GENEVE,
  TUNNEL_GRE,
  TUNNEL_VXLAN,
  TUNNEL_VXLAN_GPE,
  WRAPPING_4IN6,
  WRAPPING_6IN4,
  WRAPPING_6IN6,
  WRAPPING_ERSPAN,
  WRAPPING_IPIP,
} from "../src/layout/tunnel.layout";
import { UDP_DESTINATION_PORT, UDP_LENGTH } from "../src/layout/udp.layout";
import { VLAN_LENGTH } from "../src/layout/vlan.layout";
import {
  VNI_MAXIMUM,
  VXLAN_FLAG_NEXT_PROTOCOL,
  VXLAN_FLAG_OAM,
  VXLAN_FLAG_VNI,
  VXLAN_FLAGS_VERSION,
  VXLAN_LENGTH,
  VXLAN_NEXT_ETHERNET,
  VXLAN_NEXT_IPV4,
  VXLAN_NEXT_IPV6,
  VXLAN_NEXT_PROTOCOL,
  VXLAN_VNI,
} from "../src/layout/vxlan.layout";
import {
  LAYER_ABSENT,
  LAYER_ETHERNET,
  LAYER_FLAGS,
  LAYER_HAS_ETHERNET,
  LAYER_HAS_KEY,
  LAYER_HAS_VNI,
  LAYER_IS_LATER_FRAGMENT,
  LAYER_IS_PLAIN_GRE,
  LAYER_KIND,
  LAYER_LENGTH,
  LAYER_NETWORK,
  LAYER_NEXT,
  LAYER_NUMBER,
  LAYER_OUTERMOST,
  LAYER_TRANSPORT,
  LAYER_TYPE,
  LAYERS_MOST,
  WALK_LAYERS,
  WALK_PORT_KIND,
  WALK_PORT_LENGTH,
  WALK_PORTS,
} from "../src/layout/walk.layout";
import { swapped16 } from "./byte-order";
import { TYPE_IPV4, TYPE_IPV6 } from "./ether-types";
import { LINK_PLACE, LINK_REFUSED, LINK_TYPE, openLink, typeOfPpp } from "./link";

/** EtherTypes, as a little-endian load sees them. */
const TYPE_TAG: u32 = 0x0081;
const TYPE_SERVICE_TAG: u32 = 0xa888;
const TYPE_LEGACY_TAG: u32 = 0x0091;
const TYPE_MPLS: u32 = 0x4788;
const TYPE_MPLS_MULTICAST: u32 = 0x4888;
const TYPE_PPPOE: u32 = 0x6488;
const TYPE_ETHERNET: u32 = 0x5865;
const TYPE_ERSPAN: u32 = 0xbe88;
/** In the first two bytes of a GRE header, as loaded: what moves the payload, and what no reader here knows. */
const GRE_CHECKSUM: u32 = 0x80;
const GRE_ROUTING_OR_VERSION: u32 = 0x0740;
const GRE_KEY: u32 = 0x20;
const GRE_SEQUENCE: u32 = 0x10;
const GRE_FORM: u32 = GRE_CHECKSUM | GRE_KEY | GRE_SEQUENCE;
const ERSPAN_LENGTH: u32 = 8;

// Of the frame in work: what comes next, and of the tunnel it came in. Module state, so each thread has its own.
let at: u32 = 0;
let type: u32 = 0;
let kind: u32 = 0;
let number: u32 = 0;
let flags: u32 = 0;
/** Of the IP header just read: the byte that names what it carries. */
let next: u32 = 0;
let transport: u32 = 0;
let isFragment: bool = false;

/** Fills the table at `room` (walk.layout) for the frame of a descriptor; returns how many layers there are. */
export function walk(descriptor: usize, room: usize): u32 {
  const frame: usize = load<u32>(descriptor, DESCRIPTOR_OFFSET);
  const length = load<u32>(descriptor, DESCRIPTOR_FRAME_LENGTH);
  const link: u32 = load<u8>(descriptor, DESCRIPTOR_LINK);
  const vni = load<u32>(descriptor, DESCRIPTOR_VNI);
  kind = LAYER_OUTERMOST;
  flags = vni <= <u32>VNI_MAXIMUM ? LAYER_HAS_VNI : 0;
  number = bswap<u32>(vni << 8);
  at = 0;
  type = TYPE_ETHERNET;
  if (link !== LINK_ETHERNET) {
    const opened = openLink(link, frame, length);
    if ((opened & LINK_REFUSED) !== 0) return 0;
    at = opened & LINK_PLACE;
    type = opened >>> LINK_TYPE;
  }
  let layer: usize = room + WALK_LAYERS;
  for (let layers: u32 = 0; layers < <u32>LAYERS_MOST; layer += LAYER_LENGTH) {
    store<u32>(layer, LAYER_ABSENT, LAYER_ETHERNET);
    if (type === TYPE_ETHERNET) {
      if (at + ETHERNET_LENGTH > length) return layers;
      store<u32>(layer, at, LAYER_ETHERNET);
      flags |= LAYER_HAS_ETHERNET;
      type = load<u16>(frame + at, ETHERNET_TYPE);
      at += ETHERNET_LENGTH;
    }
    layers++;
    if (type !== TYPE_IPV4 && type !== TYPE_IPV6) passTags(frame, length);
    next = LAYER_ABSENT;
    transport = LAYER_ABSENT;
    isFragment = false;
    store<u32>(layer, number, LAYER_NUMBER);
    store<u16>(layer, <u16>type, LAYER_TYPE);
    store<u8>(layer, <u8>kind, LAYER_KIND);
    const network = at;
    let goesOn = false;
    if (type === TYPE_IPV4) goesOn = openIpv4(frame, length);
    else if (type === TYPE_IPV6) goesOn = openIpv6(frame, length);
    else goesOn = at <= length;
    store<u32>(layer, goesOn ? network : LAYER_ABSENT, LAYER_NETWORK);
    store<u32>(layer, next, LAYER_NEXT);
    store<u32>(layer, transport, LAYER_TRANSPORT);
    store<u8>(layer, <u8>flags, LAYER_FLAGS);
    if (isFragment || transport >= length || !openTunnel(frame, length, room)) return layers;
  }
  return LAYERS_MOST;
}

/** VLAN tags, MPLS labels down to an IP packet, and a session of PPPoE: what lies between a link header and IP. */
function passTags(frame: usize, length: u32): void {
  for (;;) {
    const header: usize = frame + at;
    if (type === TYPE_TAG || type === TYPE_SERVICE_TAG || type === TYPE_LEGACY_TAG) {
      if (at + VLAN_LENGTH > length) return;
      type = load<u16>(header, 2);
      at += VLAN_LENGTH;
    } else if (type === TYPE_MPLS || type === TYPE_MPLS_MULTICAST) {
      let bottom = at;
      while (bottom + MPLS_LENGTH < length && (load<u8>(frame + bottom, 2) & 1) === 0) bottom += MPLS_LENGTH;
      bottom += MPLS_LENGTH;
      if (bottom >= length) return;
      const version: u32 = <u32>load<u8>(frame + bottom) >>> 4;
      if (version !== 4 && version !== 6) return;
      type = version === 4 ? TYPE_IPV4 : TYPE_IPV6;
      at = bottom;
    } else if (type === TYPE_PPPOE) {
      if (at + PPPOE_LENGTH + 2 > length) return;
      if (load<u16>(header) !== <u16>PPPOE_VERSION_1_TYPE_1) return; // the code of a session is zero
      const carried = typeOfPpp(swapped16(load<u16>(header, PPPOE_LENGTH)));
      if (carried === 0) return;
      type = carried;
      at += PPPOE_LENGTH + 2;
    } else return;
  }
}

function openIpv4(frame: usize, length: u32): bool {
  if (at + IPV4_LENGTH > length) return false;
  const header: usize = frame + at;
  const first: u32 = load<u8>(header);
  const headerLength = (first & 15) << 2;
  if (first >>> 4 !== 4 || headerLength < <u32>IPV4_LENGTH || at + headerLength > length) return false;
  next = at + IPV4_PROTOCOL;
  const fragment = swapped16(load<u16>(header, IPV4_FRAGMENT));
  if ((fragment & IPV4_OFFSET_MASK) !== 0) flags |= LAYER_IS_LATER_FRAGMENT;
  else transport = at + headerLength;
  isFragment = (fragment & (IPV4_OFFSET_MASK | IPV4_MORE_FRAGMENTS)) !== 0;
  return true;
}

function openIpv6(frame: usize, length: u32): bool {
  if (at + IPV6_LENGTH > length || <u32>load<u8>(frame + at) >>> 4 !== 6) return false;
  let named = at + IPV6_NEXT_HEADER;
  let behind = at + IPV6_LENGTH;
  let protocol: u32 = load<u8>(frame + named);
  while (isExtension(protocol)) {
    const extension = protocol;
    if (behind + IPV6_EXTENSION_UNIT > length) return true;
    const header: usize = frame + behind;
    let extensionLength: u32 = IPV6_EXTENSION_UNIT;
    if (extension === IP_PROTOCOL_AH)
      extensionLength = (<u32>load<u8>(header, IPV6_EXTENSION_UNITS) + AH_UNITS_MORE) * AH_UNIT;
    else if (extension !== IPV6_FRAGMENT_HEADER)
      extensionLength = (<u32>load<u8>(header, IPV6_EXTENSION_UNITS) + 1) << 3;
    if (behind + extensionLength > length) return true;
    named = behind;
    behind += extensionLength;
    protocol = load<u8>(header);
    if (extension !== IPV6_FRAGMENT_HEADER) continue;
    const fragment = swapped16(load<u16>(header, IPV6_FRAGMENT_OFFSET));
    isFragment = isFragment || (fragment & (IPV6_FRAGMENT_OFFSET_MASK | IPV6_FRAGMENT_MORE)) !== 0;
    if ((fragment & IPV6_FRAGMENT_OFFSET_MASK) === 0) continue;
    // What lies behind is no header.
    flags |= LAYER_IS_LATER_FRAGMENT;
    next = named;
    return true;
  }
  next = named;
  transport = behind;
  return true;
}

function isExtension(protocol: u32): bool {
  if (protocol === IP_PROTOCOL_UDP || protocol === 6) return false;
  return (
    protocol === IPV6_HOP_BY_HOP ||
    protocol === IPV6_ROUTING ||
    protocol === IPV6_FRAGMENT_HEADER ||
    protocol === IP_PROTOCOL_AH ||
    protocol === IPV6_DESTINATION_OPTIONS ||
    protocol === IPV6_MOBILITY ||
    protocol === IPV6_HIP ||
    protocol === IPV6_SHIM6
  );
}

/** Whether what IP carries is a tunnel's header, and something in it: then that comes next. */
function openTunnel(frame: usize, length: u32, room: usize): bool {
  const protocol: u32 = load<u8>(frame + next);
  const isIpv4 = type === TYPE_IPV4;
  at = transport;
  flags = 0;
  number = 0;
  if (protocol === IP_PROTOCOL_UDP) return openUdp(frame, length, room);
  if (protocol === IP_PROTOCOL_GRE) return openGre(frame, length);
  if (protocol === IP_PROTOCOL_IPV4) {
    kind = isIpv4 ? WRAPPING_IPIP : WRAPPING_4IN6;
    type = TYPE_IPV4;
    return true;
  }
  if (protocol !== IP_PROTOCOL_IPV6) return false;
  kind = isIpv4 ? WRAPPING_6IN4 : WRAPPING_6IN6;
  type = TYPE_IPV6;
  return true;
}

function openUdp(frame: usize, length: u32, room: usize): bool {
  const tunnel = at + UDP_LENGTH;
  if (tunnel + VXLAN_LENGTH > length) return false;
  const port: u32 = load<u16>(frame + at, UDP_DESTINATION_PORT);
  let entry: u32 = 0;
  for (let row: usize = room + WALK_PORTS; ; row += WALK_PORT_LENGTH) {
    entry = load<u32>(row);
    if (entry === 0) return false;
    if ((entry & 0xffff) === port) break;
  }
  kind = entry >>> WALK_PORT_KIND;
  const header: usize = frame + tunnel;
  const first: u32 = load<u8>(header);
  number = load<u32>(header, VXLAN_VNI); // where Geneve has it, too
  flags = LAYER_HAS_VNI;
  type = TYPE_ETHERNET;
  at = tunnel + VXLAN_LENGTH;
  if (kind === TUNNEL_VXLAN) return (first & VXLAN_FLAG_VNI) !== 0;
  if (kind === TUNNEL_GENEVE) {
    if (first >>> GENEVE_VERSION_SHIFT !== 0 || (load<u8>(header, 1) & GENEVE_FLAG_OAM) !== 0) return false;
    at += (first & GENEVE_OPTION_WORDS_MASK) << 2;
    type = load<u16>(header, 2);
    return type !== 0 && at <= length;
  }
  if (kind !== TUNNEL_VXLAN_GPE) return false;
  if ((first & (VXLAN_FLAG_VNI | VXLAN_FLAGS_VERSION | VXLAN_FLAG_OAM)) !== VXLAN_FLAG_VNI) return false;
  if ((first & VXLAN_FLAG_NEXT_PROTOCOL) === 0) return true;
  const carried: u32 = load<u8>(header, VXLAN_NEXT_PROTOCOL);
  if (carried === VXLAN_NEXT_ETHERNET) return true;
  type = carried === VXLAN_NEXT_IPV4 ? TYPE_IPV4 : TYPE_IPV6;
  return carried === VXLAN_NEXT_IPV4 || carried === VXLAN_NEXT_IPV6;
}

function openGre(frame: usize, length: u32): bool {
  if (at + 4 > length) return false;
  const header: usize = frame + at;
  const form: u32 = load<u16>(header);
  if ((form & GRE_ROUTING_OR_VERSION) !== 0) return false;
  type = load<u16>(header, 2);
  let behind: u32 = 4;
  if ((form & GRE_CHECKSUM) !== 0) behind += 4;
  const key = behind;
  if ((form & GRE_KEY) !== 0) behind += 4;
  if ((form & GRE_SEQUENCE) !== 0) behind += 4;
  if (type === 0 || at + behind > length) return false;
  kind = TUNNEL_GRE;
  if ((form & GRE_KEY) !== 0) {
    number = load<u32>(header + key);
    flags = LAYER_HAS_KEY;
    if ((form & GRE_FORM) === GRE_KEY && type === TYPE_ETHERNET) flags |= LAYER_HAS_VNI | LAYER_IS_PLAIN_GRE;
  }
  at += behind;
  if (type !== TYPE_ERSPAN) return true;
  // Without a sequence number it is of type I, which has no header of its own.
  if ((form & GRE_SEQUENCE) !== 0) at += ERSPAN_LENGTH;
  kind = WRAPPING_ERSPAN;
  type = TYPE_ETHERNET;
  return true;
}
