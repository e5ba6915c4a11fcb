// Frames on their way out of a switch: the tag or the tunnel of their port, and copies for all but one where they are flooded.

import {
  DESCRIPTOR_FLOOR,
  DESCRIPTOR_FLOW_HASH,
  DESCRIPTOR_FRAME_LENGTH,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_MARK,
  DESCRIPTOR_OFFSET,
  DESCRIPTOR_VERDICT,
  DESCRIPTOR_VNI,
  DESCRIPTOR_WIRE_LENGTH,
} from "../src/layout/descriptor.layout";
import {
  DROP_EXCEEDS_MTU,
  DROP_FRAME_TOO_LONG,
  DROP_NO_EGRESS,
  DROP_NO_HEADROOM,
  DROP_NONE,
} from "../src/layout/drop.layout";
import { ETHERNET_LENGTH, ETHERNET_TYPE } from "../src/layout/ethernet.layout";
import { DESTINATION_PORT_MASK, DESTINATION_VID_SHIFT, KEY_DOMAIN } from "../src/layout/fdb.layout";
import {
  CONTEXT_COPIES,
  CONTEXT_COPIES_USED,
  CONTEXT_COPY_COUNT,
  CONTEXT_FLOOD_LAST,
  CONTEXT_FLOODED,
  CONTEXT_FRAME_BYTES,
  CONTEXT_HEADROOM,
  CONTEXT_OUT,
  CONTEXT_OUT_COUNT,
  CONTEXT_SLOTS,
  CONTEXT_STRIDE,
  DOMAIN_COPIES,
  DOMAIN_FLOOD,
  DOMAIN_FLOOD_COUNT,
  DOMAIN_LENGTH,
  DOMAIN_SENT,
  DOMAIN_VNI,
  PORT_COPIES,
  PORT_ENCAPSULATION,
  PORT_FLAGS,
  PORT_GROUP,
  PORT_KIND,
  PORT_LENGTH,
  PORT_MTU,
  PORT_PLAIN_GRE,
  PORT_SENT,
  PORT_TUNNEL,
  SCRATCH_INGRESS,
  SCRATCH_ROUTED,
  SCRATCH_SOURCE,
  SCRATCH_STATE,
  SCRATCH_TAGGED,
  SWITCH_DOMAINS,
  SWITCH_PORTS,
  UPLINK_NUMBER,
} from "../src/layout/switch.layout";
import { VLAN_LENGTH } from "../src/layout/vlan.layout";
import { copy } from "./copy";
import { putPlainGreHeaders } from "./encapsulate-plain";
import { saidLength } from "./super-frame";
import { countOne, domainCounters, portCounters, refuse } from "./switch-drop";
import { wrap } from "./wrap";

const ONE: v128 = i64x2(1, 0);

/** A new tag as it lies in a frame: TPID 0x8100, and room for the TCI. */
const NEW_TAG: u32 = 0x0081;

/**
 * Sends a frame of `domain` to `destination`, changed in place. `tagged`: it has a tag of ours behind its addresses.
 * If it cannot be sent it is dropped, on account of port `ingress`.
 */
