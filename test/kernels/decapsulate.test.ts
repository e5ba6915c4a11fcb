// Decapsulation, frame by frame what a plain model says: verdict, reason, bytes, VNI and lengths.
import fc from "fast-check";
import { type DecapsulateStage, FrameBatch, type Kernels, loadKernels, Pipeline } from "frameferry";
import { type ComposeLayer, checksum, compose, dissect, vnisOf } from "frameferry/wire";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decapsulate } from "../support/decapsulate-model.ts";
import { cook, longPassengerRecipe, noise, passengerRecipe, tpid } from "../support/passengers.ts";
import { expectBytes, PoisonedBatch, type PoisonedInput } from "../support/poisoned-batch.ts";

let kernels: Kernels;
let poisoned: PoisonedBatch;
let jumbo: PoisonedBatch;
beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 16 << 20 });
  poisoned = new PoisonedBatch(kernels, { frames: 16, headroom: 0, frameBytes: 4096 });
  jumbo = new PoisonedBatch(kernels, { frames: 2, headroom: 64, frameBytes: 65535 });
});
afterAll(() => {
  poisoned.close();
  jumbo.close();
});

const PLAIN: DecapsulateStage = { stage: "decapsulate", kind: "vxlan" };

function check(stage: DecapsulateStage, inputs: readonly PoisonedInput[], batch = poisoned): string[] {
  using pipeline = new Pipeline(kernels, [stage]);
  expect(pipeline.headroom).toBe(0);
  const outcomes = batch.run(pipeline, inputs);
  let changed = 0;
  const seen = outcomes.map((outcome, i) => {
    const { bytes, wireLength = bytes.length } = inputs[i]!;
    const model = decapsulate(stage, { bytes, wireLength, vni: undefined });
    if (model.changed) changed++;
    if (typeof model.result === "string") {
      expect(outcome.reason, `frame ${i}`).toBe(model.result);
      return model.result;
    }
    expect(outcome.reason, `frame ${i}`).toBeUndefined();
    expectBytes(outcome.bytes, model.result.bytes, `frame ${i}`);
    expect(outcome.wireLength, `frame ${i}: wire length`).toBe(model.result.wireLength);
    expect(outcome.vni, `frame ${i}: VNI`).toBe(model.result.vni);
    return "forward";
  });
  const forwarded = seen.filter((one) => one === "forward").length;
  expect(pipeline.counters()).toMatchObject({ received: inputs.length, forwarded, changed: [changed] });
  return seen;
}

const stage: fc.Arbitrary<DecapsulateStage> = fc.record(
  {
    stage: fc.constant("decapsulate" as const),
    kind: fc.constant("vxlan" as const),
    port: fc.constantFrom(4789, 4789, 8472),
    vni: fc.constantFrom(1, 5),
    depth: fc.constantFrom(1, 2, 3, "all" as const),
    rule: fc.constantFrom("rfc" as const, "strict" as const),
    others: fc.constantFrom("drop" as const, "keep" as const),
    udpChecksum: fc.constantFrom("ignore" as const, "verify" as const),
    ipChecksum: fc.constantFrom("ignore" as const, "verify" as const),
    innerTag: fc.constantFrom("keep" as const, "drop" as const),
    header: fc.constantFrom("full" as const, "full" as const, "full" as const, "bare" as const),
  },
  { requiredKeys: ["stage", "kind"] },
);

interface Wrapping {
  readonly tags: readonly number[];
  readonly ipv6: boolean;
  readonly optionWords: number;
  readonly moreFragments: boolean;
  readonly fragmentOffset: number;
  readonly protocol: number;
  readonly port: number;
  readonly vni: number;
  readonly checksum: "none" | "right" | "wrong";
}

const rarely = <T>(usual: T, ...others: T[]) =>
  fc.oneof(
    { weight: 12, arbitrary: fc.constant(usual) },
    { weight: 1, arbitrary: fc.constantFrom(...others) },
  );
