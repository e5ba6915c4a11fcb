// Drops inside a switch: marked, and counted by reason, by the port the frame came in on, and by its bridge domain.

import { DESCRIPTOR_REASON, DESCRIPTOR_VERDICT, VERDICT_DROP } from "../src/layout/descriptor.layout";
import { COUNTER_LENGTH } from "../src/layout/drop.layout";
import {
  CONTEXT_DOMAINS,
  CONTEXT_PORTS,
  CONTEXT_REASONS,
  DOMAIN_COUNTERS_LENGTH,
  DOMAIN_DROPPED,
  PORT_COUNTERS_LENGTH,
  PORT_DROPPED,
} from "../src/layout/switch.layout";

export function countOne(counter: usize): void {
  store<u64>(counter, load<u64>(counter) + 1);
}

export function portCounters(context: usize, port: u32): usize {
  return load<u32>(context, CONTEXT_PORTS) + port * PORT_COUNTERS_LENGTH;
}

export function domainCounters(context: usize, domain: u32): usize {
  return load<u32>(context, CONTEXT_DOMAINS) + domain * DOMAIN_COUNTERS_LENGTH;
}

/** Drops a frame that came in on `port`; `domain` is 0 while it belongs to none. */
export function refuse(context: usize, d: usize, port: u32, domain: u32, reason: u32): void {
  store<u8>(d, <u8>VERDICT_DROP, DESCRIPTOR_VERDICT);
  store<u8>(d, <u8>reason, DESCRIPTOR_REASON);
  countOne(load<u32>(context, CONTEXT_REASONS) + reason * COUNTER_LENGTH);
  countOne(portCounters(context, port) + PORT_DROPPED);
  if (domain !== 0) countOne(domainCounters(context, domain) + DOMAIN_DROPPED);
}
