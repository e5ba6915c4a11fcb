// Encapsulation, byte for byte what the codecs compose.
import fc from "fast-check";
import { type EncapsulateStage, type Kernels, loadKernels, Pipeline } from "frameferry";
import { flowHash } from "frameferry/wire";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encapsulated, outerLength, passengerOf } from "../support/encapsulate-model.ts";
import { cook, longPassengerRecipe, noise, passengerRecipe } from "../support/passengers.ts";
import { expectBytes, type Outcome, PoisonedBatch } from "../support/poisoned-batch.ts";

let kernels: Kernels;
beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 16 << 20 });
});

const V4 = { local: "10.1.5.7", remote: "10.1.5.8" };
const V6 = { local: "fd00::5:7", remote: "fd00::5:8" };
const vni = fc.oneof(fc.constantFrom(0, 1, 0xffffff), fc.integer({ min: 0, max: 0xffffff }));

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const addresses = fc.oneof(
  fc.record({ local: bytes(4), remote: bytes(4) }),
  fc.record({ local: bytes(16), remote: bytes(16) }),
);
const outerStage: fc.Arbitrary<EncapsulateStage> = fc
  .tuple(
    addresses,
    fc.record(
      {
        localMac: bytes(6),
        remoteMac: bytes(6),
        port: fc.integer({ min: 1, max: 65535 }),
        ttl: fc.integer({ min: 1, max: 255 }),
        dscp: fc.integer({ min: 0, max: 63 }),
        udpChecksum: fc.boolean(),
        outerVid: fc.integer({ min: 1, max: 4094 }),
        innerTag: fc.constantFrom("keep" as const, "strip" as const),
        seed: fc.integer({ min: 0, max: 0xffffffff }),
      },
      { requiredKeys: [] },
    ),
    vni,
  )
  .map(([ips, options, number]) => ({
    stage: "encapsulate",
    kind: "vxlan",
    vni: number,
    ...ips,
    ...options,
  }));
const bareStage: fc.Arbitrary<EncapsulateStage> = fc.record({
  stage: fc.constant("encapsulate" as const),
  kind: fc.constant("vxlan" as const),
  header: fc.constant("bare" as const),
  vni,
  innerTag: fc.constantFrom("keep" as const, "strip" as const),
});
/** The usual one, which has a loop of its own in the kernel. */
const plainStage: fc.Arbitrary<EncapsulateStage> = fc.record({
  stage: fc.constant("encapsulate" as const),
  kind: fc.constant("vxlan" as const),
  vni,
  local: bytes(4),
  remote: bytes(4),
  seed: fc.integer({ min: 0, max: 0xffffffff }),
});
const anyStage = fc.oneof(
  { weight: 4, arbitrary: outerStage },
  { weight: 2, arbitrary: plainStage },
  { weight: 1, arbitrary: bareStage },
);

function check(stage: EncapsulateStage, frames: readonly Uint8Array[], poisoned: PoisonedBatch): void {
  using pipeline = new Pipeline(kernels, [stage]);
  expect(pipeline.headroom).toBe(outerLength(stage));
  const outcomes = poisoned.run(
    pipeline,
    frames.map((frame) => ({ bytes: frame })),
  );
  let forwarded = 0;
  outcomes.forEach((outcome, i) => {
    const frame = frames[i]!;
    const expected = encapsulated(stage, frame, poisoned.batch.headroom);
    const what = `frame ${i} of ${frame.length} bytes`;
    if (typeof expected === "string") {
      expect(outcome.reason, what).toBe(expected);
      return;
    }
    forwarded++;
    expect(outcome.reason, what).toBeUndefined();
    expectBytes(outcome.bytes, expected, what);
    expect(outcome.wireLength, what).toBe(expected.length);
    expect(outcome.vni, what).toBeUndefined();
    expect(outcome.flowHash, what).toBe(flowHash(passengerOf(stage, frame), stage.seed ?? 0));
  });
  const counters = pipeline.counters();
  expect(counters).toMatchObject({
    received: frames.length,
    forwarded,
    dropped: frames.length - forwarded,
    changed: [forwarded],
  });
}

