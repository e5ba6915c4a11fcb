import type { Network } from "frameferry/overlay";
import { expect } from "vitest";

/** Nothing is lost silently: on each link, and in each switch, what came is what left and what was dropped. */
export function expectConservation(network: Network): void {
  for (const link of network.links()) {
    for (const lane of Object.values(link.counters())) {
      const dropped = Object.values(lane.drops as Record<string, number>).reduce((a, b) => a + b, 0);
      expect([link.name, lane.sent]).toEqual([link.name, lane.received + dropped]);
      expect(lane.waiting).toBe(0);
    }
  }
  for (const node of network.nodes()) {
    if (node.kind !== "switch") continue;
    const { received, copies, sent, dropped } = node.core.counters();
    expect([node.name, received + copies]).toEqual([node.name, sent + dropped]);
  }
}
