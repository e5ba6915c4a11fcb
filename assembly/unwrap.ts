// Decapsulation of any kind: whatever wrapping is known is taken off, level by level, mixed ones too.
//
// Usual packets go through the loops of decapsulate.ts, which know one form at a time: that of the packet before is tried
// first. What they leave goes the walk: a place in the frame, and the EtherType of what stands there. It passes over what is
// only passed over, tags and IPv6 extension headers, and opens one wrapping a level. Nothing is written before the walk has
// ended: a level that cannot be taken off leaves all as it was before it.
//
// A level ends with Ethernet or IP. A wrapping that carries another one directly, as GRE carries MPLS, is taken off together
// with that: what is neither Ethernet nor IP can be no frame.

import {
  COUNT_KEY,
  COUNT_KEY_LENGTH,
  COUNT_KIND,
  COUNT_TUNNEL_KEY,
  COUNT_VNI,
} from "../src/layout/count.layout";
import {
  DESCRIPTOR_FLOOR,
  DESCRIPTOR_FRAME_LENGTH,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_LINK,
  DESCRIPTOR_OFFSET,
  DESCRIPTOR_VERDICT,
  DESCRIPTOR_VNI,
  DESCRIPTOR_WIRE_LENGTH,
  VERDICT_FORWARD,
  VNI_NONE,
} from "../src/layout/descriptor.layout";
import {
  DROP_FRAME_TOO_SHORT,
  DROP_INNER_TAGGED,
  DROP_INNER_TRUNCATED,
  DROP_INNER_UNKNOWN,
  DROP_NO_HEADROOM,
  DROP_NONE,
  DROP_NOT_TUNNEL,
  DROP_OTHER_ADDRESS,
  DROP_OTHER_KEY,
  DROP_OTHER_VNI,
} from "../src/layout/drop.layout";
import { ETHERNET_LENGTH, ETHERNET_TYPE, ETHERTYPE_IPV4, ETHERTYPE_TEB } from "../src/layout/ethernet.layout";
import { IP_PROTOCOL_GRE, IP_PROTOCOL_UDP, IPV4_LENGTH } from "../src/layout/ipv4.layout";
import { IPV6_LENGTH } from "../src/layout/ipv6.layout";
import { LINK_ETHERNET, LINK_IP } from "../src/layout/link.layout";
import {
  ANY_DEPTH,
  ANY_ENTRIES,
  ANY_KEYS,
  ANY_KINDS,
  ANY_NUMBERS,
  ANY_TAKEN,
  ANY_VNIS,
  DECAPSULATE_KEEP_OTHERS,
  DECAPSULATE_PLAIN,
  DECAPSULATE_RAW,
  DECAPSULATE_REFUSE_TAGGED,
  INHERIT,
  STAGE_FLAGS,
  TAKEN_KIND,
  TAKEN_LENGTH,
  TAKEN_MAXIMUM,
  TAKEN_NUMBER,
  TAKEN_NUMBER_IS,
  TAKEN_WIRE,
} from "../src/layout/stage.layout";
import {
  FORM_KIND,
  FORM_MASK,
  FORM_PORT,
  PLAIN_GRE_LENGTH,
  TUNNEL_GRE,
  TUNNEL_NVGRE,
} from "../src/layout/tunnel.layout";
import { VLAN_LENGTH } from "../src/layout/vlan.layout";
import { swapped16 } from "./byte-order";
import { countKey } from "./count-entry";
import { pullPlain } from "./decapsulate";
import { countChanged, drop, passOver, stateOf } from "./descriptor";
import { pullPlainGre } from "./gre";
import { NO_FIELDS, putInnerFields } from "./inherit";
import { setLabel, startLabel } from "./label";
import { LINK_PLACE, LINK_REASON, LINK_REFUSED, LINK_TYPE, openLink } from "./link";
import { OTHER } from "./refusal";
import { inherit, inherited, setCarrier } from "./unwrap-inherit";
import { isAddressed, openIp, resetAddressed } from "./unwrap-ip";
import {
  byteAt,
  flags,
  foundAt,
  foundEnd,
  foundKind,
  foundMacs,
  foundNumber,
  foundNumberIs,
  foundType,
  half,
  length,
  NO_MACS,
  NUMBER_KEY,
  NUMBER_NONE,
  NUMBER_VNI,
  presentFrom,
  setFrame,
  setStage,
  stage,
} from "./unwrap-state";
import { openTagged } from "./unwrap-tags";
import { isIp } from "./unwrap-types";
import { entryOfPort } from "./unwrap-udp";
import { isTag } from "./vlan";

