// Decapsulation, frame by frame what a plain model says: verdict, reason, bytes, VNI and lengths.
import fc from "fast-check";
import {
  type DecapsulateStage,
  type DecapsulateVxlanStage,
  type Kernels,
  loadKernels,
  Pipeline,
  type TunnelKind,
} from "frameferry";
import { CaptureWriter } from "frameferry/pcap";
import { type ComposeLayer, compose, type GeneveOption } from "frameferry/wire";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { processed } from "../support/capture-corpus.ts";
import { decapsulate } from "../support/decapsulate-model.ts";
import { cook, noise, passengerRecipe } from "../support/passengers.ts";
import { expectBytes, PoisonedBatch, type PoisonedInput } from "../support/poisoned-batch.ts";
import {
  type AnyDecapsulate,
  decapsulateStage,
  defaultPort,
  KINDS,
  overUdp,
} from "../support/tunnel-kinds.ts";
import {
  mutated,
  mutation,
  rightHeaderChecksum,
  type Wrapping,
  wrap,
  wrappingOf,
} from "../support/tunnel-packets.ts";
import { fixtures } from "../wire/support.ts";

let kernels: Kernels;
let poisoned: PoisonedBatch;
beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 16 << 20 });
  poisoned = new PoisonedBatch(kernels, { frames: 16, headroom: 0, frameBytes: 4096 });
});
afterAll(() => poisoned.close());