const wrapping: fc.Arbitrary<Wrapping> = fc.record({
  tags: fc.oneof(
    { weight: 5, arbitrary: fc.constant([]) },
    { weight: 2, arbitrary: fc.array(tpid, { maxLength: 5 }) },
  ),
  ipv6: fc.boolean(),
  optionWords: rarely(0, 1, 5, 10),
  moreFragments: rarely(false, true),
  fragmentOffset: rarely(0, 8, 1480),
  protocol: rarely(17, 6, 44),
  port: rarely(4789, 8472, 53),
  vni: fc.constantFrom(1, 1, 5, 0xffffff),
  checksum: fc.constantFrom(
    "none" as const,
    "none" as const,
    "right" as const,
    "right" as const,
    "wrong" as const,
  ),
});

function wrap(outer: Wrapping, passenger: Uint8Array): Uint8Array {
  const random = noise(64, passenger.length);
  const addresses = outer.ipv6
    ? { source: random.subarray(0, 16), destination: random.subarray(16, 32) }
    : { source: random.subarray(0, 4), destination: random.subarray(4, 8) };
  const layers: ComposeLayer[] = [
    { name: "ethernet", destination: random.subarray(40, 46), source: random.subarray(46, 52) },
    ...outer.tags.map((one): ComposeLayer => ({ name: "vlan", tpid: one, vid: 7 })),
    outer.ipv6
      ? { name: "ipv6", protocol: outer.protocol, ...addresses }
      : {
          name: "ipv4",
          protocol: outer.protocol,
          moreFragments: outer.moreFragments,
          fragmentOffset: outer.fragmentOffset,
          options: random.subarray(8, 8 + 4 * outer.optionWords),
          ...addresses,
        },
    {
      name: "udp",
      destinationPort: outer.port,
      sourcePort: 50000,
      ...(outer.checksum === "none" ? { checksum: 0 } : {}),
    },
    { name: "vxlan", vni: outer.vni },
  ];
  const packet = compose(layers, passenger);
  if (outer.checksum === "wrong") packet[packet.length - passenger.length - 10]! ^= 0x10;
  return packet;
}

type Mutation =
  | { readonly kind: "none" }
  | { readonly kind: "flip"; readonly bits: readonly number[] }
  | { readonly kind: "cut"; readonly length: number; readonly known: boolean }
  | { readonly kind: "trailer"; readonly length: number }
  | { readonly kind: "bare"; readonly skip: number };
const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ kind: "none" as const }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("flip" as const),
      bits: fc.array(fc.integer({ min: 0, max: 8 * 110 }), { minLength: 1, maxLength: 3 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("cut" as const),
      length: fc.integer({ min: 0, max: 200 }),
      known: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("trailer" as const), length: fc.integer({ min: 1, max: 60 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("bare" as const), skip: fc.constantFrom(42, 62) }) },
);

function mutated(packet: Uint8Array, how: Mutation): PoisonedInput {
  if (how.kind === "cut") {
    const bytes = packet.slice(0, how.length);
    return how.known ? { bytes, wireLength: packet.length } : { bytes };
  }
  if (how.kind === "bare") return { bytes: packet.slice(how.skip) };
  if (how.kind === "trailer") {
    const bytes = new Uint8Array(packet.length + how.length);
    bytes.set(packet);
    return { bytes };
  }
  const bytes = packet.slice();
  if (how.kind === "flip")
    for (const bit of how.bits) if (bit >> 3 < bytes.length) bytes[bit >> 3]! ^= 1 << (bit & 7);
  // The header checksum is made right again half of the time: else nothing behind it would ever be looked at.
  if (
    how.kind === "flip" &&
    how.bits[0]! % 2 === 0 &&
    bytes.length > 34 &&
    bytes[12] === 8 &&
    bytes[13] === 0
  ) {
    const end = 14 + 4 * (bytes[14]! & 15);
    if (end >= 34 && end <= bytes.length) {
      bytes.fill(0, 24, 26);
      const sum = checksum(bytes, 14, end);
      bytes[24] = sum >>> 8;
      bytes[25] = sum & 0xff;
    }
  }
  return { bytes };
}

const packet = fc.tuple(fc.array(wrapping, { minLength: 1, maxLength: 3 }), passengerRecipe, mutation);

