// Decapsulation, frame by frame what a plain model says: verdict, reason, bytes, VNI and lengths.
import fc from "fast-check";
import { type DecapsulateStage, type Kernels, loadKernels, Pipeline } from "frameferry";
import { compose } from "frameferry/wire";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decapsulate } from "../support/decapsulate-model.ts";
import { cook, noise, passengerRecipe } from "../support/passengers.ts";
import { expectBytes, PoisonedBatch, type PoisonedInput } from "../support/poisoned-batch.ts";
import {
  mutated,
  mutation,
  rightHeaderChecksum,
  type Wrapping,
  wrap,
  wrapping,
} from "../support/tunnel-packets.ts";

let kernels: Kernels;
let poisoned: PoisonedBatch;
beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 16 << 20 });
  poisoned = new PoisonedBatch(kernels, { frames: 16, headroom: 0, frameBytes: 4096 });
});
afterAll(() => poisoned.close());

const PLAIN: DecapsulateStage = { stage: "decapsulate", kind: "vxlan" };

function check(stage: DecapsulateStage, inputs: readonly PoisonedInput[]): string[] {
  using pipeline = new Pipeline(kernels, [stage]);
  expect(pipeline.headroom).toBe(0);
  const outcomes = poisoned.run(pipeline, inputs);
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
          rightHeaderChecksum(bytes);
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
      rightHeaderChecksum(bytes);
      return bytes;
    };
    // The port is there to be read: whatever else is wrong, it was meant for the tunnel.
    expect(check(options, [{ bytes: withLength(27) }])).toEqual(["outer-ip-header"]);
    expect(check(options, [{ bytes: withLength(97) }])).toEqual(["outer-ip-truncated"]);
  });
});
