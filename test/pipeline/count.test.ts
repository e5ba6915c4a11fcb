// Frames and bytes by key: exact, bounded, in one order, and about the frame as it stands at that point of the pipeline.

import fc from "fast-check";
import { type CountKey, type CountStage, type Kernels, loadKernels, Pipeline, type Stage } from "frameferry";
import { compose } from "frameferry/wire";
import { beforeAll, describe, expect, it } from "vitest";
import { flowFrame, random } from "../dataplane/support.ts";
import { byName, counted } from "../support/count-model.ts";
import { PoisonedBatch } from "../support/poisoned-batch.ts";

let kernels: Kernels;
let poisoned: PoisonedBatch;

beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 32 << 20 });
  poisoned = new PoisonedBatch(kernels, { frames: 64, frameBytes: 512 });
});

const KEYS: readonly CountKey[] = [
  ...(["vni", "sourceMac", "destinationMac", "vid", "source", "destination"] as const),
  ...(["protocol", "sourcePort", "destinationPort"] as const),
];

const small = fc.integer({ min: 0, max: 3 });
/** Frames of all that can be told apart, cut anywhere, with bytes changed. */
const frames = fc.array(
  fc.record({
    tags: fc.array(small, { maxLength: 3 }),
    ipv6: fc.boolean(),
    addresses: fc.tuple(small, small),
    protocol: fc.constantFrom("udp", "tcp", "neither" as const),
    ports: fc.tuple(small, small),
    fragment: fc.constantFrom(0, 0, 0, 5),
    cut: fc.oneof({ weight: 4, arbitrary: fc.constant(1000) }, fc.integer({ min: 0, max: 90 })),
    flip: fc.oneof({ weight: 4, arbitrary: fc.constant(1000) }, fc.integer({ min: 0, max: 90 })),
    more: fc.integer({ min: 0, max: 100 }),
  }),
  { minLength: 1, maxLength: 120 },
);

type Shape = Parameters<Parameters<typeof frames.map>[0]>[0][number];

function frameOf({ tags, ipv6, addresses, protocol, ports, fragment, cut, flip }: Shape): Uint8Array {
  const [from, to] = addresses;
  const [sourcePort, destinationPort] = ports;
  const frame = compose(
    [
      { name: "ethernet", source: `02:00:00:00:00:0${from}`, destination: `02:00:00:00:00:0${to}` },
      ...tags.map((vid) => ({ name: "vlan", vid }) as const),
      ipv6
        ? { name: "ipv6", source: `fd00::${from}`, destination: `fd00::${to}` }
        : { name: "ipv4", source: `10.0.0.${from}`, destination: `10.0.0.${to}` },
      ...(protocol === "neither" ? [] : [{ name: protocol, sourcePort, destinationPort } as const]),
    ],
    new Uint8Array(20),
  );
  const ip = 14 + 4 * tags.length;
  if (!ipv6) frame[ip + 7] = fragment;
  if (flip < frame.length) frame[flip]! ^= 0x41;
  return frame.slice(0, Math.min(cut, frame.length));
}

function countOf(stage: Omit<CountStage, "stage">, inputs: readonly Uint8Array[], more = 0) {
  using pipeline = new Pipeline(kernels, [{ stage: "count", ...stage }]);
  const outcomes = poisoned.run(
    pipeline,
    inputs.map((bytes) => ({ bytes, wireLength: bytes.length + more })),
  );
  // Nothing is changed, and nothing dropped.
  outcomes.forEach(({ bytes }, index) => void expect(bytes).toEqual(inputs[index]));
  const { changed, counts } = pipeline.counters();
  expect(changed).toEqual([0]);
  return counts[0]!;
}

