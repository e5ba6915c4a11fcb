// Captures of every link type, with and without declared check sequences: what comes off, and what stays as it was.
import fc from "fast-check";
import { type Kernels, loadKernels, Pipeline, type Stage } from "frameferry";
import { type CaptureRecord, readCapture } from "frameferry/pcap";
import { beforeAll, describe, expect, it } from "vitest";
import { Bytes, enhanced, iface, join, pcapHeader, pcapRecord, section } from "../pcap/capture-bytes.ts";
import { processed, recordsOf, simple } from "../support/capture-corpus.ts";
import { LINK_FRAMES, linkChoice, linkType, OTHER_LINK_TYPES, vxlanPacket } from "../support/link-frames.ts";
import { noise } from "../support/passengers.ts";

let kernels: Kernels;
beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 16 << 20 });
});

const DECAP: Stage = { stage: "decapsulate", kind: "vxlan" };
const KEEP: Stage = { ...DECAP, others: "keep" };
const FCS = [0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7];
const passenger = (seed: number): Uint8Array => {
  const frame = noise(62, seed);
  frame.set([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5], 0);
  return frame;
};

async function through(
  bytes: Uint8Array,
  stages: readonly Stage[],
  format: "same" | "pcap" | "pcapng" = "same",
) {
  using pipeline = new Pipeline(kernels, stages);
  const { bytes: found, summary } = await processed(bytes, pipeline, { format });
  const { records, damage } = await recordsOf(found);
  expect(damage).toBeUndefined();
  return { found, summary, records };
}

const flagsOf = ({ options, interface: { section: seen } }: CaptureRecord): number | undefined => {
  const value = options.find(({ code }) => code === 2)?.value;
  return value && new DataView(value.buffer, value.byteOffset).getUint32(0, seen.byteOrder === "little");
};
const hex = (bytes: Uint8Array): string =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

describe.each([...LINK_FRAMES.keys()])("link type %i", (type) => {
  const frameOf = LINK_FRAMES.get(type)!;

  it("gives its passengers, however its frames look", async () => {
    for (const ipv6 of [false, true]) {
      const records = Array.from({ length: 512 }, (_, choice) =>
        pcapRecord(false, choice, 0, frameOf(vxlanPacket(passenger(choice), type, ipv6), choice)),
      );
      const bytes = join([pcapHeader(false, false, type), ...records]).bytes;
      const { records: found, summary } = await through(bytes, [DECAP]);
      expect(summary.drops).toEqual({});
      expect(summary.linkTypes).toEqual([type]);
      expect(found.map(({ data }) => hex(data))).toEqual(records.map((_, i) => hex(passenger(i))));
      expect(found[0]!.interface.linkType).toBe(1);
    }
  });

  it("cut anywhere, gives as much as there is, or a reason", async () => {
    for (const ipv6 of [false, true])
      for (const choice of [0, 511, 341, 170]) {
        const frame = frameOf(vxlanPacket(passenger(1), type, ipv6), choice);
        const headers = frame.length - 62;
        const records = Array.from({ length: frame.length + 1 }, (_, length) =>
          pcapRecord(true, length, 0, frame.subarray(0, length), frame.length),
        );
        const { records: found, summary } = await through(
          join([pcapHeader(true, true, type), ...records]).bytes,
          [DECAP],
        );
        expect(found.map(({ data, originalLength }) => [hex(data), originalLength])).toEqual(
          Array.from({ length: 49 }, (_, i) => [hex(passenger(1).subarray(0, 14 + i)), 62]),
        );
        expect(summary).toMatchObject({ received: frame.length + 1, forwarded: 49, dropped: headers + 14 });
      }
  });

  it("is not touched by stages that are not about it", async () => {
    const packets = [0, 77, 511].map((choice) => frameOf(overTcp(), choice));
    const bytes = join([
      pcapHeader(false, true, type),
      ...packets.map((frame, i) => pcapRecord(false, i, i, frame, frame.length + i)),
    ]).bytes;
    for (const stages of [
      [],
      [KEEP],
      [{ stage: "vlan-pop" }],
      [{ stage: "sample", oneIn: 1 }],
    ] as Stage[][]) {
      const { found, summary } = await through(bytes, stages, stages[0] === KEEP ? "pcapng" : "same");
      expect(summary).toMatchObject({ forwarded: 3, drops: {} });
      if (stages[0] !== KEEP) expect(hex(found)).toBe(hex(bytes));
      const { records } = await recordsOf(found);
      expect(records.map(({ data }) => hex(data))).toEqual(packets.map(hex));
      expect(records.map(({ interface: seenOn }) => seenOn.linkType)).toEqual([type, type, type]);
    }
  });
});

