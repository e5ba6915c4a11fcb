// What a running switch has counted, with what was lost at its ports: in front of it, or behind it.

import { sumDrops } from "../port/port-counters.ts";
import type { PortCounters, SwitchCounters } from "../switch/switch-counters.ts";
import type { PortHost, PortLosses } from "./port-host.ts";

/** What found a full queue had left the switch, and counts as dropped instead of sent; what was too long never came in. */
export function withPortLosses(counters: SwitchCounters, host: PortHost): SwitchCounters {
  const all: PortLosses[] = [host.gone];
  const ports = counters.ports.map((port) => {
    const losses = host.ports.get(port.number)?.losses();
    if (losses === undefined || losses.tooLong + losses.full === 0) return port;
    all.push(losses);
    return withLosses(port, losses);
  });
  const tooLong = all.reduce((sum, losses) => sum + losses.tooLong, 0);
  const full = all.reduce((sum, losses) => sum + losses.full, 0);
  return {
    ...counters,
    received: counters.received + tooLong,
    sent: counters.sent - full,
    dropped: counters.dropped + tooLong + full,
    drops: sumDrops([counters.drops, ...all.map(byReason)]),
    ports,
  };
}

function withLosses(port: PortCounters, losses: PortLosses): PortCounters {
  return {
    ...port,
    received: port.received + losses.tooLong,
    receivedBytes: port.receivedBytes + losses.tooLongBytes,
    dropped: port.dropped + losses.tooLong + losses.full,
    drops: sumDrops([port.drops, byReason(losses)]),
    sent: port.sent - losses.full,
    sentBytes: port.sentBytes - losses.fullBytes,
  };
}

function byReason({ tooLong, full }: PortLosses): Record<string, number> {
  return { "frame-too-long": tooLong, "queue-full": full };
}
