// What stages of one's own and tables of rules add to a decapsulation: ns a packet, bursts of 256. Nothing but these stages
// can do the same, so their peer is the decapsulation alone.

import { FrameBatch, type Kernels, Pipeline, type Stage } from "../src/index.ts";
import { DESCRIPTOR_LENGTH } from "../src/layout/descriptor.layout.ts";
import { defineStage } from "../src/own-stages.ts";
import { type Rule, ruleTable } from "../src/stages.ts";
import type { Contest } from "./contests.ts";
import { makeFrames, makePackets } from "./frames.ts";
import { contender } from "./rounds.ts";

export const OWN_STAGES = "stages of one's own, behind a decapsulation";
const BURST = 256;
const SEED = 15;

const DECAPSULATE: Stage = { stage: "decapsulate", kind: "vxlan" };

/** Drops by the port of TCP or UDP over IPv4, as an example does it. */
const innerPort = defineStage<{ port: number }>({
  name: "inner-port",
  reasons: ["blocked-port"],
  run(burst, { port }) {
    for (let i = 0; i < burst.length; i++) {
      if (!burst.goesOn(i) || burst.uint16(i, 12) !== 0x0800) continue;
      const protocol = burst.uint8(i, 23);
      if (protocol !== 6 && protocol !== 17) continue;
      const ports = 14 + 4 * (burst.uint8(i, 14) & 15);
      if (burst.uint16(i, ports + 2) === port) burst.drop(i, "blocked-port");
    }
  },
});

/** Rules as a firewall has them: prefixes of all lengths, ports and ranges of them, from a seed. */
function rulesOf(count: number): Rule[] {
  let state = SEED;
  const next = (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const prefix = (): string =>
    [`10.${next(256)}.0.0/16`, `10.${next(256)}.${next(256)}.0/24`, `10.${next(256)}.${next(256)}.7`][
      next(3)
    ] as string;
  return Array.from({ length: count }, (): Rule => {
    const first = next(60_000);
    return {
      source: prefix(),
      destination: prefix(),
      protocol: next(2) === 0 ? "tcp" : "udp",
      destinationPort: next(3) === 0 ? [first, first + next(1000)] : first,
      verdict: next(2) === 0 ? "drop" : "forward",
    };
  });
}

export function* stageContests(
  kernels: Kernels,
  bytes: number,
  wanted: (group: string) => boolean,
): Generator<Contest> {
  if (!wanted(OWN_STAGES)) return;
  const stages: readonly (readonly [string, readonly Stage[]])[] = [
    ["decapsulation alone", []],
    ["and JavaScript that looks at a port", [innerPort.stage({ port: 9 })]],
    ["and a table of one rule", [ruleTable([{ match: "tcp dst port 9", verdict: "drop" }])]],
    ["and a table of 1,000 rules", [ruleTable(rulesOf(1000))]],
    ["and a table of 10,000 rules", [ruleTable(rulesOf(10_000))]],
  ];
  using batch = new FrameBatch(kernels, { frames: BURST });
  batch.fill(makePackets(makeFrames(BURST, bytes)));
  const start = batch.descriptors >>> 2;
  const fresh = kernels.words.slice(start, start + (BURST * DESCRIPTOR_LENGTH) / 4);
  const renew = (): void => void kernels.words.set(fresh, start);
  const pipelines = stages.map(([, more]) => new Pipeline(kernels, [DECAPSULATE, ...more]));
  try {
    const contenders = stages.map(([name], i) =>
      contender(name, BURST, () => void (pipelines[i] as Pipeline).run(batch), renew),
    );
    yield { group: OWN_STAGES, bytes, contenders };
  } finally {
    for (const pipeline of pipelines) pipeline.close();
  }
}