/** An IPv4 packet that is no tunnel's. */
function overTcp(): Uint8Array {
  const packet = vxlanPacket(passenger(9), 1, false);
  packet[9] = 6;
  return packet;
}

it("802.11 that is encrypted, a fragment, or several frames in one, says so by being left alone", async () => {
  const frame = LINK_FRAMES.get(105)!(vxlanPacket(passenger(1), 105, false), 1);
  const change = (at: number, bits: number) => frame.map((byte, i) => (i === at ? byte | bits : byte));
  const cases = [change(1, 0x40), change(22, 1), change(24, 0x80), change(0, 0x40), change(0, 0x04)];
  const bytes = join([
    pcapHeader(false, false, 105),
    ...cases.map((one) => pcapRecord(false, 0, 0, one)),
  ]).bytes;
  const { summary } = await through(bytes, [DECAP]);
  expect(summary.drops).toEqual({ "not-tunnel": 4, "link-encrypted": 1 });
});

it("link types that are not opened are kept, or dropped by that name", async () => {
  for (const type of OTHER_LINK_TYPES) {
    const record = pcapRecord(false, 1, 1, noise(60, 1));
    const bytes = join([pcapHeader(false, false, type), record]).bytes;
    expect((await through(bytes, [DECAP])).summary.drops).toEqual({ "link-type": 1 });
    const kept = await through(bytes, [KEEP], "pcapng");
    expect(kept.records.map(({ data }) => hex(data))).toEqual([hex(noise(60, 1))]);
    expect(kept.records[0]!.interface.linkType).toBe(type);
    // A pcap has the type of what a decapsulation gives.
    const { summary } = await through(bytes, [KEEP]);
    expect(summary.drops).toEqual({ "other-link-type": 1 });
  }
});

