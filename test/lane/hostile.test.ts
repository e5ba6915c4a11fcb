// Hostile frames: whatever they hold, nothing is written outside of their record's headroom and frame.
import type { Stage } from "frameferry";
import { dedup, rate, rewrite } from "frameferry/stages";
import { compose } from "frameferry/wire";
import { describe, expect, test } from "vitest";
import { loadKernels } from "../../build/js/src/kernel/load-kernels.js";
import { PipelineLane } from "../../build/js/src/lane/pipeline-lane.js";
import { compileStages } from "../../build/js/src/pipeline/compile.js";
import { sumCounters } from "../../build/js/src/pipeline/counters.js";
import { Program } from "../../build/js/src/pipeline/program.js";
import {
  CURSOR_COUNTERS,
  CURSOR_DESCRIPTORS,
  CURSOR_JOURNAL,
  CURSOR_LENGTH,
} from "../../src/layout/cursor.layout.ts";
import { DESCRIPTOR_LENGTH } from "../../src/layout/descriptor.layout.ts";
import {
  FILLER,
  JOURNAL_LENGTH,
  RECORD_FRAME_LENGTH,
  RECORD_HEADER_LENGTH,
  RECORD_TOTAL,
  RING_HEADER_LENGTH,
  RING_HEADROOM,
  RING_ITEMS,
  RING_MASK,
  RING_TAIL,
} from "../../src/layout/ring.layout.ts";
import { flowFrame, random } from "../dataplane/support.ts";

const OUTER = { local: "10.0.0.1", remote: "10.0.0.2" } as const;
const OUTER6 = { local: "fd00::1", remote: "fd00::2" } as const;
const pipelines: Readonly<Record<string, readonly Stage[]>> = {
  decapsulate: [{ stage: "decapsulate", kind: "vxlan", others: "keep", depth: "all", udpChecksum: "verify" }],
  "decapsulate any": [
    { stage: "decapsulate", kind: "any", others: "keep", depth: "all", vni: [1, 2], key: 3 },
  ],
  "encapsulate over IPv4": [{ stage: "encapsulate", kind: "vxlan", vni: 1, ...OUTER, udpChecksum: true }],
  "encapsulate IP packets over UDP": [
    { stage: "encapsulate", kind: "gtp-u", teid: 1, ...OUTER, udpChecksum: true },
  ],
  "encapsulate IP packets on Ethernet": [{ stage: "encapsulate", kind: "pppoe", session: 1 }],
  "encapsulate frames with tags and labels": [
    { stage: "encapsulate", kind: "vn-tag", destinationVif: 1, innerTag: "strip" },
    { stage: "encapsulate", kind: "mpls", label: 16 },
  ],
  "encapsulate over IPv6, strip": [
    { stage: "encapsulate", kind: "vxlan", vni: 1, ...OUTER6, outerVid: 5, innerTag: "strip" },
  ],
  bare: [{ stage: "encapsulate", kind: "vxlan", vni: 1, header: "bare" }],
  tags: [
    { stage: "vlan-pop" },
    { stage: "vlan-push", vid: 1 },
    { stage: "vlan-push", vid: 2, tpid: 0x88a8 },
    { stage: "vlan-rewrite", vid: 9, pcp: 7 },
  ],
  "sample and count": [
    { stage: "sample", oneIn: 2 },
    { stage: "count", by: ["vni", "vid", "source", "sourcePort", "destinationMac"], capacity: 7 },
    { stage: "sample", oneIn: 2, by: "flow", seed: 1 },
    { stage: "count", by: "protocol" },
  ],
  "rewrite and take copies out": [
    rewrite({
      macs: { to: "02:00:00:00:00:09" },
      addresses: [{ to: "172.16.0.0/12" }, { to: "fd01::/16" }],
      ports: { from: [0, 40000], to: 9 },
      vid: { to: 7 },
      dscp: { to: 46 },
      ttlLess: 9,
    }),
    dedup({ window: 100 }),
    rate({ framesPerSecond: 1000, bitsPerSecond: 1e9, by: "flow", capacity: 16 }),
  ],
  everything: [
    { stage: "decapsulate", kind: "vxlan", others: "keep" },
    { stage: "vlan-pop" },
    { stage: "encapsulate", kind: "vxlan", vni: 1, ...OUTER },
    { stage: "vlan-push", vid: 3 },
    { stage: "encapsulate", kind: "vxlan", vni: 2, ...OUTER6 },
    { stage: "decapsulate", kind: "vxlan", innerTag: "drop", others: "keep" },
  ],
};

/** Random bytes, a packet with a bit or a length of it changed, a frame cut short. */
function hostileFrame(next: (below: number) => number): Uint8Array {
  const kind = next(4);
  if (kind === 0) return Uint8Array.from({ length: next(300) }, () => next(256));
  const tags = Array.from({ length: next(3) }, () => ({ name: "vlan", vid: next(4095) }) as const);
  const frame = compose(
    [
      { name: "ethernet", destination: "02:00:00:00:00:02", source: "02:00:00:00:00:01" },
      ...tags,
      next(2) === 0
        ? { name: "ipv4", source: "10.0.0.1", destination: "10.0.0.2" }
        : { name: "ipv6", source: "fd00::1", destination: "fd00::2" },
      { name: "udp", sourcePort: next(65536), destinationPort: 4789 },
      { name: "vxlan", vni: next(1 << 24) },
    ],
    flowFrame(next(9), next(9), 50 + next(200)),
  );
  if (kind === 1) return frame.subarray(0, next(frame.length));
  for (let changes = next(4); changes >= 0; changes--) frame[next(Math.min(frame.length, 80))] = next(256);
  return frame;
}