export function send(
  context: usize,
  sw: usize,
  d: usize,
  destination: u32,
  domain: u32,
  tagged: u32,
  ingress: u32,
): void {
  const number: u32 = destination & DESTINATION_PORT_MASK;
  const port: usize = load<u32>(sw, SWITCH_PORTS) + number * PORT_LENGTH;
  const behind = load<u32>(d, DESCRIPTOR_WIRE_LENGTH) - ETHERNET_LENGTH - (tagged << 2);
  if (behind > load<u32>(port, PORT_MTU)) {
    refuse(context, d, ingress, domain, DROP_EXCEEDS_MTU);
    return;
  }
  const kind = load<u32>(port, PORT_KIND);
  const vid = destination >>> DESTINATION_VID_SHIFT;
  let out = number;
  if (kind === PORT_TUNNEL) {
    if (tagged !== 0) takeTagOff(d);
    const record: usize = load<u32>(sw, SWITCH_DOMAINS) + domain * DOMAIN_LENGTH;
    const stage: usize = load<u32>(port, PORT_ENCAPSULATION);
    const vni = load<u32>(record, DOMAIN_VNI);
    if ((load<u32>(port, PORT_FLAGS) & PORT_PLAIN_GRE) === 0 || !putPlainGreHeaders(d, stage, vni)) {
      const reason = wrap(d, stage, vni);
      if (reason !== DROP_NONE) {
        refuse(context, d, ingress, domain, reason);
        return;
      }
    }
    out = UPLINK_NUMBER;
  } else if (vid === 0) {
    if (tagged !== 0) takeTagOff(d);
  } else if (tagged !== 0) {
    const frame: usize = load<u32>(d, DESCRIPTOR_OFFSET);
    const tci: u32 = bswap<u16>(load<u16>(frame, ETHERNET_LENGTH));
    store<u16>(frame, bswap<u16>(<u16>((tci & 0xf000) | vid)), ETHERNET_LENGTH);
  } else if (!putTagOn(d, vid)) {
    refuse(context, d, ingress, domain, DROP_NO_HEADROOM);
    return;
  }
  store<u32>(d, out, DESCRIPTOR_MARK);
  const counters = portCounters(context, number) + PORT_SENT;
  const bytes: u64 = saidLength(load<u32>(d, DESCRIPTOR_FRAME_LENGTH), load<u32>(d, DESCRIPTOR_WIRE_LENGTH));
  v128.store(counters, i64x2.add(v128.load(counters), i64x2.replace_lane(ONE, 1, bytes)));
  countOne(domainCounters(context, domain) + DOMAIN_SENT);
  const count = load<u32>(context, CONTEXT_OUT_COUNT);
  store<u32>(load<u32>(context, CONTEXT_OUT) + (count << 2), <u32>d);
  store<u32>(context, count + 1, CONTEXT_OUT_COUNT);
}

/** The addresses move up over the tag; there is one. */
function takeTagOff(d: usize): void {
  const frame: usize = load<u32>(d, DESCRIPTOR_OFFSET);
  const low = load<u64>(frame);
  const high = load<u32>(frame, 8);
  const start: usize = frame + VLAN_LENGTH;
  store<u64>(start, low);
  store<u32>(start, high, 8);
  store<u32>(d, <u32>start, DESCRIPTOR_OFFSET);
  store<u32>(d, load<u32>(d, DESCRIPTOR_FRAME_LENGTH) - VLAN_LENGTH, DESCRIPTOR_FRAME_LENGTH);
  store<u32>(d, load<u32>(d, DESCRIPTOR_WIRE_LENGTH) - VLAN_LENGTH, DESCRIPTOR_WIRE_LENGTH);
}

function putTagOn(d: usize, vid: u32): bool {
  const frame: usize = load<u32>(d, DESCRIPTOR_OFFSET);
  const start: usize = frame - VLAN_LENGTH;
  if (start < load<u32>(d, DESCRIPTOR_FLOOR)) return false;
  const low = load<u64>(frame);
  const high = load<u32>(frame, 8);
  store<u64>(start, low);
  store<u32>(start, high, 8);
  store<u32>(start, NEW_TAG | ((<u32>bswap<u16>(<u16>vid)) << 16), ETHERNET_TYPE);
  store<u32>(d, <u32>start, DESCRIPTOR_OFFSET);
  store<u32>(d, load<u32>(d, DESCRIPTOR_FRAME_LENGTH) + VLAN_LENGTH, DESCRIPTOR_FRAME_LENGTH);
  store<u32>(d, load<u32>(d, DESCRIPTOR_WIRE_LENGTH) + VLAN_LENGTH, DESCRIPTOR_WIRE_LENGTH);
  return true;
}

const NONE: u32 = 0xffffffff;

/**
 * Floods one frame through its bridge domain, from place `from` of the flood list on; false if the room for copies
 * has run out: the context knows where to go on.
 */