describe("a count", () => {
  it("says of all frames what the model says", () => {
    fc.assert(
      fc.property(
        frames,
        fc.subarray([...KEYS], { minLength: 1 }),
        fc.boolean(),
        (shapes, chosen, turned) => {
          const by = turned ? chosen.toReversed() : chosen;
          const inputs = shapes.map(frameOf);
          const more = shapes[0]!.more;
          const { entries, others } = counted(
            inputs.map((bytes) => ({ bytes, wireLength: bytes.length + more, vni: undefined })),
            by,
          );
          const told = countOf({ by }, inputs, more);
          expect(byName(told.entries, by)).toEqual(entries);
          expect(told.others).toEqual(others);
          expect(told.complete).toBe(true);
          expect(told.by).toEqual(by);
          expect(told.frames).toBe(inputs.length);
          expect(told.bytes).toBe(inputs.reduce((sum, { length }) => sum + length + more, 0));
        },
      ),
      { seed: 7, numRuns: 150 },
    );
  });

  it("keeps the first keys when there is no room for more, and loses none of the sums", () => {
    fc.assert(
      fc.property(frames, fc.integer({ min: 1, max: 20 }), (shapes, capacity) => {
        const by = ["source", "destinationPort"] as const;
        const inputs = shapes.map(frameOf);
        const model = counted(
          inputs.map((bytes) => ({ bytes, wireLength: bytes.length, vni: undefined })),
          by,
          capacity,
        );
        const told = countOf({ by, capacity }, inputs);
        expect(byName(told.entries, by)).toEqual(model.entries);
        expect(told.others).toEqual(model.others);
        expect(told.complete).toBe(model.others.frames === 0);
        expect(told.frames).toBe(inputs.length);
      }),
      { seed: 8, numRuns: 150 },
    );
  });

  it("holds as many keys as it has room for, to the last one", () => {
    for (const capacity of [1, 2, 3, 1000, 1024, 5000]) {
      const next = random(capacity);
      const inputs = Array.from({ length: capacity + 50 }, (_, i) => flowFrame(i, next(9)));
      const told = countOf({ by: "sourcePort", capacity }, [...inputs, ...inputs]);
      expect(told.entries.length).toBe(capacity);
      expect(told.entries.every(({ frames }) => frames === 2)).toBe(true);
      expect(told.others.frames).toBe(100);
    }
  });

  it("tells the keys with the most frames first, then by key, and the others together", () => {
    const flows = [5, 3, 3, 9, 1, 1, 1, 7];
    const inputs = flows.flatMap((many, flow) => Array.from({ length: many }, (_, i) => flowFrame(flow, i)));
    const told = countOf({ by: ["protocol", "sourcePort"], top: 4 }, inputs);
    const entry = (sourcePort: number, frames: number) => ({
      protocol: 17,
      sourcePort,
      frames,
      bytes: 64 * frames,
    });
    expect(told.entries).toEqual([entry(1027, 9), entry(1031, 7), entry(1024, 5), entry(1025, 3)]);
    expect(told.others).toEqual({ frames: 6, bytes: 6 * 64 });
    expect(told.complete).toBe(true);
  });

  it("sees outer headers in front of a decapsulation and inner ones behind it, with their VNI", () => {
    const packets = [7, 7, 9].map((vni, i) =>
      compose(
        [
          { name: "ethernet", source: "02:00:00:00:00:01", destination: "02:00:00:00:00:02" },
          { name: "ipv4", source: "192.0.2.1", destination: "192.0.2.2" },
          { name: "udp", sourcePort: 50000, destinationPort: 4789 },
          { name: "vxlan", vni },
        ],
        flowFrame(i, i),
      ),
    );
    const stages: Stage[] = [
      { stage: "count", by: ["vni", "source"] },
      { stage: "decapsulate", kind: "vxlan" },
      { stage: "count", by: ["vni", "source"] },
      { stage: "filter-vni", vni: 7 },
      { stage: "count", by: "vni" },
    ];
    using pipeline = new Pipeline(kernels, stages);
    poisoned.run(
      pipeline,
      [...packets, new Uint8Array(20)].map((bytes) => ({ bytes })),
    );
    const { counts, changed } = pipeline.counters();
    const length = packets[0]!.length;
    expect(counts.map(({ stage, entries }) => ({ stage, entries }))).toEqual([
      {
        stage: 0,
        entries: [
          { source: "192.0.2.1", frames: 3, bytes: 3 * length },
          { frames: 1, bytes: 20 },
        ],
      },
      {
        stage: 2,
        entries: [
          { vni: 7, source: "10.0.0.1", frames: 2, bytes: 128 },
          { vni: 9, source: "10.0.0.1", frames: 1, bytes: 64 },
        ],
      },
      { stage: 4, entries: [{ vni: 7, frames: 2, bytes: 128 }] },
    ]);
    expect(changed).toEqual([0, 3, 0, 0, 0]);
  });

  it("begins again from zero after a reset, with the same keys or others", () => {
    using pipeline = new Pipeline(kernels, [{ stage: "count", by: "sourcePort", capacity: 3 }]);
    for (const first of [0, 0, 2]) {
      const inputs = [0, 1, 2, 2, 3].map((flow) => ({ bytes: flowFrame(first + flow, 0) }));
      poisoned.run(pipeline, inputs);
      const { entries, others } = pipeline.counters().counts[0]!;
      expect(entries.map(({ sourcePort, frames }) => [sourcePort! - 1024 - first, frames])).toEqual([
        [2, 2],
        [0, 1],
        [1, 1],
      ]);
      expect(others.frames).toBe(1);
      pipeline.resetCounters();
      expect(pipeline.counters().counts).toMatchObject([{ frames: 0, entries: [], complete: true }]);
    }
  });
});