/** Outer tags walked over; more are no tunnel packet. */
const TAGS_MAXIMUM = 4;
/** Addresses of an Ethernet header that is made up for an IP packet: from 02:00:00:00:00:01 to 02:00:00:00:00:02. */
const MADE_UP_FIRST: u64 = 0x0002020000000002;
const MADE_UP_LAST: u32 = 0x01000000;

/** The state of the stage, and where lies what was taken off the frame in work. */
let state: usize = 0;
let taken: usize = 0;
let takenCount: u32 = 0;
let depth: u32 = 0;
/** The entry that was counted last: frames of one kind and network often come together. */
let lastEntry: usize = 0;

/** Whether it is only to be told what would become of a frame. */
let trial = false;

/** The reason why wrappings cannot be taken off the frame, if there is one: it is left as it is, and nothing is counted. */
export function tryAny(d: usize, record: usize, counters: usize): u32 {
  setStage(record, load<u32>(record, STAGE_FLAGS), load<u64>(record, ANY_KINDS));
  taken = stateOf(record, counters) + load<u32>(record, ANY_TAKEN);
  depth = load<u32>(record, ANY_DEPTH);
  trial = true;
  const reason = unwrap(d, 0);
  trial = false;
  return reason;
}

export function decapsulateAny(descriptors: usize, count: u32, record: usize, counters: usize): void {
  const stageFlags = load<u32>(record, STAGE_FLAGS);
  setStage(record, stageFlags, load<u64>(record, ANY_KINDS));
  state = stateOf(record, counters);
  taken = state + load<u32>(record, ANY_TAKEN);
  depth = load<u32>(record, ANY_DEPTH);
  lastEntry = 0;
  const plain = (stageFlags & DECAPSULATE_PLAIN) !== 0;
  const keep = (stageFlags & DECAPSULATE_KEEP_OTHERS) !== 0;
  let form: usize = record + ANY_ENTRIES;
  const end: usize = descriptors + count * DESCRIPTOR_LENGTH;
  let changed: u64 = 0;
  let d = descriptors;
  while (d < end) {
    if (plain) {
      let next = pullForm(d, end, form);
      if (next === d) {
        const seeming = seemingEntry(d);
        if (seeming !== 0 && seeming !== form) {
          form = seeming;
          next = pullForm(d, end, form);
        }
      }
      changed += <u64>(next - d) / DESCRIPTOR_LENGTH;
      for (; d < next; d += DESCRIPTOR_LENGTH) countPulled(d, form);
      if (d >= end) break;
    }
    startLabel(state, (d - descriptors) / DESCRIPTOR_LENGTH);
    if (load<u8>(d, DESCRIPTOR_VERDICT) === VERDICT_FORWARD) {
      const reason = unwrap(d, 0);
      if (reason === DROP_NONE) changed++;
      else if (!keep || (reason & OTHER) === 0) drop(d, reason & ~OTHER, counters);
    } else {
      passOver(d);
    }
    d += DESCRIPTOR_LENGTH;
  }
  countChanged(record, counters, changed);
}