describe("encapsulation gives what compose gives", () => {
  let poisoned: PoisonedBatch;
  let jumbo: PoisonedBatch;
  beforeAll(() => {
    poisoned = new PoisonedBatch(kernels, { frames: 16 });
    jumbo = new PoisonedBatch(kernels, { frames: 3, frameBytes: 65535 });
  });
  afterAll(() => {
    poisoned.close();
    jumbo.close();
  });

  it("for passengers of every kind, with every option", () => {
    const frames = fc.array(passengerRecipe, { minLength: 1, maxLength: 16 });
    fc.assert(
      fc.property(anyStage, frames, (stage, recipes) => check(stage, recipes.map(cook), poisoned)),
      { seed: 701, numRuns: 300 },
    );
  });

  it("for the longest passengers, and beyond", () => {
    const frames = fc.array(longPassengerRecipe, { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(anyStage, frames, (stage, recipes) => check(stage, recipes.map(cook), jumbo)),
      { seed: 702, numRuns: 30 },
    );
  });

  it.each([
    ["over IPv4", { ...V4 }, 65499],
    ["over IPv4 with an outer tag", { ...V4, outerVid: 7 }, 65499],
    ["over IPv4 with a checksum", { ...V4, udpChecksum: true }, 65499],
    ["over IPv6", { ...V6 }, 65519],
    ["over IPv6 without a checksum", { ...V6, udpChecksum: false }, 65519],
  ] as const)("%s up to the last length that fits", (_, options, longest) => {
    const stage: EncapsulateStage = { stage: "encapsulate", kind: "vxlan", vni: 5, ...options };
    check(stage, [noise(longest - 1, 1), noise(longest, 2), noise(longest + 1, 3)], jumbo);
    using pipeline = new Pipeline(kernels, [stage]);
    const reasons = jumbo
      .run(pipeline, [{ bytes: noise(longest, 2) }, { bytes: noise(longest + 1, 3) }])
      .map(({ reason }) => reason);
    expect(reasons).toEqual([undefined, "frame-too-long"]);
  });

  it("for every VNI bit", () => {
    for (let bit = 0; bit < 24; bit++)
      check({ stage: "encapsulate", kind: "vxlan", vni: 1 << bit, ...V4 }, [noise(60, bit)], poisoned);
  });

  it("of every length up to 200 bytes", () => {
    const frames = Array.from({ length: 201 }, (_, length) => noise(length, length + 1));
    for (const options of [
      V4,
      { ...V6, udpChecksum: true },
      { ...V4, outerVid: 1, innerTag: "strip" as const },
    ])
      check({ stage: "encapsulate", kind: "vxlan", vni: 77, ...options }, frames, poisoned);
    check({ stage: "encapsulate", kind: "vxlan", vni: 77, header: "bare" }, frames, poisoned);
  });

  it("with a UDP checksum that computes to 0: 0xffff is sent (RFC 768)", () => {
    const stage: EncapsulateStage = { stage: "encapsulate", kind: "vxlan", vni: 9, ...V4, udpChecksum: true };
    // The last two bytes of a payload nobody hashes are chosen so that the sum becomes 0xffff.
    const passenger = new Uint8Array(64);
    passenger[12] = 0x88;
    const first = encapsulated(stage, passenger, 128) as Uint8Array;
    const checksum = (first[40]! << 8) | first[41]!;
    passenger[62] = checksum >>> 8;
    passenger[63] = checksum & 0xff;
    const second = encapsulated(stage, passenger, 128) as Uint8Array;
    expect([second[40], second[41]]).toEqual([0xff, 0xff]);
    check(stage, [passenger], poisoned);
  });
});

describe("a passenger that cannot be carried", () => {
  const stages: EncapsulateStage[] = [
    { stage: "encapsulate", kind: "vxlan", vni: 1, ...V4 },
    { stage: "encapsulate", kind: "vxlan", vni: 1, ...V6 },
    { stage: "encapsulate", kind: "vxlan", vni: 1, ...V4, outerVid: 100, innerTag: "strip" },
    { stage: "encapsulate", kind: "vxlan", vni: 1, header: "bare" },
  ];

  it("has no Ethernet header", () => {
    const poisoned = new PoisonedBatch(kernels, { frames: 16 });
    for (const stage of stages) {
      using pipeline = new Pipeline(kernels, [stage]);
      const short = Array.from({ length: 14 }, (_, length) => ({ bytes: noise(length, 3) }));
      const reasons = poisoned.run(pipeline, short).map(({ reason }) => reason);
      expect(reasons).toEqual(Array(14).fill("frame-too-short"));
      expect(pipeline.counters().drops).toEqual({ "frame-too-short": 14 });
    }
    poisoned.close();
  });

  it("has not enough headroom, to the byte", () => {
    for (const stage of stages) {
      const needed = outerLength(stage);
      for (const headroom of [0, 1, needed - 1, needed]) {
        const poisoned = new PoisonedBatch(kernels, { frames: 2, frameBytes: 64, headroom });
        check(stage, [noise(64, 4), noise(20, 5)], poisoned);
        using pipeline = new Pipeline(kernels, [stage]);
        const [outcome] = poisoned.run(pipeline, [{ bytes: noise(64, 4) }]);
        expect(outcome!.reason).toBe(headroom < needed ? "no-headroom" : undefined);
        poisoned.close();
      }
    }
  });

  it("was cut by a capture, so that no checksum can be made", () => {
    const poisoned = new PoisonedBatch(kernels);
    const cut = [{ bytes: noise(60, 6), wireLength: 1500 }];
    const run = (stage: EncapsulateStage): Outcome => {
      using pipeline = new Pipeline(kernels, [stage]);
      return poisoned.run(pipeline, cut)[0]!;
    };
    expect(run({ ...stages[0]!, udpChecksum: true }).reason).toBe("cut-by-capture");
    expect(run(stages[1]!).reason).toBe("cut-by-capture");
    poisoned.close();
  });
});

describe("a passenger that was cut by a capture", () => {
  it("is announced with the length it had on the wire", () => {
    const poisoned = new PoisonedBatch(kernels);
    const recipes = fc.tuple(passengerRecipe, fc.integer({ min: 0, max: 63000 }));
    const withoutChecksum = outerStage.map((stage) => ({ ...stage, udpChecksum: false }));
    fc.assert(
      fc.property(fc.oneof(withoutChecksum, plainStage, bareStage), recipes, (stage, [recipe, missing]) => {
        const frame = cook(recipe);
        const wireLength = frame.length + missing;
        // What was cut off is zeroes here: without a UDP checksum nothing in front depends on it.
        const whole = new Uint8Array(wireLength);
        whole.set(frame);
        using pipeline = new Pipeline(kernels, [stage]);
        const [outcome] = poisoned.run(pipeline, [{ bytes: frame, wireLength }]);
        const expected = encapsulated(stage, whole, 128) as Uint8Array;
        // Whether there is a whole tag to strip, the bytes at hand decide.
        const passenger = passengerOf(stage, frame);
        fc.pre(frame.length - passenger.length === whole.length - passengerOf(stage, whole).length);
        expect(outcome!.wireLength).toBe(expected.length);
        expect(outcome!.bytes!.length).toBe(outerLength(stage) + passenger.length);
        // The flow hash sees fewer ports in a frame that was cut before them.
        const port = stage.header === "bare" ? -1 : outerLength(stage) - 16;
        const same = flowHash(passenger, stage.seed) === flowHash(passengerOf(stage, whole), stage.seed);
        outcome!.bytes!.forEach((byte, i) => {
          if (byte !== expected[i] && (same || (i !== port && i !== port + 1)))
            expect(`byte ${i} is ${byte}`).toBe(`byte ${i} is ${expected[i]}`);
        });
      }),
      { seed: 703, numRuns: 300 },
    );
    poisoned.close();
  });
});
