// The third pass for a single frame, whatever it is.

import { DESCRIPTOR_OFFSET } from "../src/layout/descriptor.layout";
import {
  DROP_BLACKHOLE,
  DROP_NONE,
  DROP_SAME_PORT,
  DROP_SPLIT_HORIZON,
  DROP_UNKNOWN_UNICAST,
} from "../src/layout/drop.layout";
import {
  DESTINATION_PORT_MASK,
  KEY_DOMAIN,
  VALUE_BLACKHOLE,
  VALUE_FLAGS,
  VALUE_PRESENT,
  VALUE_STAMP_SHIFT,
} from "../src/layout/fdb.layout";
import { ROUTED_ANSWERED, ROUTED_DOMAIN_SHIFT, ROUTED_REASON_MASK } from "../src/layout/route.layout";
import {
  CONTEXT_STAMP,
  CONTEXT_THREAD,
  DOMAIN_FLAGS,
  DOMAIN_FLOODS_UNKNOWN,
  DOMAIN_LENGTH,
  DOMAIN_ROUTED_IN,
  DOMAIN_ROUTED_OUT,
  DOMAIN_ROUTER_MAC,
  DOMAIN_ROUTES,
  PORT_GROUP,
  PORT_LENGTH,
  SCRATCH_ANSWER,
  SCRATCH_DESTINATION,
  SCRATCH_DESTINATION_VALUE,
  SCRATCH_GROUP,
  SCRATCH_INGRESS,
  SCRATCH_LAYER3,
  SCRATCH_LEARNS,
  SCRATCH_ROUTED,
  SCRATCH_SOURCE,
  SCRATCH_SOURCE_VALUE,
  SCRATCH_STATE,
  SCRATCH_TAGGED,
  SWITCH_DOMAINS,
  SWITCH_FDB,
  SWITCH_PORTS,
} from "../src/layout/switch.layout";
import { answerArp } from "./arp-answer";
import { additions, changes, learn } from "./fdb-learn";
import { find } from "./find";
import { route } from "./route";
import { countOne, domainCounters, refuse } from "./switch-drop";
import { flood, send } from "./switch-egress";
import { MAC_MASK } from "./switch-ingress";

const PRESENT: u64 = (<u64>VALUE_PRESENT) << (VALUE_FLAGS << 3);
const BLACKHOLE: u64 = (<u64>VALUE_BLACKHOLE) << (VALUE_FLAGS << 3);

/** How much learning had added to the FDB and changed in it when the burst was looked up. */
let settledAdditions: u32 = 0;
let settledChanges: u32 = 0;

/** To be called as soon as a burst has been looked up: later changes are those that may have made it wrong. */
export function rememberFdbState(): void {
  settledAdditions = additions();
  settledChanges = changes();
}

/** Whether an entry that was looked up may be another by now, or gone. */
export function fdbHasChanged(): bool {
  return changes() !== settledChanges;
}

/** Learns from one frame and sends it, or drops it; false if its flood was interrupted. */
export function forwardOne(context: usize, sw: usize, d: usize, s: usize): bool {
  const fdb: usize = load<u32>(sw, SWITCH_FDB);
  const state = load<u32>(s, SCRATCH_STATE);
  const ingress = load<u32>(s, SCRATCH_INGRESS);
  const from: u32 = ingress & DESTINATION_PORT_MASK;
  const domain: u32 = load<u16>(s, SCRATCH_SOURCE + KEY_DOMAIN);
  if ((state & SCRATCH_LEARNS) !== 0) {
    const key = load<u64>(s, SCRATCH_SOURCE);
    const stamp: u64 = load<u32>(context, CONTEXT_STAMP);
    const expected: u64 = PRESENT | (stamp << VALUE_STAMP_SHIFT) | <u64>ingress;
    if (fdbHasChanged() || load<u64>(s, SCRATCH_SOURCE_VALUE) !== expected) {
      const reason = learn(fdb, key, expected, load<u32>(context, CONTEXT_THREAD));
      if (reason !== DROP_NONE) {
        refuse(context, d, from, domain, reason);
        return true;
      }
    }
  }
  if ((state & SCRATCH_LAYER3) !== 0) {
    const done = layer3(context, sw, d, s, domain);
    if (done) return true;
    if ((load<u32>(s, SCRATCH_STATE) & SCRATCH_ROUTED) !== 0) return forwardRouted(context, sw, d, s);
  }
  return forwardInDomain(context, sw, d, s, state, domain);
}