/** Moves descriptors to their passengers for as long as the packets are plain and of this form. */
function pullForm(d: usize, end: usize, form: usize): usize {
  if (load<u32>(form, FORM_MASK) === 0) return d;
  return load<u32>(form, FORM_PORT) === 0
    ? pullPlainGre(d, end, form, VNI_NONE, 0)
    : pullPlain(d, end, form, VNI_NONE);
}

/** The form of a packet that may be plain, by what its bytes say where they would; 0 if there is none. */
function seemingEntry(d: usize): usize {
  if (load<u32>(d, DESCRIPTOR_FRAME_LENGTH) < <u32>PLAIN_GRE_LENGTH) return 0;
  const address: usize = load<u32>(d, DESCRIPTOR_OFFSET);
  const protocol: u32 = load<u8>(address, 23);
  if (protocol === IP_PROTOCOL_UDP) return entryOfPort(load<u16>(address, 36));
  const first: usize = stage + ANY_ENTRIES;
  return protocol === IP_PROTOCOL_GRE && load<u32>(first, FORM_PORT) === 0 ? first : 0;
}

/** Counts what a loop has taken off, and goes on in what was inside. */
function countPulled(d: usize, form: usize): void {
  const number = load<u32>(d, DESCRIPTOR_VNI);
  const kind = load<u32>(form, FORM_KIND);
  const is = kind !== TUNNEL_GRE ? NUMBER_VNI : number === VNI_NONE ? NUMBER_NONE : NUMBER_KEY;
  countTaken(kind, is, number, load<u32>(d, DESCRIPTOR_WIRE_LENGTH));
  if (depth > 1) unwrap(d, 1);
}

/**
 * Takes wrappings off the frame, of which `levels` were taken off before, and moves the descriptor to what is inside; or
 * returns the reason why not, and leaves all as it is.
 */
function unwrap(d: usize, levels: u32): u32 {
  const address: usize = load<u32>(d, DESCRIPTOR_OFFSET);
  const wire = load<u32>(d, DESCRIPTOR_WIRE_LENGTH);
  const link: u32 = load<u8>(d, DESCRIPTOR_LINK);
  setFrame(address, load<u32>(d, DESCRIPTOR_FRAME_LENGTH));
  let at: u32 = 0;
  let type: u32 = ETHERTYPE_TEB;
  if (link !== LINK_ETHERNET) {
    const opened = openLink(link, address, load<u32>(d, DESCRIPTOR_FRAME_LENGTH));
    if ((opened & LINK_REFUSED) !== 0) return OTHER | (opened & LINK_REASON);
    at = opened & LINK_PLACE;
    type = swapped16(opened >>> LINK_TYPE);
  }
  resetAddressed();
  takenCount = 0;
  let numbered = levels !== 0 || load<u16>(stage, ANY_VNIS) === 0;
  let vni = load<u32>(d, DESCRIPTOR_VNI);
  let end = wire;
  let macs: u32 = link === LINK_ETHERNET ? at : NO_MACS;
  let reason: u32 = DROP_NONE;
  const before = levels;
  let fields = NO_FIELDS;
  for (; levels < depth && takenCount < <u32>TAKEN_MAXIMUM; levels++) {
    const kept = takenCount;
    reason = openLevel(at, type, end, macs);
    if (reason === DROP_NONE && (flags & INHERIT) !== 0) {
      reason = inherit(fields);
      if (reason === DROP_NONE) fields = inherited;
    }
    if (reason === DROP_NONE && !numbered) {
      reason = choose(kept);
      if (reason !== DROP_NONE) return reason;
    }
    if (reason !== DROP_NONE) {
      takenCount = kept;
      break;
    }
    if (!numbered) numbered = hasNumber(kept);
    if (hasNumber(kept)) vni = numberFrom(kept);
    else if (levels === 0) vni = VNI_NONE;
    at = foundAt;
    type = foundType;
    end = foundEnd;
    macs = foundMacs;
    // What lies behind a wrapping is none of what it carries, whatever length that claims.
    if (end < length) setFrame(address, end);
  }
  if (levels === before) return before === 0 ? (reason === DROP_NONE ? DROP_NOT_TUNNEL : reason) : DROP_NONE;
  if (!numbered) return load<u8>(stage, ANY_VNIS) !== 0 ? DROP_OTHER_VNI : DROP_OTHER_KEY;
  if (!isAddressed()) return DROP_OTHER_ADDRESS;
  if (trial) return DROP_NONE;
  // Now: an Ethernet header that is made up may be written over the outermost one.
  setLabel(taken, takenCount);
  if (!settle(d, at, type, end, macs)) return DROP_NO_HEADROOM;
  if (fields !== NO_FIELDS)
    putInnerFields(fields, address + at, presentFrom(at, end), type === ETHERTYPE_TEB);
  store<u32>(d, vni, DESCRIPTOR_VNI);
  for (let i: u32 = 0; i < takenCount; i++) {
    const one: usize = taken + i * TAKEN_LENGTH;
    countTaken(
      load<u32>(one, TAKEN_KIND),
      load<u32>(one, TAKEN_NUMBER_IS),
      load<u32>(one, TAKEN_NUMBER),
      load<u32>(one, TAKEN_WIRE),
    );
  }
  return DROP_NONE;
}

