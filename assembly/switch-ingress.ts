// Frames on their way into a switch: from which port, of which bridge domain, and whether they may go on at all.

import {
  DESCRIPTOR_FRAME_LENGTH,
  DESCRIPTOR_LINK,
  DESCRIPTOR_MARK,
  DESCRIPTOR_OFFSET,
  DESCRIPTOR_REASON,
  DESCRIPTOR_TRAILER,
  DESCRIPTOR_VERDICT,
  DESCRIPTOR_WIRE_LENGTH,
  VERDICT_DROP,
  VERDICT_FORWARD,
} from "../src/layout/descriptor.layout";
import {
  DROP_FRAME_TOO_LONG,
  DROP_FRAME_TOO_SHORT,
  DROP_INNER_TAGGED,
  DROP_NO_PORT,
  DROP_NONE,
  DROP_NOT_ETHERNET,
  DROP_RESERVED_GROUP,
  DROP_SOURCE_GROUP,
  DROP_SOURCE_OWN,
  DROP_SOURCE_ZERO,
  DROP_VLAN_NOT_ALLOWED,
} from "../src/layout/drop.layout";
import { ETHERNET_LENGTH, ETHERNET_SOURCE, ETHERNET_TYPE } from "../src/layout/ethernet.layout";
import { DESTINATION_VID_SHIFT, KEY_DOMAIN } from "../src/layout/fdb.layout";
import { LINK_ETHERNET } from "../src/layout/link.layout";
import { STAGE_FLAGS } from "../src/layout/stage.layout";
import {
  DOMAIN_ANSWERS_ARP,
  DOMAIN_FLAGS,
  DOMAIN_LEARNS_SHIFT,
  DOMAIN_LENGTH,
  DOMAIN_RECEIVED,
  DOMAIN_ROUTER_MAC,
  DOMAIN_ROUTES,
  PORT_DOMAIN,
  PORT_ENCAPSULATION,
  PORT_FLAGS,
  PORT_GROUP,
  PORT_INHERITS,
  PORT_KIND,
  PORT_LEARNS,
  PORT_LENGTH,
  PORT_NATIVE_VID,
  PORT_NONE,
  PORT_RECEIVED,
  PORT_TRUNK,
  PORT_TUNNEL,
  PORT_UPLINK,
  PORT_VLANS,
  SCRATCH_ANSWER,
  SCRATCH_DESTINATION,
  SCRATCH_DONE,
  SCRATCH_GROUP_NUMBER_SHIFT,
  SCRATCH_GROUP_SHIFT,
  SCRATCH_INGRESS,
  SCRATCH_LAYER3,
  SCRATCH_LEARNS_SHIFT,
  SCRATCH_SOURCE,
  SCRATCH_STATE,
  SCRATCH_TAGGED,
  SWITCH_DOMAINS,
  SWITCH_PORT_COUNT,
  SWITCH_PORTS,
  UPLINK_NUMBER,
} from "../src/layout/switch.layout";
import { VLAN_LENGTH } from "../src/layout/vlan.layout";
import { answerArp } from "./arp-answer";
import { saidLength } from "./super-frame";
import { countOne, domainCounters, portCounters, refuse } from "./switch-drop";
import { fromUnderlay, takeOver, underlayReason } from "./switch-underlay";
import { isTag } from "./vlan";

export const MAC_MASK: u64 = 0x0000ffffffffffff;
/** 01:80:c2:00:00:00 to ..:0f, as a little-endian load of six bytes sees them (IEEE 802.1Q clause 8.6.3). */
export const RESERVED_MASK: u64 = 0x0000f0ffffffffff;
export const RESERVED_GROUP: u64 = 0x0000000000c28001;

function countReceived(context: usize, port: u32, d: usize): void {
  const bytes = saidLength(load<u32>(d, DESCRIPTOR_FRAME_LENGTH), load<u32>(d, DESCRIPTOR_WIRE_LENGTH));
  countManyReceived(context, port, 1, bytes);
}