function check(stage: DecapsulateStage, inputs: readonly PoisonedInput[]): string[] {
  using pipeline = new Pipeline(kernels, [stage]);
  expect(pipeline.headroom).toBe(0);
  const outcomes = poisoned.run(pipeline, inputs);
  let changed = 0;
  const seen = outcomes.map((outcome, i) => {
    const { bytes, wireLength = bytes.length } = inputs[i]!;
    const model = decapsulate(stage as AnyDecapsulate, { bytes, wireLength, vni: undefined });
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
          check(decapsulateStage({ kind, udpChecksum: "verify" }), [{ bytes, wireLength }]);
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

describe("Geneve options (RFC 8926 §3.5)", () => {
  const PLAIN: DecapsulateStage = { stage: "decapsulate", kind: "geneve" };
  const outer: ComposeLayer[] = [
    { name: "ethernet", destination: "02:00:00:00:00:01", source: "02:00:00:00:00:02" },
    { name: "ipv4", source: "10.0.0.1", destination: "10.0.0.2" },
    { name: "udp", checksum: 0 },
  ];
  const option = (type: number, length: number) => ({ class: 0x0102, type, data: noise(length, 2) });
  const packet = (options: GeneveOption[]) => ({
    bytes: compose([...outer, { name: "geneve", vni: 7, options }], noise(60, 1)),
  });

  it("may fill all 252 bytes, and no more is looked for", () => {
    expect(check(PLAIN, [packet([option(1, 124), option(2, 120)])])).toEqual(["forward"]);
    expect(check(PLAIN, [packet(Array.from({ length: 63 }, () => option(3, 0)))])).toEqual(["forward"]);
    expect(
      check(PLAIN, [packet([...Array.from({ length: 62 }, () => option(3, 0)), option(0x83, 0)])]),
    ).toEqual(["geneve-critical-option"]);
  });

  it("are dropped where critical, also if the C flag forgot it, unless taken", () => {
    const critical = packet([option(1, 4), option(0x80, 4)]);
    const forgotten = { bytes: critical.bytes.slice() };
    forgotten.bytes[43]! &= ~0x40;
    const dropped = ["geneve-critical-option", "geneve-critical-option"];
    expect(check(PLAIN, [critical, forgotten])).toEqual(dropped);
    expect(check({ ...PLAIN, criticalOptions: "take" }, [critical, forgotten])).toEqual([
      "forward",
      "forward",
    ]);
  });

  it("must add up to what the header says", () => {
    for (const words of [0, 2, 3, 31]) {
      const { bytes } = packet([option(1, 4)]);
      bytes[53] = words;
      expect(check(PLAIN, [{ bytes }]), `${words} words`).toEqual(["geneve-options"]);
    }
  });

  it("may be missing though the C flag says that there is one; reserved bits are ignored", () => {
    const { bytes } = packet([]);
    bytes[43] = 0x7f;
    bytes[49] = 0xff;
    expect(check(PLAIN, [{ bytes }])).toEqual(["forward"]);
  });
});

describe("tunnels that scapy made", () => {
  it.each([
    ["geneve", "geneve", "forward"],
    ["geneve-options", "geneve", "geneve-critical-option"],
    ["geneve-ipv4", "geneve", "geneve-protocol"],
    ["gre", "gre", "gre-protocol"],
    ["gre-all-fields", "gre", "gre-protocol"],
    ["nvgre", "gre", "forward"],
    ["nvgre", "nvgre", "forward"],
    ["vxlan", "geneve", "not-tunnel"],
    ["vxlan", "gre", "not-tunnel"],
  ] as const)("%s, by %s: %s", (name, kind, expected) => {
    const { frame } = fixtures.find((one) => one.name === name)!;
    expect(check({ stage: "decapsulate", kind }, [{ bytes: frame }])).toEqual([expected]);
  });
});

describe("GRE keys", () => {
  const PLAIN: DecapsulateStage = { stage: "decapsulate", kind: "gre" };
  const packet = (key: number | undefined, checksum = false) => ({
    bytes: compose(
      [
        { name: "ethernet", destination: "02:00:00:00:00:01", source: "02:00:00:00:00:02" },
        { name: "ipv4", source: "10.0.0.1", destination: "10.0.0.2" },
        { name: "gre", key, checksum },
      ],
      noise(60, 1),
    ),
  });

  it.each([false, true])(
    "choose packets, the last key too, and those without one are others (checksum: %s)",
    (checksum) => {
      const keys = [undefined, 0, 1, 0x80000000, 0xffffffff];
      const packets = keys.map((key) => packet(key, checksum));
      expect(check(PLAIN, packets)).toEqual(Array(5).fill("forward"));
      for (const key of keys.slice(1)) {
        const expected = keys.map((one) => (one === key ? "forward" : "other-key"));
        expect(check({ ...PLAIN, key: key! }, packets)).toEqual(expected);
      }
    },
  );

  it("are what the VNI filter sees, and the last is none", () => {
    using pipeline = new Pipeline(kernels, [PLAIN, { stage: "filter-vni", vni: 7 }]);
    const packets = [packet(7), packet(undefined), packet(0xffffffff), packet(0x01000007)];
    const outcomes = poisoned.run(pipeline, packets);
    expect(outcomes.map(({ reason }) => reason)).toEqual([undefined, "other-vni", "other-vni", "other-vni"]);
    using all = new Pipeline(kernels, [PLAIN]);
    expect(poisoned.run(all, packets).map(({ vni }) => vni)).toEqual([7, undefined, undefined, 0x01000007]);
  });
});

describe("the GRE checksum", () => {
  it("of a segment of over 64 KiB is not made yet, and not looked at", async () => {
    const bytes = compose(
      [
        { name: "ethernet", destination: "02:00:00:00:00:01", source: "02:00:00:00:00:02" },
        { name: "ipv6", source: "fd00::1", destination: "fd00::2", payloadLength: 0 },
        { name: "gre", checksum: 0x1234 },
      ],
      noise(70_000, 1),
    );
    const writer = new CaptureWriter({ format: "pcap", linkType: 1, snapLength: 262144 });
    const start = writer.write([{ data: bytes, timestamp: 0n }]);
    const end = writer.finish();
    const capture = new Uint8Array(start.length + end.length);
    capture.set(start);
    capture.set(end, start.length);
    using pipeline = new Pipeline(kernels, [{ stage: "decapsulate", kind: "gre" }]);
    const { summary } = await processed(capture, pipeline);
    expect(summary).toMatchObject({ received: 1, forwarded: 1 });
  });
});

describe("the flags of GRE", () => {
  const packet = compose(
    [
      { name: "ethernet", destination: "02:00:00:00:00:01", source: "02:00:00:00:00:02" },
      { name: "ipv4", source: "10.0.0.1", destination: "10.0.0.2" },
      { name: "gre", key: 0x123456_00 },
    ],
    noise(60, 1),
  );
  it("are ignored where RFC 2784 §2.3 says so, and reasons by the strict rule", () => {
    for (let bit = 0; bit < 13; bit++) {
      const bytes = packet.slice();
      bytes[34 + (bit >> 3)]! ^= 0x80 >> (bit & 7);
      if (bit === 0 || bit === 2 || bit === 3) continue;
      const forbidden = bit === 1 || bit === 4 || bit === 5;
      for (const kind of ["gre", "nvgre"] as const) {
        const rfc = check({ stage: "decapsulate", kind }, [{ bytes }]);
        expect(rfc, `bit ${bit}`).toEqual([forbidden ? "gre-reserved" : "forward"]);
        const strict = check({ stage: "decapsulate", kind, rule: "strict" }, [{ bytes }]);
        expect(strict, `bit ${bit}`).toEqual(["gre-reserved"]);
      }
    }
  });
});

const PLAIN: DecapsulateVxlanStage = { stage: "decapsulate", kind: "vxlan" };

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

  it("of GRE are packets that carry no frames, and PPTP", () => {
    const options: DecapsulateStage = { stage: "decapsulate", kind: "gre", others: "keep" };
    const packet = (protocol: number, version = 0) => {
      const bytes = compose(
        [
          { name: "ethernet", destination: "02:00:00:00:00:01", source: "02:00:00:00:00:02" },
          { name: "ipv4", source: "10.0.0.1", destination: "10.0.0.2" },
          { name: "gre", protocol, checksum: true },
        ],
        noise(60, 1),
      );
      bytes[35]! |= version;
      return bytes;
    };
    const kept = [packet(0x0800), packet(0x880b, 1), packet(0x88be)].map((bytes) => ({ bytes }));
    expect(check(options, kept)).toEqual(["forward", "forward", "forward"]);
    const wrong = packet(0x6558);
    wrong[80]! ^= 1;
    expect(check(options, [{ bytes: wrong }])).toEqual(["gre-checksum"]);
  });
});