describe("decapsulation does what the model does", () => {
  it("with packets of every kind, whole, cut, damaged", () => {
    const reached = new Set<string>();
    fc.assert(
      fc.property(stage, fc.array(packet, { minLength: 8, maxLength: 16 }), (options, packets) => {
        const inputs = packets.map(([wrappings, recipe, how]) =>
          mutated(
            wrappings.reduceRight((inner, outer) => wrap(outer, inner), cook(recipe)),
            how,
          ),
        );
        for (const one of check(options, inputs)) reached.add(one);
      }),
      { seed: 801, numRuns: 400 },
    );
    // The property is worth something only if it comes by every door.
    expect([...reached].sort()).toEqual([
      "forward",
      "frame-too-short",
      "inner-tagged",
      "inner-truncated",
      "not-tunnel",
      "other-vni",
      "outer-ip-checksum",
      "outer-ip-fragment",
      "outer-ip-header",
      "outer-ip-truncated",
      "udp-checksum",
      "udp-length",
      "udp-truncated",
      "vxlan-no-vni",
      "vxlan-reserved",
      "vxlan-truncated",
    ]);
  });

  const usual: Wrapping = {
    tags: [],
    ipv6: false,
    optionWords: 0,
    moreFragments: false,
    fragmentOffset: 0,
    protocol: 17,
    port: 4789,
    vni: 1,
    checksum: "right",
  };
  const nested = wrap(
    usual,
    wrap(
      { ...usual, ipv6: true, vni: 5 },
      cook({ kind: "ipv4", tags: [0x8100], protocol: 6, seed: 3, length: 80 }),
    ),
  );
  const stages: DecapsulateStage[] = [
    PLAIN,
    { ...PLAIN, depth: "all" },
    { ...PLAIN, others: "keep" },
    { ...PLAIN, others: "keep", depth: 2, udpChecksum: "verify", rule: "strict" },
    { ...PLAIN, vni: 5 },
  ];

  it.each([0, 1, 2, 3, 4])("with a nested packet cut at every byte (stage %i)", (index) => {
    for (let length = 0; length <= nested.length; length++) {
      const bytes = nested.slice(0, length);
      check(stages[index]!, [{ bytes }, { bytes, wireLength: nested.length }]);
    }
  });

  it("with every single bit of a packet turned over", () => {
    const header = nested.slice(0, 130);
    for (const options of stages) {
      const inputs = Array.from({ length: 8 * header.length }, (_, bit) => {
        const bytes = nested.slice();
        bytes[bit >> 3]! ^= 1 << (bit & 7);
        return { bytes };
      });
      check(options, inputs);
    }
  });

  it("with every first byte, fragment word, protocol, UDP and IP length there can be", () => {
    const plain = wrap(usual, noise(60, 1));
    const words = (at: number) =>
      Array.from({ length: 0x400 }, (_, i) => {
        const bytes = plain.slice();
        // All small values, and a spread of the large ones.
        const value = i < 0x200 ? i : (i * 0x83) & 0xffff;
        bytes[at] = value >>> 8;
        bytes[at + 1] = value & 0xff;
        return { bytes };
      });
    for (const options of [
      { ...PLAIN, ipChecksum: "ignore" },
      { ...PLAIN, others: "keep", ipChecksum: "ignore" },
    ] as const)
      for (const at of [12, 14, 16, 20, 22, 36, 38]) check(options, words(at));
  });

  it("with packets beyond 65,535 bytes whose lengths say 0", () => {
    for (const ipv6 of [false, true]) {
      const small = wrap({ ...usual, ipv6, checksum: "none" }, noise(1000, 8));
      const lengths = ipv6 ? [18, 58] : [16, 38];
      for (const wireLength of [65535, 65549, 65550, 65589, 65590, 65600, 100000]) {
        for (const zeroed of [[lengths[0]!], [lengths[1]!], lengths]) {
          const bytes = small.slice();
          for (const at of zeroed) bytes.fill(0, at, at + 2);
          if (!ipv6) {
            bytes.fill(0, 24, 26);
            const sum = checksum(bytes, 14, 34);
            bytes[24] = sum >>> 8;
            bytes[25] = sum & 0xff;
          }
          check({ ...PLAIN, udpChecksum: "verify" }, [{ bytes, wireLength }]);
        }
      }
    }
  });
});

