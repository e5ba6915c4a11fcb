// Decapsulation, frame by frame what a plain model says: verdict, reason, bytes, VNI and lengths.
import fc from "fast-check";
import { type DecapsulateStage, type Kernels, loadKernels, Pipeline, type TunnelKind } from "frameferry";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkDecapsulation } from "../support/decapsulate-check.ts";
import { cook, noise, passengerRecipe } from "../support/passengers.ts";
import { PoisonedBatch, type PoisonedInput } from "../support/poisoned-batch.ts";
import { decapsulateStage, defaultPort, KINDS, overUdp } from "../support/tunnel-kinds.ts";
import {
  mutated,
  mutation,
  rightHeaderChecksum,
  type Wrapping,
  wrap,
  wrappingOf,
} from "../support/tunnel-packets.ts";

let kernels: Kernels;
let poisoned: PoisonedBatch;
beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 16 << 20 });
  poisoned = new PoisonedBatch(kernels, { frames: 16, headroom: 0, frameBytes: 4096 });
});
afterAll(() => poisoned.close());

const check = (stage: DecapsulateStage, inputs: readonly PoisonedInput[]): string[] =>
  checkDecapsulation(kernels, poisoned, stage, inputs);

const stageOf = (kind: TunnelKind): fc.Arbitrary<DecapsulateStage> =>
  fc
    .record(
      {
        kind: fc.constant(kind),
        port: fc.constantFrom(defaultPort(kind), defaultPort(kind), 8472),
        vni: fc.constantFrom(1, 5),
        key: fc.constantFrom(1, 5, 0xffffffff),
        depth: fc.constantFrom(1, 2, 3, "all" as const),
        rule: fc.constantFrom("rfc" as const, "strict" as const),
        others: fc.constantFrom("drop" as const, "keep" as const),
        udpChecksum: fc.constantFrom("ignore" as const, "verify" as const),
        ipChecksum: fc.constantFrom("ignore" as const, "verify" as const),
        checksum: fc.constantFrom("ignore" as const, "verify" as const),
        criticalOptions: fc.constantFrom("drop" as const, "take" as const),
        innerTag: fc.constantFrom("keep" as const, "drop" as const),
        lengths: fc.constantFrom("tolerant" as const, "strict" as const),
        header: fc.constantFrom("full" as const, "full" as const, "full" as const, "bare" as const),
      },
      { requiredKeys: ["kind"] },
    )
    .map(decapsulateStage);
/** The usual one, which has a loop of its own in the kernel. */
const plainStageOf = (kind: TunnelKind): fc.Arbitrary<DecapsulateStage> =>
  fc
    .record(
      { kind: fc.constant(kind), vni: fc.constantFrom(1, 5), key: fc.constantFrom(1, 5, 0xffffffff) },
      { requiredKeys: ["kind"] },
    )
    .map(decapsulateStage);

const UDP = ["other-vni", "udp-checksum", "udp-length", "udp-truncated"];
const GRE = ["gre-protocol", "gre-reserved", "gre-truncated", "gre-version"];
const REASONS: Record<TunnelKind, readonly string[]> = {
  vxlan: [...UDP, "vxlan-no-vni", "vxlan-reserved", "vxlan-truncated"],
  geneve: [
    ...UDP,
    "geneve-critical-option",
    "geneve-oam",
    "geneve-options",
    "geneve-protocol",
    "geneve-truncated",
    "geneve-version",
  ],
  gre: [...GRE, "gre-checksum", "other-key"],
  nvgre: [...GRE, "nvgre-fields", "other-vni"],
  "vxlan-gpe": [
    ...UDP,
    "gpe-oam",
    "gpe-protocol",
    "gpe-version",
    "vxlan-no-vni",
    "vxlan-reserved",
    "vxlan-truncated",
  ],
};