/** Counts frames and bytes together. */
export function countManyReceived(context: usize, port: u32, frames: u64, bytes: u64): void {
  const counters = portCounters(context, port) + PORT_RECEIVED;
  const both = i64x2.replace_lane(i64x2.splat(frames), 1, bytes);
  v128.store(counters, i64x2.add(v128.load(counters), both));
}

/** Frames come in neither by ports that are not there nor by a tunnel, whose packets come by the uplink. */
function isNoIngress(kind: u32): bool {
  return kind === PORT_NONE || kind === PORT_TUNNEL;
}

/** The bridge domain of the frame that was examined last; 0 while it belonged to none. */
let domain: u32 = 0;

/** Any frame at all, with all that can be wrong: writes its scratch record. */
export function classify(context: usize, sw: usize, d: usize, scratch: usize): void {
  store<u32>(scratch, SCRATCH_DONE, SCRATCH_STATE);
  domain = 0;
  let number = load<u32>(d, DESCRIPTOR_MARK);
  const port: usize = load<u32>(sw, SWITCH_PORTS) + number * PORT_LENGTH;
  if (number >= load<u32>(sw, SWITCH_PORT_COUNT) || isNoIngress(load<u32>(port, PORT_KIND))) {
    countReceived(context, UPLINK_NUMBER, d);
    refuse(context, d, UPLINK_NUMBER, 0, DROP_NO_PORT);
    return;
  }
  countReceived(context, number, d);
  if (load<u8>(d, DESCRIPTOR_LINK) !== LINK_ETHERNET) {
    refuse(context, d, number, 0, DROP_NOT_ETHERNET);
    return;
  }
  store<u8>(d, 0, DESCRIPTOR_TRAILER);
  const verdict: u32 = load<u8>(d, DESCRIPTOR_VERDICT);
  if (verdict !== VERDICT_FORWARD) {
    // It was refused before any kernel saw it.
    refuse(
      context,
      d,
      number,
      0,
      verdict === VERDICT_DROP ? load<u8>(d, DESCRIPTOR_REASON) : DROP_FRAME_TOO_LONG,
    );
    return;
  }
  if (load<u32>(port, PORT_KIND) === PORT_UPLINK) {
    const tunnel = fromUnderlay(sw, d);
    if (tunnel === 0) {
      // Whoever asks for the VTEP's own address gets an answer.
      if (load<u32>(d, DESCRIPTOR_FRAME_LENGTH) >= <u32>ETHERNET_LENGTH + VLAN_LENGTH) {
        const tagged = isTag(load<u16>(load<u32>(d, DESCRIPTOR_OFFSET), ETHERNET_TYPE));
        if (answerArp(context, d, 0, tagged ? VLAN_LENGTH : 0)) {
          store<u64>(scratch, 0, SCRATCH_SOURCE);
          store<u32>(scratch, UPLINK_NUMBER, SCRATCH_INGRESS);
          store<u32>(scratch, SCRATCH_LAYER3 | SCRATCH_ANSWER, SCRATCH_STATE);
          return;
        }
      }
      refuse(context, d, number, 0, underlayReason());
      return;
    }
    number = tunnel & 0xffff;
    countReceived(context, number, d);
    let reason = examine(context, sw, d, scratch, number, tunnel >>> 16);
    const from: usize = load<u32>(sw, SWITCH_PORTS) + number * PORT_LENGTH;
    if (reason === DROP_NONE && (load<u32>(from, PORT_FLAGS) & PORT_INHERITS) !== 0) {
      reason = takeOver(d, load<u32>(load<u32>(from, PORT_ENCAPSULATION), STAGE_FLAGS));
      if (reason !== DROP_NONE) store<u32>(scratch, SCRATCH_DONE, SCRATCH_STATE);
    }
    if (reason !== DROP_NONE) refuse(context, d, number, domain, reason);
    return;
  }
  const reason = examine(context, sw, d, scratch, number, 0);
  if (reason !== DROP_NONE) refuse(context, d, number, domain, reason);
}