describe("check sequences", () => {
  const frame = LINK_FRAMES.get(1)!(vxlanPacket(passenger(1), 1, false), 0);
  const other = LINK_FRAMES.get(1)!(overTcp(), 0);
  const withFcs = (bytes: Uint8Array, length: number) => Uint8Array.of(...bytes, ...FCS.slice(0, length));
  const pcap = (length: number, ...records: Uint8Array[]) =>
    join([pcapHeader(false, false, (((length / 2) << 28) | 0x04000001) >>> 0), ...records]).bytes;

  it("declared by a pcap are taken off what changes, and stay where nothing does", async () => {
    for (const length of [2, 4, 8]) {
      const bytes = pcap(
        length,
        ...[frame, other].map((one) => pcapRecord(false, 1, 1, withFcs(one, length))),
      );
      const { records, found } = await through(bytes, [DECAP]);
      expect(records.map(({ data, originalLength }) => [hex(data), originalLength])).toEqual([
        [hex(passenger(1)), 62],
      ]);
      expect(new DataView(found.buffer).getUint32(20, true)).toBe(1);
      expect(hex((await through(bytes, [])).found)).toBe(hex(bytes));

      // A pcap declares one for all or for none.
      const kept = await through(bytes, [KEEP]);
      expect(kept.records.map(({ data }) => hex(data))).toEqual([hex(passenger(1)), hex(other)]);
      expect(kept.records.every(({ interface: { fcsLength } }) => !fcsLength)).toBe(true);
      expect(kept.summary.checkSequencesLeftOut).toBe(1);

      const both = await through(bytes, [KEEP], "pcapng");
      expect(both.records.map(({ data, originalLength }) => [hex(data), originalLength])).toEqual([
        [hex(passenger(1)), 62],
        [hex(withFcs(other, length)), other.length + length],
      ]);
      expect(both.records.map(({ interface: { fcsLength } }) => fcsLength ?? 0)).toEqual([0, length]);
      expect(both.summary.checkSequencesLeftOut).toBe(0);
    }
  });

  it("do not enter tunnels, and none is left that is stale", async () => {
    const bytes = pcap(4, pcapRecord(false, 1, 1, withFcs(frame, 4)));
    const wrap: Stage = {
      stage: "encapsulate",
      kind: "vxlan",
      vni: 7,
      local: "10.0.0.1",
      remote: "10.0.0.2",
    };
    for (const [stages, growth] of [
      [[wrap], 50],
      [[{ stage: "vlan-push", vid: 5 }], 4],
      [
        [
          { stage: "vlan-push", vid: 5 },
          { stage: "vlan-rewrite", vid: 6 },
        ],
        4,
      ],
      [[wrap, DECAP], 0],
    ] as [Stage[], number][]) {
      const { records } = await through(bytes, stages);
      expect(records.map(({ data, originalLength }) => [data.length, originalLength])).toEqual([
        [frame.length + growth, frame.length + growth],
      ]);
      expect(records[0]!.interface.fcsLength).toBeUndefined();
      expect(hex(records[0]!.data.subarray(-62))).toBe(hex(passenger(1)));
    }
  });

  it("that the capture has cut are still no part of the frame", async () => {
    const whole = withFcs(frame, 4);
    const plain = withFcs(other, 4);
    const cuts = [0, 1, 2, 3, 4, 5, 30];
    const bytes = pcap(
      4,
      ...cuts.map((cut) => pcapRecord(false, cut, 0, whole.subarray(0, whole.length - cut), whole.length)),
      ...cuts.map((cut) => pcapRecord(false, cut, 0, plain.subarray(0, plain.length - cut), plain.length)),
    );
    const { records } = await through(bytes, [KEEP], "pcapng");
    expect(records.map(({ data, originalLength }) => [data.length, originalLength])).toEqual([
      ...[62, 62, 62, 62, 62, 61, 36].map((length) => [length, 62]),
      ...cuts.map((cut) => [plain.length - cut, plain.length]),
    ]);
  });

  it("declared by a packet's flags hold for it, before its interface's", async () => {
    for (const big of [false, true]) {
      const flags = (value: number) => (bytes: Bytes) =>
        bytes.option(1, [104, 105]).option(2, new Bytes(big).number(4, value).done).number(4, 0);
      const declared = (bytes: Bytes) => bytes.option(13, [4]).number(4, 0);
      const bytes = join([
        section(big),
        iface(big, 1, 0),
        iface(big, 1, 0, declared),
        ...[frame, other].flatMap((one) => [
          enhanced(big, 0, 1n, withFcs(one, 4), one.length + 4, flags(0x81)),
          enhanced(big, 1, 2n, withFcs(one, 2), one.length + 2, flags(0x42)),
          enhanced(big, 1, 3n, withFcs(one, 4), one.length + 4, flags(0x02)),
          enhanced(big, 1, 4n, withFcs(one, 4)),
          enhanced(big, 0, 5n, one, one.length, flags(0x01)),
        ]),
      ]).bytes;
      const { records, summary } = await through(bytes, [KEEP]);
      expect(records.slice(0, 5).map(({ data }) => hex(data))).toEqual(Array(5).fill(hex(passenger(1))));
      expect(records.slice(0, 5).map(flagsOf)).toEqual([0x01, 0x02, 0x02, undefined, 0x01]);
      expect(records.slice(0, 5).map(({ interface: { fcsLength } }) => fcsLength)).toEqual(
        Array(5).fill(undefined),
      );
      expect(records.slice(5).map(({ data }) => data.length - other.length)).toEqual([4, 2, 4, 4, 0]);
      expect(records.slice(5).map(flagsOf)).toEqual([0x81, 0x42, 0x02, undefined, 0x01]);
      expect(records.slice(5).map(({ interface: { fcsLength } }) => fcsLength)).toEqual([
        undefined,
        4,
        4,
        4,
        undefined,
      ]);
      expect(records.map(({ timestamp }) => timestamp)).toEqual(
        [1n, 2n, 3n, 4n, 5n, 1n, 2n, 3n, 4n, 5n].map((t) => t * 1000n),
      );
      // Of a pcap none is declared: all that were there are left out.
      const flat = await through(bytes, [KEEP], "pcap");
      expect(flat.summary.checkSequencesLeftOut).toBe(4);
      expect(flat.records.slice(5).map(({ data }) => hex(data))).toEqual(Array(5).fill(hex(other)));
      expect(summary.checkSequencesLeftOut).toBe(0);
    }
  });
});