export function flood(context: usize, sw: usize, d: usize, scratch: usize, from: u32, resumed: bool): bool {
  const domain: u32 = load<u16>(scratch, SCRATCH_SOURCE + KEY_DOMAIN);
  const state = load<u32>(scratch, SCRATCH_STATE);
  const ingress: u32 = load<u32>(scratch, SCRATCH_INGRESS) & DESTINATION_PORT_MASK;
  const tagged: u32 = state & SCRATCH_TAGGED;
  const ports: usize = load<u32>(sw, SWITCH_PORTS);
  const record: usize = load<u32>(sw, SWITCH_DOMAINS) + domain * DOMAIN_LENGTH;
  const list: usize = load<u32>(record, DOMAIN_FLOOD);
  // What was routed comes from the router, and may leave by the port that it came in on.
  const routed = (state & SCRATCH_ROUTED) !== 0;
  const own: u32 = routed ? NONE : ingress;
  const group: u32 = routed ? 0 : load<u32>(ports + ingress * PORT_LENGTH, PORT_GROUP);
  let last: u32 = NONE;
  if (resumed) {
    last = load<u32>(context, CONTEXT_FLOOD_LAST);
  } else {
    for (let i = load<u32>(record, DOMAIN_FLOOD_COUNT); i > 0; i--) {
      if (!takesPart(ports, load<u32>(list + ((i - 1) << 2)), own, group)) continue;
      last = i - 1;
      break;
    }
    if (last === NONE) {
      refuse(context, d, ingress, domain, DROP_NO_EGRESS);
      return true;
    }
  }
  for (let i = from; i < last; i++) {
    const destination = load<u32>(list + (i << 2));
    if (!takesPart(ports, destination, own, group)) continue;
    const used = load<u32>(context, CONTEXT_COPIES_USED);
    if (used >= load<u32>(context, CONTEXT_COPY_COUNT)) {
      store<u32>(context, i, CONTEXT_FLOODED);
      store<u32>(context, last, CONTEXT_FLOOD_LAST);
      return false;
    }
    countOne(portCounters(context, ingress) + PORT_COPIES);
    countOne(domainCounters(context, domain) + DOMAIN_COPIES);
    const copied = copyFrame(context, d, used);
    if (load<u32>(d, DESCRIPTOR_FRAME_LENGTH) > load<u32>(context, CONTEXT_FRAME_BYTES))
      refuse(context, copied, ingress, domain, DROP_FRAME_TOO_LONG);
    else send(context, sw, copied, destination, domain, tagged, ingress);
  }
  send(context, sw, d, load<u32>(list + (last << 2)), domain, tagged, ingress);
  return true;
}

function takesPart(ports: usize, destination: u32, own: u32, group: u32): bool {
  const port = destination & DESTINATION_PORT_MASK;
  if (port === own) return false;
  return group === 0 || load<u32>(ports + port * PORT_LENGTH, PORT_GROUP) !== group;
}

/** A copy of the frame in slot `index` of the context; without its bytes if they do not fit. */
function copyFrame(context: usize, d: usize, index: u32): usize {
  const to: usize = load<u32>(context, CONTEXT_COPIES) + index * DESCRIPTOR_LENGTH;
  const floor: usize = load<u32>(context, CONTEXT_SLOTS) + index * load<u32>(context, CONTEXT_STRIDE);
  const length = load<u32>(d, DESCRIPTOR_FRAME_LENGTH);
  const start: usize = floor + load<u32>(context, CONTEXT_HEADROOM);
  store<u32>(to, <u32>start, DESCRIPTOR_OFFSET);
  store<u32>(to, length, DESCRIPTOR_FRAME_LENGTH);
  store<u32>(to, load<u32>(d, DESCRIPTOR_WIRE_LENGTH), DESCRIPTOR_WIRE_LENGTH);
  store<u32>(to, <u32>floor, DESCRIPTOR_FLOOR);
  store<u32>(to, 0, DESCRIPTOR_VERDICT);
  store<u32>(to, load<u32>(d, DESCRIPTOR_VNI), DESCRIPTOR_VNI);
  store<u32>(to, load<u32>(d, DESCRIPTOR_FLOW_HASH), DESCRIPTOR_FLOW_HASH);
  store<u32>(to, 0, DESCRIPTOR_MARK);
  if (length <= load<u32>(context, CONTEXT_FRAME_BYTES)) copy(start, load<u32>(d, DESCRIPTOR_OFFSET), length);
  store<u32>(context, index + 1, CONTEXT_COPIES_USED);
  return to;
}