/** Sends a frame where its bridge domain's FDB says; false if its flood was interrupted. */
function forwardInDomain(context: usize, sw: usize, d: usize, s: usize, state: u32, domain: u32): bool {
  const fdb: usize = load<u32>(sw, SWITCH_FDB);
  const from: u32 = load<u32>(s, SCRATCH_INGRESS) & DESTINATION_PORT_MASK;
  let value: u64 = 0;
  if ((state & SCRATCH_GROUP) === 0) {
    value = load<u64>(s, SCRATCH_DESTINATION_VALUE);
    const again =
      (value === 0 && additions() !== settledAdditions) || fdbHasChanged() || (state & SCRATCH_ROUTED) !== 0;
    if (again) value = find(fdb, load<u64>(s, SCRATCH_DESTINATION));
    if (value === 0) {
      const flags = load<u32>(load<u32>(sw, SWITCH_DOMAINS) + domain * DOMAIN_LENGTH, DOMAIN_FLAGS);
      if ((flags & DOMAIN_FLOODS_UNKNOWN) === 0) {
        refuse(context, d, from, domain, DROP_UNKNOWN_UNICAST);
        return true;
      }
    }
  }
  if (value === 0) return flood(context, sw, d, s, 0, false);
  const reason = whyNot(sw, value, from, state);
  if (reason !== DROP_NONE) refuse(context, d, from, domain, reason);
  else send(context, sw, d, <u32>value, domain, state & SCRATCH_TAGGED, from);
  return true;
}

/** What the switch itself has to say to a frame: answers, and its router. True if nothing is left to do. */
function layer3(context: usize, sw: usize, d: usize, s: usize, domain: u32): bool {
  const state = load<u32>(s, SCRATCH_STATE);
  const ingress = load<u32>(s, SCRATCH_INGRESS);
  const from: u32 = ingress & DESTINATION_PORT_MASK;
  const tagged: u32 = state & SCRATCH_TAGGED;
  if ((state & SCRATCH_ANSWER) !== 0) {
    // Its tag, if it has one, is the underlay's.
    send(context, sw, d, ingress, domain, 0, from);
    return true;
  }
  if (answerArp(context, d, domain, tagged << 2)) {
    send(context, sw, d, ingress, domain, tagged, from);
    return true;
  }
  const record: usize = load<u32>(sw, SWITCH_DOMAINS) + domain * DOMAIN_LENGTH;
  const destination = load<u64>(s, SCRATCH_DESTINATION) & MAC_MASK;
  if ((load<u32>(record, DOMAIN_FLAGS) & DOMAIN_ROUTES) === 0) return false;
  if (destination !== load<u64>(record, DOMAIN_ROUTER_MAC)) return false;
  const routed = route(context, d, domain, tagged << 2);
  const reason = routed & ROUTED_REASON_MASK;
  if (reason !== DROP_NONE) {
    refuse(context, d, from, domain, reason);
    return true;
  }
  if ((routed & ROUTED_ANSWERED) !== 0) {
    send(context, sw, d, ingress, domain, tagged, from);
    return true;
  }
  const egress = routed >>> ROUTED_DOMAIN_SHIFT;
  countOne(domainCounters(context, domain) + DOMAIN_ROUTED_OUT);
  countOne(domainCounters(context, egress) + DOMAIN_ROUTED_IN);
  const inDomain = (<u64>egress) << (KEY_DOMAIN << 3);
  store<u64>(s, inDomain, SCRATCH_SOURCE);
  const frame: usize = load<u32>(d, DESCRIPTOR_OFFSET);
  store<u64>(s, (load<u64>(frame) & MAC_MASK) | inDomain, SCRATCH_DESTINATION);
  store<u32>(s, (state & ~SCRATCH_GROUP) | SCRATCH_ROUTED, SCRATCH_STATE);
  return false;
}

/** A frame that the router has let through goes on in another bridge domain. */
function forwardRouted(context: usize, sw: usize, d: usize, s: usize): bool {
  const domain: u32 = load<u16>(s, SCRATCH_SOURCE + KEY_DOMAIN);
  return forwardInDomain(context, sw, d, s, load<u32>(s, SCRATCH_STATE), domain);
}

/** Why a frame may not go where the FDB says; DROP_NONE if it may. */
function whyNot(sw: usize, value: u64, from: u32, state: u32): u32 {
  if ((value & BLACKHOLE) !== 0) return DROP_BLACKHOLE;
  // What was routed comes from the router, and may leave by the port that it came in on.
  if ((state & SCRATCH_ROUTED) !== 0) return DROP_NONE;
  const ports: usize = load<u32>(sw, SWITCH_PORTS);
  const to: u32 = <u32>value & DESTINATION_PORT_MASK;
  if (to === from) return DROP_SAME_PORT;
  const group = load<u32>(ports + from * PORT_LENGTH, PORT_GROUP);
  if (group !== 0 && group === load<u32>(ports + to * PORT_LENGTH, PORT_GROUP)) return DROP_SPLIT_HORIZON;
  return DROP_NONE;
}