describe("the reserved bits of the VXLAN header", () => {
  const packet = compose(
    [
      { name: "ethernet", destination: "02:00:00:00:00:01", source: "02:00:00:00:00:02" },
      { name: "ipv4", source: "10.0.0.1", destination: "10.0.0.2" },
      { name: "udp", checksum: 0 },
      { name: "vxlan", vni: 0x123456 },
    ],
    noise(60, 1),
  );
  const bits = Array.from({ length: 64 }, (_, bit) => bit).filter(
    (bit) => bit !== 4 && (bit < 32 || bit >= 56),
  );

  it("are 39, ignored by the RFC's rule, and each of them a reason by the strict one", () => {
    expect(bits.length).toBe(39);
    for (const bit of bits) {
      const bytes = packet.slice();
      bytes[42 + (bit >> 3)]! ^= 0x80 >> (bit & 7);
      expect(check(PLAIN, [{ bytes }]), `bit ${bit}`).toEqual(["forward"]);
      expect(check({ ...PLAIN, rule: "strict" }, [{ bytes }]), `bit ${bit}`).toEqual(["vxlan-reserved"]);
      expect(check({ ...PLAIN, rule: "strict", header: "bare" }, [{ bytes: bytes.slice(42) }])).toEqual([
        "vxlan-reserved",
      ]);
    }
    expect(check({ ...PLAIN, rule: "strict" }, [{ bytes: packet }])).toEqual(["forward"]);
  });

  it("leave the I flag and the VNI alone", () => {
    const bytes = packet.slice();
    bytes[42]! ^= 0x08;
    expect(check(PLAIN, [{ bytes }])).toEqual(["vxlan-no-vni"]);
    for (let bit = 0; bit < 24; bit++) {
      const vni = 0x123456 ^ (1 << bit);
      expect(check({ ...PLAIN, vni }, [{ bytes: packet }])).toEqual(["other-vni"]);
    }
    expect(check({ ...PLAIN, vni: 0x123456 }, [{ bytes: packet }])).toEqual(["forward"]);
  });
});

describe("what is kept as no packet of the tunnel", () => {
  it("is never one for its port", () => {
    const options: DecapsulateStage = { ...PLAIN, others: "keep" };
    const packet = compose(
      [
        { name: "ethernet", destination: "02:00:00:00:00:01", source: "02:00:00:00:00:02" },
        { name: "ipv4", source: "10.0.0.1", destination: "10.0.0.2" },
        { name: "udp", checksum: 0 },
        { name: "vxlan", vni: 1 },
      ],
      noise(60, 1),
    );
    const withLength = (length: number) => {
      const bytes = packet.slice();
      bytes[17] = length;
      bytes.fill(0, 24, 26);
      const sum = checksum(bytes, 14, 34);
      bytes[24] = sum >>> 8;
      bytes[25] = sum & 0xff;
      return bytes;
    };
    // The port is there to be read: whatever else is wrong, it was meant for the tunnel.
    expect(check(options, [{ bytes: withLength(27) }])).toEqual(["outer-ip-header"]);
    expect(check(options, [{ bytes: withLength(97) }])).toEqual(["outer-ip-truncated"]);
  });
});

