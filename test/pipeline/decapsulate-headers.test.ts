// The headers of each kind of tunnel, field by field: what is looked at, what is ignored, and what is a reason to drop.
import {
  type DecapsulateStage,
  type DecapsulateStageOf,
  type Kernels,
  loadKernels,
  Pipeline,
} from "frameferry";
import { CaptureWriter } from "frameferry/pcap";
import { type ComposeLayer, compose, type GeneveOption } from "frameferry/wire";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { processed } from "../support/capture-corpus.ts";
import { checkDecapsulation } from "../support/decapsulate-check.ts";
import { noise } from "../support/passengers.ts";
import { PoisonedBatch, type PoisonedInput } from "../support/poisoned-batch.ts";
import { rightHeaderChecksum } from "../support/tunnel-packets.ts";
import { fixtures } from "../wire/support.ts";

let kernels: Kernels;
let poisoned: PoisonedBatch;
beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 16 << 20 });
  poisoned = new PoisonedBatch(kernels, { frames: 16, headroom: 0, frameBytes: 4096 });
});
afterAll(() => poisoned.close());

const check = (stage: DecapsulateStage, inputs: readonly PoisonedInput[]): string[] =>
  checkDecapsulation(kernels, poisoned, stage, inputs);

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

describe("VXLAN-GPE headers", () => {
  const PLAIN: DecapsulateStage = { stage: "decapsulate", kind: "vxlan-gpe" };
  const gpe = (flags: number, next: number, middle = 0, last = 0): PoisonedInput => {
    const bytes = compose(
      [
        { name: "ethernet", destination: "02:00:00:00:00:0b", source: "02:00:00:00:00:0a" },
        { name: "ipv4", source: "10.0.0.2", destination: "10.0.0.1" },
        { name: "udp", sourcePort: 50000, destinationPort: 4790, checksum: 0 },
        { name: "vxlan", vni: 7, gpe: { nextProtocol: 3, bum: false, oam: false } },
      ],
      noise(60, 1),
    );
    bytes.set([flags, middle, 0, next], 42);
    bytes[49] = last;
    return { bytes };
  };

  it("are opened for Ethernet, and for nothing else that they announce", () => {
    for (let next = 0; next < 256; next++) {
      const expected = next === 3 ? "forward" : "gpe-protocol";
      expect(check(PLAIN, [gpe(0x0c, next)]), `next protocol ${next}`).toEqual([expected]);
      // Without the P flag the field says nothing, and the payload is a frame, as in VXLAN.
      expect(check(PLAIN, [gpe(0x08, next)]), `${next} without P`).toEqual(["forward"]);
    }
  });

  it("have eight flags, of which each has its meaning", () => {
    const of = (stage: DecapsulateStage): string[] =>
      Array.from({ length: 256 }, (_, flags) => check(stage, [gpe(flags, 3)])[0]!);
    const wanted = (flags: number): string => {
      if ((flags & 0x08) === 0) return "vxlan-no-vni";
      if ((flags & 0x30) !== 0) return "gpe-version";
      return (flags & 0x01) !== 0 ? "gpe-oam" : "forward";
    };
    expect(of(PLAIN)).toEqual(Array.from({ length: 256 }, (_, flags) => wanted(flags)));
    // Reserved are the two on top, and without P the protocol's byte.
    const strict = (flags: number): string =>
      wanted(flags) === "forward" && ((flags & 0xc0) !== 0 || (flags & 4) === 0)
        ? "vxlan-reserved"
        : wanted(flags);
    expect(of({ ...PLAIN, rule: "strict" })).toEqual(
      Array.from({ length: 256 }, (_, flags) => strict(flags)),
    );
  });

  it("have reserved bytes, which are ignored or refused", () => {
    for (const input of [gpe(0x0c, 3, 1), gpe(0x0c, 3, 0, 1)]) {
      expect(check(PLAIN, [input])).toEqual(["forward"]);
      expect(check({ ...PLAIN, rule: "strict" }, [input])).toEqual(["vxlan-reserved"]);
    }
    expect(check({ ...PLAIN, rule: "strict" }, [gpe(0x0e, 3)])).toEqual(["forward"]);
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

const PLAIN: DecapsulateStageOf<"vxlan"> = { stage: "decapsulate", kind: "vxlan" };

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
    const strict: DecapsulateStage = { ...options, lengths: "strict" };
    expect(check(strict, [{ bytes: withLength(97) }, { bytes: withLength(0) }])).toEqual([
      "outer-ip-truncated",
      "outer-ip-header",
    ]);
    // Usually what is longer was cut by a mirror, and what has no length is still to be cut by a card.
    expect(check(options, [{ bytes: withLength(97) }, { bytes: withLength(0) }])).toEqual([
      "forward",
      "forward",
    ]);
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
