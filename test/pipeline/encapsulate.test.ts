// Encapsulation, byte for byte what the codecs compose.
import fc from "fast-check";
import { type Kernels, loadKernels, Pipeline, type TunnelKind } from "frameferry";
import { flowHash } from "frameferry/wire";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encapsulated, outerLength, passengerOf } from "../support/encapsulate-model.ts";
import { cook, longPassengerRecipe, noise, passengerRecipe } from "../support/passengers.ts";
import { expectBytes, type Outcome, PoisonedBatch } from "../support/poisoned-batch.ts";
import { type AnyEncapsulate, encapsulateStage, KINDS, overUdp } from "../support/tunnel-kinds.ts";

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
const geneveOption = fc
  .record({
    class: fc.integer({ min: 0, max: 65535 }),
    type: fc.integer({ min: 0, max: 255 }),
    words: fc.constantFrom(0, 1, 2, 5),
  })
  .map(({ words, ...rest }) => ({ ...rest, data: noise(4 * words, words + 1) }));
const numbers = {
  vni,
  key: fc.oneof(fc.constantFrom(0, 1, 0xffffffff), fc.integer({ min: 0, max: 0xffffffff })),
  checksum: fc.boolean(),
  options: fc.array(geneveOption, { maxLength: 3 }),
  innerTag: fc.constantFrom("keep" as const, "strip" as const),
  seed: fc.integer({ min: 0, max: 0xffffffff }),
};
const outerStage = (kind: TunnelKind): fc.Arbitrary<AnyEncapsulate> =>
  fc
    .tuple(
      addresses,
      fc.record(
        {
          ...numbers,
          localMac: bytes(6),
          remoteMac: bytes(6),
          port: fc.integer({ min: 1, max: 65535 }),
          ttl: fc.integer({ min: 1, max: 255 }),
          dscp: fc.integer({ min: 0, max: 63 }),
          udpChecksum: fc.boolean(),
          outerVid: fc.integer({ min: 1, max: 4094 }),
        },
        { requiredKeys: ["vni"] },
      ),
    )
    .map(([ips, options]) => ({ kind, ...ips, ...options }));
const bareStage = (kind: TunnelKind): fc.Arbitrary<AnyEncapsulate> =>
  fc.record(numbers, { requiredKeys: ["vni"] }).map((options) => ({ kind, header: "bare", ...options }));
/** The usual one, which has a loop of its own in the kernel. */
const plainStage = (kind: TunnelKind): fc.Arbitrary<AnyEncapsulate> =>
  fc
    .record(
      {
        ...numbers,
        vni,
        innerTag: fc.constant("keep" as const),
        options: fc.constant([]),
        local: bytes(4),
        remote: bytes(4),
      },
      { requiredKeys: ["vni", "local", "remote", "seed"] },
    )
    .map((options) => ({ kind, ...options }));
const anyStage = (kind: TunnelKind) =>
  fc.oneof(
    { weight: 4, arbitrary: outerStage(kind) },
    { weight: 2, arbitrary: plainStage(kind) },
    { weight: 1, arbitrary: bareStage(kind) },
  );