describe("there and back", () => {
  const outer = fc.record(
    {
      ips: fc.constantFrom(["10.1.5.7", "10.1.5.8"] as const, ["fd00::5:7", "fd00::5:8"] as const),
      outerVid: fc.integer({ min: 1, max: 4094 }),
      udpChecksum: fc.boolean(),
      vni: fc.integer({ min: 0, max: 0xffffff }),
      port: fc.constantFrom(4789, 8472),
      bare: fc.boolean(),
    },
    { requiredKeys: ["ips", "vni", "bare"] },
  );

  const property =
    (batch: () => PoisonedBatch) =>
    (
      recipes: Parameters<typeof cook>[0][],
      options: typeof outer extends fc.Arbitrary<infer Options> ? Options : never,
    ) => {
      const { ips, vni, bare, port = 4789, ...rest } = options;
      const frames = recipes.map((recipe) => ({ bytes: cook(recipe) }));
      using pipeline = new Pipeline(kernels, [
        bare
          ? { stage: "encapsulate", kind: "vxlan", vni, header: "bare" }
          : { stage: "encapsulate", kind: "vxlan", vni, local: ips[0], remote: ips[1], port, ...rest },
        {
          stage: "decapsulate",
          kind: "vxlan",
          vni,
          port,
          rule: "strict",
          udpChecksum: "verify",
          header: bare ? "bare" : "full",
        },
      ]);
      batch()
        .run(pipeline, frames)
        .forEach((outcome, i) => {
          const frame = frames[i]!.bytes;
          if (outcome.reason === "frame-too-long") {
            expect(frame.length).toBeGreaterThan(65499);
            return;
          }
          expect(outcome.reason).toBeUndefined();
          expectBytes(outcome.bytes, frame);
          expect(outcome.vni).toBe(vni);
          expect(outcome.wireLength).toBe(frame.length);
        });
    };

  it("is every passenger what it was", () => {
    const roomy = new PoisonedBatch(kernels, { frames: 16 });
    const run = property(() => roomy);
    fc.assert(fc.property(fc.array(passengerRecipe, { minLength: 1, maxLength: 16 }), outer, run), {
      seed: 802,
      numRuns: 150,
    });
    roomy.close();
  });

  it("also the longest", () => {
    const roomy = new PoisonedBatch(kernels, { frames: 2, frameBytes: 65535 });
    fc.assert(
      fc.property(
        fc.array(longPassengerRecipe, { minLength: 1, maxLength: 2 }),
        outer,
        property(() => roomy),
      ),
      {
        seed: 803,
        numRuns: 20,
      },
    );
    roomy.close();
  });

  it("through eight tunnels, one in the other, with enough headroom", () => {
    const batch = new FrameBatch(kernels, { frames: 4, headroom: 8 * 70 });
    const passenger = noise(100, 9);
    const stages = Array.from({ length: 8 }, (_, i) => ({
      stage: "encapsulate" as const,
      kind: "vxlan" as const,
      vni: 100 + i,
      ...(i % 2 === 0
        ? { local: "10.0.0.1", remote: "10.0.0.2" }
        : { local: "fd00::1", remote: "fd00::2", udpChecksum: true }),
    }));
    using into = new Pipeline(kernels, stages);
    using out = new Pipeline(kernels, [{ ...PLAIN, depth: "all", udpChecksum: "verify" }]);
    batch.fill([passenger]);
    expect(into.run(batch)).toBe(1);
    const { layers, stop } = dissect(batch.frame(0), { checksums: true });
    expect(stop?.reason === undefined || layers.length > 30).toBe(true);
    expect(vnisOf(layers)).toEqual([107, 106, 105, 104, 103, 102, 101, 100]);
    for (const layer of layers) if ("checksum" in layer) expect(["good", "absent"]).toContain(layer.checksum);
    expect(out.run(batch)).toBe(1);
    expectBytes(batch.frame(0), passenger);
    expect(batch.vni(0)).toBe(100);
    batch.close();
  });
});

describe("the VNI filter", () => {
  it("lets through what came out of its tunnel, and nothing else", () => {
    const roomy = new PoisonedBatch(kernels, { frames: 4 });
    const packetOf = (vni: number) => {
      using into = new Pipeline(kernels, [
        { stage: "encapsulate", kind: "vxlan", vni, local: "10.0.0.1", remote: "10.0.0.2" },
      ]);
      return { bytes: roomy.run(into, [{ bytes: noise(60, 1) }])[0]!.bytes! };
    };
    const inputs = [packetOf(7), packetOf(8), { bytes: noise(60, 1) }];
    using pipeline = new Pipeline(kernels, [
      { ...PLAIN, others: "keep" },
      { stage: "filter-vni", vni: 7 },
    ]);
    const outcomes = roomy.run(pipeline, inputs);
    expect(outcomes.map(({ reason }) => reason)).toEqual([undefined, "other-vni", "other-vni"]);
    expect(pipeline.counters()).toMatchObject({ drops: { "other-vni": 2 }, changed: [2, 2] });
    roomy.close();
  });
});