/** One level: wrappings up to one that carries Ethernet or IP, of which enough is there to be a frame. */
function openLevel(at: u32, type: u32, end: u32, macs: u32): u32 {
  if (type === ETHERTYPE_TEB) {
    if (presentFrom(at, end) < <u32>ETHERNET_LENGTH) return OTHER | DROP_FRAME_TOO_SHORT;
    type = half(at + ETHERNET_TYPE);
    at += ETHERNET_LENGTH;
  }
  for (let tags = 0; tags < TAGS_MAXIMUM && isTag(swapped16(type)); tags++) {
    if (presentFrom(at, end) < <u32>VLAN_LENGTH) return OTHER | DROP_NOT_TUNNEL;
    type = half(at + 2);
    at += VLAN_LENGTH;
  }
  setCarrier(at, type);
  let reason = isIp(type) ? openIp(at, type, end) : openTagged(at, type, end, macs);
  while (reason === DROP_NONE) {
    if (takenCount === TAKEN_MAXIMUM) return OTHER | DROP_INNER_UNKNOWN;
    const one: usize = taken + takenCount++ * TAKEN_LENGTH;
    store<u32>(one, foundKind, TAKEN_KIND);
    store<u32>(one, foundNumberIs, TAKEN_NUMBER_IS);
    store<u32>(one, foundNumber, TAKEN_NUMBER);
    store<u32>(one, foundEnd - foundAt, TAKEN_WIRE);
    if (foundType === ETHERTYPE_TEB) return frameIsThere();
    if (isIp(foundType)) return packetIsThere();
    reason = openTagged(foundAt, foundType, foundEnd, NO_MACS);
  }
  return reason;
}

function frameIsThere(): u32 {
  if (presentFrom(foundAt, foundEnd) < <u32>ETHERNET_LENGTH) return DROP_INNER_TRUNCATED;
  // NVGRE's passengers have none (RFC 7637 §3.2).
  const refused = (flags & DECAPSULATE_REFUSE_TAGGED) !== 0 || foundKind === TUNNEL_NVGRE;
  return refused && isTag(swapped16(half(foundAt + ETHERNET_TYPE))) ? DROP_INNER_TAGGED : DROP_NONE;
}

/** A header that says one version in a packet that says another is nobody's. */
function packetIsThere(): u32 {
  const ipv4 = foundType === ETHERTYPE_IPV4;
  if (presentFrom(foundAt, foundEnd) < <u32>(ipv4 ? IPV4_LENGTH : IPV6_LENGTH)) return DROP_INNER_TRUNCATED;
  return byteAt(foundAt) >>> 4 === <u32>(ipv4 ? 4 : 6) ? DROP_NONE : OTHER | DROP_INNER_UNKNOWN;
}