describe.each(KINDS)("decapsulation of %s does what the model does", (kind) => {
  const PLAIN = decapsulateStage({ kind });
  const stage = fc.oneof(
    { weight: 3, arbitrary: stageOf(kind) },
    { weight: 1, arbitrary: plainStageOf(kind) },
  );
  const wrapping = wrappingOf(kind);
  const packet = fc.tuple(fc.array(wrapping, { minLength: 1, maxLength: 3 }), passengerRecipe, mutation);

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
    expect([...reached].sort()).toEqual(
      [
        "forward",
        "frame-too-short",
        "inner-tagged",
        "inner-truncated",
        "not-tunnel",
        "outer-ip-checksum",
        "outer-ip-fragment",
        "outer-ip-header",
        "outer-ip-truncated",
        ...REASONS[kind],
      ].sort(),
    );
  });

  const usual: Wrapping = {
    kind,
    tags: [],
    ipv6: false,
    extensions: [],
    optionWords: 0,
    moreFragments: false,
    fragmentOffset: 0,
    protocol: undefined,
    port: undefined,
    vni: 1,
    options: [],
    oam: false,
    payloadType: 0x6558,
    sequence: false,
    checksum: kind === "nvgre" ? "none" : "right",
  };
  const tunnels: Wrapping[] = [
    usual,
    {
      ...usual,
      ipv6: true,
      extensions: [
        [0, 1],
        [60, 0],
      ],
      vni: 5,
      options: [
        [0x01, 2],
        [0x02, 0],
      ],
    },
  ];
  const tags = kind === "nvgre" ? [] : [0x8100];
  const nested = tunnels.reduceRight(
    (inner, outer) => wrap(outer, inner),
    cook({ kind: "ipv4", tags, protocol: 6, seed: 3, length: 80 }),
  );
  // In the other order, so that what only one of them has stands in front.
  const turned = wrap({ ...tunnels[1]!, ipv6: false, sequence: kind === "gre" }, nested.slice(0, 200));
  const stages: DecapsulateStage[] = [
    PLAIN,
    decapsulateStage({ kind, depth: "all" }),
    decapsulateStage({ kind, others: "keep" }),
    decapsulateStage({ kind, others: "keep", depth: 2, udpChecksum: "verify", rule: "strict" }),
    decapsulateStage({ kind, vni: 5, key: 5 }),
  ];

  it.each([0, 1, 2, 3, 4])("with packets cut at every byte (stage %i)", (index) => {
    for (const whole of [nested, turned]) {
      for (let length = 0; length <= whole.length; length++) {
        const bytes = whole.slice(0, length);
        check(stages[index]!, [{ bytes }, { bytes, wireLength: whole.length }]);
      }
    }
    expect(check(PLAIN, [{ bytes: nested }, { bytes: turned }])).toEqual(["forward", "forward"]);
  });

  it("with every single bit of a packet turned over", () => {
    for (const whole of [nested, turned]) {
      for (const options of stages) {
        const inputs = Array.from({ length: 8 * 130 }, (_, bit) => {
          const bytes = whole.slice();
          bytes[bit >> 3]! ^= 1 << (bit & 7);
          return { bytes };
        });
        check(options, inputs);
      }
    }
  });

  it("with every first byte, fragment word, protocol, tunnel and IP length there can be", () => {
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
      decapsulateStage({ kind, ipChecksum: "ignore" }),
      decapsulateStage({ kind, others: "keep", ipChecksum: "ignore", checksum: "ignore" }),
    ])
      for (const at of [12, 14, 16, 20, 22, 34, 36, 38, 42]) check(options, words(at));
  });

  it("with packets beyond 65,535 bytes whose lengths say 0", () => {
    for (const ipv6 of [false, true]) {
      const small = wrap({ ...usual, ipv6, checksum: "none" }, noise(1000, 8));
      const lengths = (ipv6 ? [18, 58] : [16, 38]).slice(0, overUdp(kind) ? 2 : 1);
      for (const wireLength of [65535, 65549, 65550, 65589, 65590, 65600, 100000]) {
        for (const zeroed of [[lengths[0]!], lengths.slice(1), lengths]) {
          const bytes = small.slice();
          for (const at of zeroed) bytes.fill(0, at, at + 2);
          rightHeaderChecksum(bytes);
          for (const strict of ["strict", "tolerant"] as const)
            check(decapsulateStage({ kind, udpChecksum: "verify", lengths: strict }), [
              { bytes, wireLength },
            ]);
        }
      }
      // Lengths that no capture has: said to be a reason, never taken for one.
      const bytes = small.slice();
      bytes.fill(0, lengths[0]!, lengths[0]! + 2);
      rightHeaderChecksum(bytes);
      using pipeline = new Pipeline(kernels, [PLAIN]);
      const inputs = [0x80000100, 0xffffffff].map((wireLength) => ({ bytes, wireLength }));
      const reasons = poisoned.run(pipeline, inputs).map(({ reason }) => reason);
      expect(reasons).toEqual(["outer-ip-header", "outer-ip-header"]);
    }
  });
});
