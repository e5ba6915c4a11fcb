// What passengers on the walk through wrappings take over of the IP packets around them, level by level.

import { DROP_ECN_NOT_CAPABLE, DROP_NONE } from "../src/layout/drop.layout";
import { ETHERTYPE_IPV6, ETHERTYPE_TEB } from "../src/layout/ethernet.layout";
import { combined, fieldsAt, fieldsIn, NO_FIELDS } from "./inherit";
import { flags, foundAt, foundEnd, foundType, frame, presentFrom } from "./unwrap-state";
import { isIp } from "./unwrap-types";

const NO_CARRIER: u32 = 0xffffffff;
/** Where the IP packet begins that carries the level that is opened, if one does. */
let carrier: u32 = NO_CARRIER;
let carrierIsIpv6: bool = false;

/** What the IP header of the level's passenger will say; NO_FIELDS if it stays as it is. */
export let inherited: u32 = NO_FIELDS;

/** A level begins: at `at` stands what this EtherType says. */
export function setCarrier(at: u32, type: u32): void {
  carrier = isIp(type) ? at : NO_CARRIER;
  carrierIsIpv6 = type === ETHERTYPE_IPV6;
}

/**
 * Finds out what the passenger of the level takes over from its carrier, which itself has taken over `fields`; or returns the
 * reason why it cannot.
 */
export function inherit(fields: u32): u32 {
  inherited = NO_FIELDS;
  if (carrier === NO_CARRIER) return DROP_NONE;
  const outer = fields !== NO_FIELDS ? fields : fieldsAt(frame + carrier, carrierIsIpv6);
  const inner = fieldsIn(frame + foundAt, presentFrom(foundAt, foundEnd), foundType === ETHERTYPE_TEB);
  if (inner === NO_FIELDS) return DROP_NONE;
  inherited = combined(outer, inner, flags);
  return inherited === NO_FIELDS ? DROP_ECN_NOT_CAPABLE : DROP_NONE;
}