/** Whether one of the wrappings from `from` on has a VNI or a key. */
function hasNumber(from: u32): bool {
  return numberAt(from) !== 0;
}

/** The first of the wrappings from `from` on that has a number; 0 if none has. */
function numberAt(from: u32): usize {
  for (; from < takenCount; from++) {
    const one: usize = taken + from * TAKEN_LENGTH;
    if (load<u32>(one, TAKEN_NUMBER_IS) !== NUMBER_NONE) return one;
  }
  return 0;
}

function numberFrom(from: u32): u32 {
  return load<u32>(numberAt(from), TAKEN_NUMBER);
}

/** The outermost number must be one of those asked for; GRE without a key is none of them. */
function choose(from: u32): u32 {
  const vnis: u32 = load<u8>(stage, ANY_VNIS);
  const keys: u32 = load<u8>(stage, ANY_KEYS);
  const one = numberAt(from);
  if (one === 0) return DROP_NONE;
  const isVni = load<u32>(one, TAKEN_NUMBER_IS) === NUMBER_VNI;
  let list: usize = stage + ANY_NUMBERS + (isVni ? 0 : vnis << 2);
  const last: usize = list + ((isVni ? vnis : keys) << 2);
  const number = load<u32>(one, TAKEN_NUMBER);
  for (; list < last; list += 4) if (load<u32>(list) === number) return DROP_NONE;
  return isVni ? DROP_OTHER_VNI : DROP_OTHER_KEY;
}

/** Lets the descriptor be that of what the walk has come to. False: there is no room for an Ethernet header. */
function settle(d: usize, at: u32, type: u32, end: u32, macs: u32): bool {
  const address: usize = load<u32>(d, DESCRIPTOR_OFFSET);
  let begin: usize = address + at;
  let present = presentFrom(at, end);
  let wire = end - at;
  let link: u32 = LINK_ETHERNET;
  if (type === ETHERTYPE_TEB) {
    if (macs !== at) {
      const from: usize = address + macs;
      const low = load<u64>(from);
      const high = load<u32>(from, 8);
      store<u64>(begin, low);
      store<u32>(begin, high, 8);
    }
  } else if ((flags & DECAPSULATE_RAW) !== 0) link = LINK_IP;
  else {
    begin -= ETHERNET_LENGTH;
    if (begin < <usize>load<u32>(d, DESCRIPTOR_FLOOR)) return false;
    store<u64>(begin, MADE_UP_FIRST);
    store<u32>(begin, MADE_UP_LAST, 8);
    store<u16>(begin, <u16>swapped16(type), ETHERNET_TYPE);
    present += ETHERNET_LENGTH;
    wire += ETHERNET_LENGTH;
  }
  store<u32>(d, <u32>begin, DESCRIPTOR_OFFSET);
  store<u32>(d, present, DESCRIPTOR_FRAME_LENGTH);
  store<u32>(d, wire, DESCRIPTOR_WIRE_LENGTH);
  store<u32>(d, link << ((DESCRIPTOR_LINK - DESCRIPTOR_VERDICT) << 3), DESCRIPTOR_VERDICT);
  return true;
}

/** Counts one wrapping in the stage's table. */
function countTaken(kind: u32, is: u32, number: u32, wire: u32): void {
  const key: usize = state + COUNT_KEY;
  const has: u32 = is === NUMBER_VNI ? COUNT_VNI : is === NUMBER_KEY ? COUNT_TUNNEL_KEY : 0;
  store<u32>(key, COUNT_KIND | has);
  store<u32>(key, kind, 4);
  store<u32>(key, is === NUMBER_VNI ? number : 0, 8);
  store<u32>(key, is === NUMBER_KEY ? number : 0, 12);
  lastEntry = countKey(stage, state, load<u32>(stage, COUNT_KEY_LENGTH), lastEntry, wire);
}