/** Writes the scratch record of a frame that may go on, or returns why it may not. `inner`: the domain its tunnel says. */
function examine(context: usize, sw: usize, d: usize, scratch: usize, number: u32, inner: u32): u32 {
  const port: usize = load<u32>(sw, SWITCH_PORTS) + number * PORT_LENGTH;
  const frame: usize = load<u32>(d, DESCRIPTOR_OFFSET);
  const length = load<u32>(d, DESCRIPTOR_FRAME_LENGTH);
  if (length < <u32>ETHERNET_LENGTH) return DROP_FRAME_TOO_SHORT;
  const source = load<u64>(frame, ETHERNET_SOURCE) & MAC_MASK;
  if ((source & 1) !== 0) return DROP_SOURCE_GROUP;
  if (source === 0) return DROP_SOURCE_ZERO;
  const tagged = isTag(load<u16>(frame, ETHERNET_TYPE));
  let vid: u32 = 0;
  let found = inner;
  if (inner !== 0) {
    if (tagged) return DROP_INNER_TAGGED;
  } else {
    if (tagged) {
      if (length < <u32>ETHERNET_LENGTH + VLAN_LENGTH) return DROP_FRAME_TOO_SHORT;
      vid = <u32>bswap<u16>(load<u16>(frame, ETHERNET_LENGTH)) & 0xfff;
    }
    if (vid === 0) {
      found = load<u32>(port, PORT_DOMAIN);
    } else if (load<u32>(port, PORT_KIND) === PORT_TRUNK) {
      found = load<u16>(load<u32>(port, PORT_VLANS) + (vid << 1));
      // By the native VLAN a frame leaves without a tag, however it came.
      if (vid === load<u32>(port, PORT_NATIVE_VID)) vid = 0;
    }
    if (found === 0) return DROP_VLAN_NOT_ALLOWED;
  }
  domain = found;
  countOne(domainCounters(context, found) + DOMAIN_RECEIVED);
  const destination = load<u64>(frame) & MAC_MASK;
  if ((destination & RESERVED_MASK) === RESERVED_GROUP) return DROP_RESERVED_GROUP;
  const record: usize = load<u32>(sw, SWITCH_DOMAINS) + found * DOMAIN_LENGTH;
  if (source === load<u64>(record, DOMAIN_ROUTER_MAC)) return DROP_SOURCE_OWN;
  const inDomain = (<u64>found) << (KEY_DOMAIN << 3);
  store<u64>(scratch, source | inDomain, SCRATCH_SOURCE);
  store<u64>(scratch, destination | inDomain, SCRATCH_DESTINATION);
  store<u32>(scratch, number | (vid << DESTINATION_VID_SHIFT), SCRATCH_INGRESS);
  const group: u32 = (<u32>destination & 1) << SCRATCH_GROUP_SHIFT;
  store<u32>(scratch, stateOf(port, record) | group | (tagged ? SCRATCH_TAGGED : 0), SCRATCH_STATE);
  return DROP_NONE;
}

/** Bits of the state of all frames that come in on a port, in a bridge domain. */
export function stateOf(port: usize, record: usize): u32 {
  const flags = load<u32>(record, DOMAIN_FLAGS);
  const learns = load<u32>(port, PORT_FLAGS) & (flags >>> DOMAIN_LEARNS_SHIFT) & PORT_LEARNS;
  return (
    (learns << SCRATCH_LEARNS_SHIFT) |
    ((flags & (DOMAIN_ANSWERS_ARP | DOMAIN_ROUTES)) !== 0 ? SCRATCH_LAYER3 : 0) |
    (load<u32>(port, PORT_GROUP) << SCRATCH_GROUP_NUMBER_SHIFT)
  );
}