/** Little-endian words of the memory, without the regions that may change. */
function expectUntouched(
  now: Uint8Array,
  before: Uint8Array,
  allowed: readonly (readonly [number, number])[],
): void {
  const sorted = [...allowed].sort((a, b) => a[0] - b[0]);
  let at = 0;
  for (const [start, end] of [...sorted, [now.length, now.length] as const]) {
    for (; at < start; at++) {
      if (now[at] !== before[at]) throw new Error(`byte ${at} was written: ${before[at]} became ${now[at]}`);
    }
    at = Math.max(at, end);
  }
}

describe.each(Object.entries(pipelines))("%s", (_name, stages) => {
  test("a burst in a byte ring changes nothing but its own records", async () => {
    const kernels = await loadKernels({ memoryBytes: 1 << 18 });
    const { bytes, words, functions } = kernels;
    // The reserve of every region is guarded too: this is all of the memory.
    const compiled = compileStages(stages);
    const lane = new PipelineLane(new Program(kernels, compiled), {
      ringBytes: 1 << 14,
      worker: 0,
      owner: 0,
    });
    const { cursor, receive, transmit } = lane.addresses;
    const word = (address: number): number => words[address >>> 2] as number;
    const items = (ring: number): number => word(ring + RING_ITEMS);
    const next = random(stages.length + 5);
    const headroom = word(receive + RING_HEADROOM);
    const descriptors = word(cursor + CURSOR_DESCRIPTORS);
    const journal = word(cursor + CURSOR_JOURNAL);
    const state = word(cursor + CURSOR_COUNTERS);
    let sent = 0;
    for (let turn = 0; turn < 400; turn++) {
      // Poison in front of every frame, in the padding behind it, and in all that is free.
      const start = items(receive);
      const tail = word(receive + RING_TAIL);
      const frames = Array.from({ length: 1 + next(12) }, () => hostileFrame(next));
      const taken = frames.filter((frame) => lane.add(frame, 1)).length;
      sent += taken;
      lane.publish();
      const allowed: [number, number][] = [
        // Heads, tails and counters; the cursor, descriptors, journal, and the state. Not the stages: nobody writes to them.
        [receive, receive + RING_HEADER_LENGTH],
        [transmit, transmit + RING_HEADER_LENGTH],
        [cursor, cursor + CURSOR_LENGTH],
        [descriptors, descriptors + 256 * DESCRIPTOR_LENGTH],
        [journal, journal + JOURNAL_LENGTH],
        [state, state + compiled.stateLength],
      ];
      const tailNow = word(receive + RING_TAIL);
      for (let at = tail; at !== tailNow; ) {
        const record = start + (at & word(receive + RING_MASK));
        const total = word(record + RECORD_TOTAL);
        const length = word(record + RECORD_FRAME_LENGTH);
        const room = record + RECORD_HEADER_LENGTH;
        if (length !== FILLER) allowed.push([room, room + headroom + length]);
        at = (at + total) >>> 0;
      }
      // The results' room: what was free of the transmit ring, all of it, as it was emptied.
      allowed.push([items(transmit), items(transmit) + (1 << 14)]);
      const before = bytes.slice();
      functions.runRings(cursor, receive, transmit, 100);
      expectUntouched(bytes, before, allowed);
      while (lane.take() !== undefined) {
        // Emptied, so that everything is worked on at the next turn.
      }
      functions.runRings(cursor, receive, transmit, 100);
      while (lane.take() !== undefined) {
        // The same for what had to wait.
      }
    }
    const counters = sumCounters([lane.tally()]);
    expect(counters.received).toBe(sent);
    expect(sent).toBeGreaterThan(1000);
  });

  test("each frame alone, between guards", async () => {
    const kernels = await loadKernels({ memoryBytes: 1 << 18 });
    const { bytes, words, functions, plan } = kernels;
    const program = new Program(kernels, compileStages(stages));
    const state = program.open();
    const descriptor = plan.reserve("a descriptor", 64);
    const slot = plan.reserve("a slot", 2048);
    const next = random(stages.length + 77);
    for (let turn = 0; turn < 3000; turn++) {
      const frame = hostileFrame(next);
      // Headroom may be short, too: then the frame is dropped.
      const headroom = next(program.headroom + 20);
      const floor = slot + 512;
      bytes.fill(0xa5, slot, slot + 2048);
      bytes.set(frame, floor + headroom);
      words.set([floor + headroom, frame.length, frame.length, floor, 0, 0xffffffff, 0, 0], descriptor >>> 2);
      functions.runPipeline(descriptor, 1, program.address, program.length, state.address);
      const guard = (from: number, to: number): boolean =>
        bytes.subarray(from, to).every((byte) => byte === 0xa5);
      expect(guard(slot, floor)).toBe(true);
      expect(guard(floor + headroom + frame.length, slot + 2048)).toBe(true);
    }
  });
});