it("interfaces are written where frames leave by them, and statistics go with them", async () => {
  const statistics = (id: number) =>
    new Bytes(false).number(4, 5).number(4, 24).number(4, id).number(8, 0).number(4, 24).done;
  const bytes = join([
    section(false),
    iface(false, 113, 0),
    iface(false, 1, 0),
    enhanced(false, 0, 1n, LINK_FRAMES.get(113)!(vxlanPacket(passenger(1), 113, false), 0)),
    enhanced(false, 0, 2n, LINK_FRAMES.get(113)!(overTcp(), 0)),
    enhanced(false, 1, 3n, LINK_FRAMES.get(1)!(vxlanPacket(passenger(2), 1, false), 0)),
    statistics(0),
    statistics(1),
  ]).bytes;
  const seen = async (stages: Stage[]) => {
    const { found } = await through(bytes, stages);
    const interfaces: number[] = [];
    const records: number[] = [];
    const told: number[] = [];
    for await (const items of readCapture(found).items())
      for (const item of items) {
        if (item.kind === "interface") interfaces.push(item.linkType);
        if (item.kind === "record") records.push(item.interface.id);
        if (item.kind === "block") told.push(item.body[0]!);
      }
    return { interfaces, records, told };
  };
  expect(await seen([])).toEqual({ interfaces: [113, 1], records: [0, 0, 1], told: [0, 1] });
  expect(await seen([DECAP])).toEqual({ interfaces: [1, 1], records: [0, 1], told: [0, 1] });
  expect(await seen([KEEP])).toEqual({ interfaces: [113, 1, 1], records: [1, 0, 2], told: [0, 2] });
  expect(await seen([{ stage: "vlan-push", vid: 1 }])).toEqual({
    interfaces: [113, 1],
    records: [0, 0, 1],
    told: [0, 1],
  });
});

it("a frame without a time that would need another interface than the first says so", async () => {
  const bytes = join([
    section(false),
    iface(false, 113, 0),
    simple(false, LINK_FRAMES.get(113)!(vxlanPacket(passenger(1), 113, false), 0)),
    simple(false, LINK_FRAMES.get(113)!(overTcp(), 0)),
  ]).bytes;
  const only = await through(bytes, [DECAP]);
  expect(only.records.map(({ timestamp, data }) => [timestamp, data.length])).toEqual([[undefined, 62]]);
  const kept = await through(bytes, [KEEP]);
  expect(kept.summary.drops).toEqual({ "no-time": 1 });
  expect(kept.records.map(({ timestamp }) => timestamp)).toEqual([undefined]);
});

describe("pcap of old versions", () => {
  const record = (first: number, second: number, data: Uint8Array) =>
    new Bytes(false).number(4, 7).number(4, 0).number(4, first).number(4, second).raw(data).done;
  const file = (minor: number, ...records: Uint8Array[]) => {
    const bytes = join([pcapHeader(false, false), ...records]).bytes;
    bytes[6] = minor;
    return bytes;
  };
  const cut = noise(40, 3);

  it.each([0, 1, 2])("2.%i has its lengths the other way round", async (minor) => {
    const bytes = file(minor, record(60, 40, cut), record(40, 40, cut));
    const read = await recordsOf(bytes);
    expect(read.damage).toBeUndefined();
    expect(read.records[0]!.interface.section.version).toEqual({ major: 2, minor });
    const { records, found } = await through(bytes, [{ stage: "vlan-push", vid: 2 }, { stage: "vlan-pop" }]);
    for (const list of [read.records, records])
      expect(list.map(({ data, originalLength }) => [hex(data), originalLength])).toEqual([
        [hex(cut), 60],
        [hex(cut), 40],
      ]);
    expect([...found.subarray(4, 8)]).toEqual([2, 0, 4, 0]);
  });

  it("2.3 has them in either order", async () => {
    const bytes = file(3, record(60, 40, cut), record(40, 60, cut));
    const { records } = await through(bytes, []);
    for (const list of [(await recordsOf(bytes)).records, records])
      expect(list.map(({ data, originalLength }) => [data.length, originalLength])).toEqual([
        [40, 60],
        [40, 60],
      ]);
  });

  it("cut at every byte ends where reading it does", async () => {
    const bytes = file(2, record(60, 40, cut), record(41, 40, cut));
    for (let length = 24; length < bytes.length; length++) {
      const part = bytes.subarray(0, length);
      using pipeline = new Pipeline(kernels, []);
      const { summary } = await processed(part, pipeline);
      expect(summary.damage?.message).toBe((await recordsOf(part)).damage?.message);
    }
  });

  it("others are refused by their number", async () => {
    const { damage } = await recordsOf(file(5));
    expect(damage?.message).toMatch(/version 2\.5, and only 2\.0 to 2\.4 are read/);
  });
});