function check(options: AnyEncapsulate, frames: readonly Uint8Array[], poisoned: PoisonedBatch): void {
  const compiled = encapsulateStage(options);
  using pipeline = new Pipeline(kernels, [compiled]);
  const stage: AnyEncapsulate = compiled;
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

describe.each(KINDS)("encapsulation into %s gives what compose gives", (kind) => {
  let poisoned: PoisonedBatch;
  let jumbo: PoisonedBatch;
  beforeAll(() => {
    poisoned = new PoisonedBatch(kernels, { frames: 16, headroom: 192 });
    jumbo = new PoisonedBatch(kernels, { frames: 3, frameBytes: 65535, headroom: 192 });
  });
  afterAll(() => {
    poisoned.close();
    jumbo.close();
  });

  it("for passengers of every kind, with every option", () => {
    const frames = fc.array(passengerRecipe, { minLength: 1, maxLength: 16 });
    fc.assert(
      fc.property(anyStage(kind), frames, (stage, recipes) => check(stage, recipes.map(cook), poisoned)),
      { seed: 701, numRuns: 250 },
    );
  });

  it("for the longest passengers, and beyond", () => {
    const frames = fc.array(longPassengerRecipe, { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(anyStage(kind), frames, (stage, recipes) => check(stage, recipes.map(cook), jumbo)),
      { seed: 702, numRuns: 15 },
    );
  });

  it.each([
    ["over IPv4", { ...V4 }, 20],
    ["over IPv4 with an outer tag", { ...V4, outerVid: 7 }, 20],
    ["over IPv4 with a checksum", { ...V4, udpChecksum: true, checksum: true, key: 9 }, 20],
    ["over IPv6", { ...V6, options: [{ class: 1, type: 2, data: noise(8, 1) }] }, 0],
    ["over IPv6 without a checksum", { ...V6, udpChecksum: false }, 0],
  ] as const)("%s up to the last length that fits", (_, options, ipLength) => {
    const stage: AnyEncapsulate = { ...encapsulateStage({ kind, vni: 5000, ...options }) };
    const bareLength = outerLength(stage) - ("outerVid" in options ? 18 : 14) - (ipLength || 40);
    const longest = 65535 - ipLength - bareLength;
    const lengths = [longest - 1, longest, longest + 1].filter((length) => length <= 65535);
    const plain = (length: number) => cook({ kind: "ipv4", tags: [], protocol: 6, seed: 9, length });
    check(
      stage,
      lengths.map((length) => noise(length, length)),
      jumbo,
    );
    // These take the loops for what is usual, up to the last that may.
    check(stage, lengths.map(plain), jumbo);
    using pipeline = new Pipeline(kernels, [encapsulateStage(stage)]);
    const reasons = jumbo
      .run(pipeline, [{ bytes: noise(longest, 2) }, { bytes: noise(longest + 1, 3) }])
      .map(({ reason }) => reason);
    expect(reasons).toEqual([undefined, "frame-too-long"]);
  });

  it("for every VNI bit", () => {
    for (let bit = 0; bit < 24; bit++)
      check({ kind, vni: 1 << bit, key: 2 ** (bit + 8), ...V4 }, [noise(60, bit)], poisoned);
  });

  it("of every length up to 200 bytes", () => {
    const frames = Array.from({ length: 201 }, (_, length) => noise(length, length + 1));
    for (const options of [
      V4,
      { ...V6, udpChecksum: true },
      { ...V4, outerVid: 1, innerTag: "strip" as const },
      { header: "bare" as const },
    ])
      for (const key of [undefined, 77])
        for (const checksum of [false, true])
          check({ kind, vni: 7777, checksum, ...(key ? { key } : {}), ...options }, frames, poisoned);
  });

  if (overUdp(kind))
    it("with a UDP checksum that computes to 0: 0xffff is sent (RFC 768)", () => {
      const stage: AnyEncapsulate = { kind, vni: 9, ...V4, udpChecksum: true };
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

  if (kind === "geneve")
    it("with all the options there can be, over IPv6 with an outer tag", () => {
      const options = [
        { class: 0xffff, type: 0xff, data: noise(124, 1) },
        { class: 0, type: 0, data: noise(120, 2) },
      ];
      const roomy = new PoisonedBatch(kernels, { frames: 16, headroom: 326 });
      const frames = Array.from({ length: 16 }, (_, i) => noise(14 + 9 * i, i + 1));
      for (const rest of [{ ...V6, outerVid: 5 }, V4, { header: "bare" as const }])
        check({ kind, vni: 1, options, ...rest }, frames, roomy);
      expect(outerLength({ kind, vni: 1, options, ...V6, outerVid: 5 })).toBe(326);
      roomy.close();
    });

  if (kind === "nvgre")
    it("without any of the passenger's tags (RFC 7637 §3.2)", () => {
      for (const tags of [[0x8100], [0x88a8, 0x8100], [0x8100, 0x8100, 0x9100, 0x88a8]]) {
        const frames = [14, 18, 22, 30, 64, 100].map((length) =>
          cook({ kind: "ipv4", tags, protocol: 6, seed: 5, length }),
        );
        for (const frame of frames.slice(-1)) {
          const packet = encapsulated({ kind, vni: 5000, ...V4 }, frame, 192) as Uint8Array;
          expect(packet.length).toBe(42 + frame.length - 4 * tags.length);
        }
        check({ kind, vni: 5000, ...V4 }, frames, poisoned);
      }
    });
});

describe.each(KINDS)("a passenger that %s cannot carry", (kind) => {
  const stages: AnyEncapsulate[] = [
    { kind, vni: 1, ...V4 },
    { kind, vni: 1, ...V6 },
    { kind, vni: 1, ...V4, outerVid: 100, innerTag: "strip" },
    { kind, vni: 1, header: "bare" },
    { kind, vni: 1, header: "bare", key: 5, options: [{ class: 1, type: 1, data: noise(4, 1) }] },
  ];

  it("has no Ethernet header", () => {
    const poisoned = new PoisonedBatch(kernels, { frames: 16 });
    for (const stage of stages) {
      using pipeline = new Pipeline(kernels, [encapsulateStage(stage)]);
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
        using pipeline = new Pipeline(kernels, [encapsulateStage(stage)]);
        const [outcome] = poisoned.run(pipeline, [{ bytes: noise(64, 4) }]);
        expect(outcome!.reason).toBe(headroom < needed ? "no-headroom" : undefined);
        poisoned.close();
      }
    }
  });

  it("was cut by a capture, so that no checksum can be made", () => {
    const poisoned = new PoisonedBatch(kernels);
    const cut = [{ bytes: noise(60, 6), wireLength: 1500 }];
    const run = (stage: AnyEncapsulate): Outcome => {
      using pipeline = new Pipeline(kernels, [encapsulateStage(stage)]);
      return poisoned.run(pipeline, cut)[0]!;
    };
    const reason = kind === "nvgre" ? undefined : "cut-by-capture";
    expect(run({ ...stages[0]!, udpChecksum: true, checksum: true }).reason).toBe(reason);
    expect(run(stages[0]!).reason).toBeUndefined();
    expect(run(stages[1]!).reason).toBe(overUdp(kind) ? "cut-by-capture" : undefined);
    poisoned.close();
  });
});

describe.each(KINDS)("a passenger of %s that was cut by a capture", (kind) => {
  it("is announced with the length it had on the wire", () => {
    const poisoned = new PoisonedBatch(kernels, { headroom: 192 });
    const recipes = fc.tuple(passengerRecipe, fc.integer({ min: 0, max: 63000 }));
    const stages = fc
      .oneof(outerStage(kind), plainStage(kind), bareStage(kind))
      .map((stage): AnyEncapsulate => encapsulateStage({ ...stage, ...UNCHECKED[stage.header ?? "full"] }));
    fc.assert(
      fc.property(stages, recipes, (stage, [recipe, missing]) => {
        const frame = cook(recipe);
        const wireLength = frame.length + missing;
        // What was cut off is zeroes here: without a UDP checksum nothing in front depends on it.
        const whole = new Uint8Array(wireLength);
        whole.set(frame);
        using pipeline = new Pipeline(kernels, [encapsulateStage(stage)]);
        const [outcome] = poisoned.run(pipeline, [{ bytes: frame, wireLength }]);
        const expected = encapsulated(stage, whole, 192) as Uint8Array;
        // Whether there is a whole tag to strip, the bytes at hand decide.
        const passenger = passengerOf(stage, frame);
        fc.pre(frame.length - passenger.length === whole.length - passengerOf(stage, whole).length);
        expect(outcome!.wireLength).toBe(expected.length);
        expect(outcome!.bytes!.length).toBe(outerLength(stage) + passenger.length);
        // The flow hash sees fewer ports in a frame that was cut before them.
        const hashed = hashedBytes(stage);
        const same = flowHash(passenger, stage.seed) === flowHash(passengerOf(stage, whole), stage.seed);
        outcome!.bytes!.forEach((byte, i) => {
          if (byte !== expected[i] && (same || !hashed.includes(i)))
            expect(`byte ${i} is ${byte}`).toBe(`byte ${i} is ${expected[i]}`);
        });
      }),
      { seed: 703, numRuns: 150 },
    );
    poisoned.close();
  });
});

/** Without checksums nothing in front depends on bytes that were cut off. */
const UNCHECKED = {
  full: { udpChecksum: false, checksum: false },
  bare: { checksum: false },
};

/** Where in the packet the flow hash shows. */
function hashedBytes(stage: AnyEncapsulate): number[] {
  const length = outerLength(stage);
  if (stage.kind === "nvgre") return [length - 1];
  if (stage.kind === "gre" || stage.header === "bare") return [];
  const port = length - outerLength({ ...stage, header: "bare" }) - 8;
  return [port, port + 1];
}