/** What is put into a capture, and what must come out. */
interface Case {
  readonly type: number;
  readonly choice: number;
  readonly fcs: number;
  readonly byFlags: boolean;
  readonly tunnel: boolean;
  readonly ipv6: boolean;
  readonly cut: number;
}

it("any mixture of link types and check sequences comes out as the model says", async () => {
  const one: fc.Arbitrary<Case> = fc.record({
    type: fc.oneof(
      { weight: 6, arbitrary: linkType },
      { weight: 1, arbitrary: fc.constantFrom(...OTHER_LINK_TYPES) },
    ),
    choice: linkChoice,
    fcs: fc.constantFrom(0, 0, 2, 4, 7),
    byFlags: fc.boolean(),
    tunnel: fc.boolean(),
    ipv6: fc.boolean(),
    cut: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(70) }),
  });
  await fc.assert(
    fc.asyncProperty(fc.boolean(), fc.array(one, { minLength: 1, maxLength: 30 }), async (big, cases) => {
      const interfaces = cases.map(({ type, fcs, byFlags }) =>
        iface(big, type, 0, (b) => (fcs > 0 && !byFlags ? b.option(13, [fcs]).number(4, 0) : b)),
      );
      const expected: string[] = [];
      const records = cases.map(({ type, choice, fcs, byFlags, tunnel, ipv6, cut }, i) => {
        const packet = vxlanPacket(passenger(i), type, ipv6);
        if (!tunnel) packet[(ipv6 && type !== 228) || type === 229 ? 6 : 9] = 6;
        const frame = LINK_FRAMES.get(type)?.(packet, choice) ?? noise(70, i);
        const whole = Uint8Array.of(...frame, ...FCS.slice(0, fcs));
        const data = whole.subarray(0, Math.max(whole.length - cut, 0));
        const there = 62 - Math.max(0, cut - fcs);
        if (tunnel && LINK_FRAMES.has(type) && there >= 14)
          expected.push(`1 0 62 ${hex(passenger(i).subarray(0, Math.min(62, there)))}`);
        else expected.push(`${type} ${fcs} ${whole.length} ${hex(data)}`);
        return enhanced(big, i, BigInt(i), data, whole.length, (b) =>
          byFlags && fcs > 0 ? b.option(2, new Bytes(big).number(4, fcs << 5).done).number(4, 0) : b,
        );
      });
      const { bytes } = join([section(big), ...interfaces, ...records]);
      const keeping = await through(bytes, [KEEP]);
      const told = keeping.records.map((record) => {
        const { data, originalLength, interface: seenOn } = record;
        const declared = ((flagsOf(record) ?? 0) >>> 5) & 15 || (seenOn.fcsLength ?? 0);
        return `${seenOn.linkType} ${declared} ${originalLength} ${hex(data)}`;
      });
      // A tunnel packet that ends before its passenger's header is a broken one: it is dropped, with a reason.
      const broken = keeping.summary.dropped;
      expect(told.length + broken).toBe(cases.length);
      const left = expected.filter((line) => told.includes(line));
      expect(told).toEqual(left);
      for (const [i, { tunnel, cut, fcs, type }] of cases.entries())
        if (!tunnel || cut <= fcs + 48 || !LINK_FRAMES.has(type)) expect(told).toContain(expected[i]);
      const copied = await through(bytes, []);
      expect(copied.records.map(({ data }) => hex(data))).toEqual(
        (await recordsOf(bytes)).records.map(({ data }) => hex(data)),
      );
    }),
    { seed: 1701, numRuns: 60 },
  );
});
