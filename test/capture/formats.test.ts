// Whole captures through a pipeline, against reading and writing them record by record.
import fc from "fast-check";
import { FrameBatch, type Kernels, loadKernels, Pipeline, type Stage } from "frameferry";
import { type CaptureRecord, readCapture } from "frameferry/pcap";
import { beforeAll, describe, expect, it } from "vitest";
import {
  Bytes,
  chunked,
  enhanced,
  iface,
  join,
  pcapHeader,
  pcapRecord,
  section,
  text,
} from "../pcap/capture-bytes.ts";
import {
  corpus,
  expectedCopy,
  fullPcapng,
  obsolete,
  plainPcap,
  processed,
  recordsOf,
  simple,
  TIME,
  told,
  UNITS,
} from "../support/capture-corpus.ts";
import { noise } from "../support/passengers.ts";
import { expectBytes } from "../support/poisoned-batch.ts";

let kernels: Kernels;
beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 16 << 20 });
});

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, i) => byte === b[i]);

const PUSH_POP: Stage[] = [{ stage: "vlan-push", vid: 7 }, { stage: "vlan-pop" }];
const ENCAPSULATE: Stage = {
  stage: "encapsulate",
  kind: "vxlan",
  vni: 5,
  local: "10.0.0.1",
  remote: "10.0.0.2",
};
/** A packet on a raw IP interface is in each pcapng. */
const notEthernet = (bytes: Uint8Array) => (bytes[0] === 0x0a ? 1 : 0);
/**
 * What a simple block tells of a frame that has changed: no time, and of a frame that the snap length, which grows with the
 * frames, does not explain, only the bytes that are there.
 */
const asSimple = <T extends { data: Uint8Array; timestamp: bigint | undefined; originalLength: number }>(
  record: T,
): T => (record.timestamp === undefined ? { ...record, originalLength: record.data.length } : record);

describe.each(corpus)("$name", ({ bytes }) => {
  it("comes out of an empty pipeline as it was", async () => {
    using pipeline = new Pipeline(kernels, []);
    const { bytes: found, summary } = await processed(bytes, pipeline);
    expectBytes(found, await expectedCopy(bytes));
    const { records } = await recordsOf(bytes);
    const frameBytes = records.reduce((sum, { data }) => sum + data.length, 0);
    expect(summary).toEqual({
      format: bytes[0] === 0x0a ? "pcapng" : "pcap",
      received: records.length,
      forwarded: records.length,
      dropped: 0,
      joined: 0,
      reassembled: 0,
      drops: {},
      changed: [],
      stageDrops: [],
      counts: [],
      modules: [],
      fileBytesIn: bytes.length,
      fileBytesOut: found.length,
      frameBytesIn: frameBytes,
      frameBytesOut: frameBytes,
      linkTypes: notEthernet(bytes) ? [1, 101] : [1],
      checkSequencesLeftOut: 0,
      damage: undefined,
    });
  });

  it("also through stages that copy each frame, but for the snap length", async () => {
    using pipeline = new Pipeline(kernels, PUSH_POP);
    // Frames shorter than an Ethernet header are dropped there: those with none are left out.
    const long = await withoutShort(bytes);
    const { bytes: found, summary } = await processed(long, pipeline);
    if (!notEthernet(bytes)) expectBytes(found, await expectedCopy(long, 4));
    const after = await recordsOf(found);
    expect(after.damage).toBeUndefined();
    expect(after.records.map(told)).toEqual((await recordsOf(long)).records.map(asSimple).map(told));
    const changed = summary.received - notEthernet(bytes);
    expect(summary.changed).toEqual([changed, changed]);
  });

  it("is put into a tunnel where it is Ethernet, and all else is dropped with a reason", async () => {
    using pipeline = new Pipeline(kernels, [ENCAPSULATE]);
    const long = await withoutShort(bytes);
    const { bytes: found, summary } = await processed(long, pipeline);
    const before = await recordsOf(long);
    const after = await recordsOf(found);
    expect(after.damage).toBeUndefined();
    expect(after.records.length).toBe(before.records.length - notEthernet(bytes));
    expect(summary.drops).toEqual(notEthernet(bytes) ? { "not-ethernet": 1 } : {});
    expect(summary).toMatchObject({ received: before.records.length, forwarded: after.records.length });
  });

  it.each(["pcap", "pcapng"] as const)("keeps time, lengths and bytes as %s", async (format) => {
    using pipeline = new Pipeline(kernels, []);
    const { bytes: found, summary } = await processed(bytes, pipeline, { format });
    const { records } = await recordsOf(bytes);
    const after = await recordsOf(found);
    const essence = ({ data, originalLength, timestamp }: (typeof records)[number]) =>
      `${timestamp} ${originalLength} ${data.join()}`;
    // A pcap is of one link type, and has no records without a time.
    const isKept = ({ interface: seenOn, timestamp }: CaptureRecord) =>
      format === "pcapng" || (seenOn.linkType === 1 && timestamp !== undefined);
    expect(after.damage).toBeUndefined();
    expect(after.records.map(essence)).toEqual(records.filter(isKept).map(essence));
    const lost = format === "pcap" && notEthernet(bytes) ? { "other-link-type": 1, "no-time": 3 } : {};
    expect(summary.drops).toEqual(lost);
    const [first] = after.records;
    expect(first!.interface.section.format).toBe(format);
  });

  it("comes out the same however it is cut into chunks", async () => {
    using pipeline = new Pipeline(kernels, [{ stage: "vlan-push", vid: 9 }]);
    const whole = await processed(bytes, pipeline);
    for (const size of [1, 2, 3, 7, 64, 1000]) {
      const { bytes: found, summary } = await processed(chunked(bytes, size), pipeline);
      expectBytes(found, whole.bytes);
      expect(summary).toEqual(whole.summary);
    }
  });

  it("gives each frame what the same pipeline gives it in a batch", async () => {
    const stages: Stage[] = [
      { stage: "vlan-push", vid: 3, pcp: 2 },
      ENCAPSULATE,
      { ...ENCAPSULATE, vni: 6, outerVid: 44 },
      { stage: "decapsulate", kind: "vxlan" },
    ];
    using pipeline = new Pipeline(kernels, stages);
    using batch = new FrameBatch(kernels, { frames: 64, headroom: 256 });
    const { records } = await recordsOf(bytes);
    const kept = records.filter((record) => record.interface.linkType === 1);
    for (const { data, originalLength } of kept)
      batch.add(data, { wireLength: Math.max(originalLength, data.length) });
    pipeline.run(batch);
    const expected: string[] = [];
    kept.forEach(({ timestamp }, i) => {
      if (batch.verdict(i) === "drop") return;
      const frame = { data: batch.frame(i), timestamp, originalLength: batch.wireLength(i) };
      expected.push(`${asSimple(frame).originalLength} ${frame.data.join()}`);
    });
    const { bytes: found } = await processed(bytes, pipeline);
    const after = await recordsOf(found);
    expect(after.damage).toBeUndefined();
    expect(after.records.map(({ data, originalLength }) => `${originalLength} ${data.join()}`)).toEqual(
      expected,
    );
  });
});

it("is the same in chunks of any sizes", async () => {
  const { bytes } = fullPcapng(false);
  using pipeline = new Pipeline(kernels, PUSH_POP);
  const whole = await processed(bytes, pipeline);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 40 }), async (sizes) => {
      const chunks: Uint8Array[] = [];
      let at = 0;
      for (const size of sizes) chunks.push(bytes.subarray(at, (at += size)));
      chunks.push(bytes.subarray(at));
      expectBytes((await processed(chunks, pipeline)).bytes, whole.bytes);
    }),
    { seed: 1501, numRuns: 40 },
  );
});

it("pads blocks with zeroes, whatever stood behind the frame", async () => {
  using pipeline = new Pipeline(kernels, [{ stage: "vlan-push", vid: 0xabc, pcp: 7 }]);
  using plain = new Pipeline(kernels, []);
  const padding = async (bytes: Uint8Array): Promise<number[]> =>
    (await recordsOf(bytes)).records.flatMap(({ offset, data }) => {
      const end = offset + 28 + data.length;
      return Array.from({ length: -end & 3 }, (_, i) => end + i);
    });
  // What others have written there is no better.
  const dirty = async (big: boolean): Promise<Uint8Array> => {
    const comment = (b: Bytes) => b.option(1, text("why")).number(4, 0);
    const { bytes } = join([
      section(big),
      iface(big, 1, 0),
      ...[61, 62, 63, 64].flatMap((length) => [
        enhanced(big, 0, 5n, noise(length, 2)),
        enhanced(big, 0, 5n, noise(length, 2), length, comment),
      ]),
    ]);
    for (const at of await padding(bytes)) bytes[at] = 0xff;
    return bytes;
  };
  for (const input of [plainPcap(true, true).bytes, await dirty(false), await dirty(true)]) {
    for (const one of [plain, pipeline]) {
      const { bytes } = await processed(input, one, { format: "pcapng" });
      const found = await padding(bytes);
      expect(found.length).toBeGreaterThan(0);
      for (const at of found) expect(bytes[at]).toBe(0);
    }
  }
});

describe("packet blocks without all fields", () => {
  it.each([false, true])("obsolete packet blocks become enhanced ones (big-endian: %s)", async (big) => {
    const milliseconds = (b: Bytes) => b.option(9, [3]).number(4, 0);
    const { bytes } = join([
      section(big),
      iface(big, 1, 0),
      iface(big, 1, 0, milliseconds),
      ...Array.from({ length: 256 }, () => iface(big, 1, 0)),
      obsolete(big, 0, 12345678n, noise(61, 1)),
      obsolete(big, 1, 12345678n, noise(61, 1)),
      // Both bytes of the number count.
      obsolete(big, 257, 4n, noise(62, 3)),
      enhanced(big, 0, 5n, noise(60, 2)),
    ]);
    using pipeline = new Pipeline(kernels, []);
    const before = await recordsOf(bytes);
    expect(before.records.map((record) => record.interface.id)).toEqual([0, 1, 257, 0]);
    const after = await recordsOf((await processed(bytes, pipeline)).bytes);
    expect(after.records.map(told)).toEqual(before.records.map(told));
    const asPcap = await recordsOf((await processed(bytes, pipeline, { format: "pcap" })).bytes);
    expect(asPcap.records.map(({ timestamp }) => timestamp)).toEqual(
      before.records.map(({ timestamp }) => timestamp),
    );
  });

  it.each([false, true])("simple ones stay readable when frames change (big-endian: %s)", async (big) => {
    const packet = noise(1500, 3);
    using wrap = new Pipeline(kernels, [ENCAPSULATE]);
    using batch = new FrameBatch(kernels, { frames: 1 });
    batch.fill([packet]);
    wrap.run(batch);
    const carried = batch.frame(0).slice();
    const tagged = noise(300, 4);
    tagged.set([0x81, 0x00], 12);
    const { bytes } = join([
      section(big),
      iface(big, 1, 200),
      simple(big, carried.subarray(0, 200), carried.length),
      simple(big, tagged.subarray(0, 200), tagged.length),
      simple(big, noise(80, 5)),
      simple(big, noise(200, 5)),
    ]);
    for (const stages of [
      [{ stage: "decapsulate", kind: "vxlan", others: "keep" }],
      [{ stage: "vlan-pop" }],
      [{ stage: "vlan-push", vid: 5 }],
      [
        { stage: "decapsulate", kind: "vxlan", others: "keep" },
        { stage: "vlan-push", vid: 5 },
      ],
    ] satisfies Stage[][]) {
      using pipeline = new Pipeline(kernels, stages);
      using inBatch = new FrameBatch(kernels, { frames: 4 });
      for (const { data, originalLength } of (await recordsOf(bytes)).records)
        inBatch.add(data, { wireLength: originalLength });
      pipeline.run(inBatch);
      const after = await recordsOf((await processed(bytes, pipeline)).bytes);
      expect(after.damage).toBeUndefined();
      expect(after.records.length).toBe(4);
      after.records.forEach(({ data, originalLength, timestamp, interface: { snapLength } }, i) => {
        expectBytes(data, inBatch.frame(i));
        const wire = inBatch.wireLength(i);
        expect(originalLength).toBe(Math.min(wire, snapLength) === data.length ? wire : data.length);
        expect(timestamp).toBeUndefined();
      });
    }
  });
});

describe("time", () => {
  it("of every resolution is kept to the nanosecond in a pcap", async () => {
    const ticks = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
    await fc.assert(
      fc.asyncProperty(fc.boolean(), fc.array(ticks, { minLength: 15, maxLength: 15 }), async (big, all) => {
        const units = UNITS.map((unit, i) => ({ ...unit, raw: all[i]! }));
        const { bytes } = join([
          section(big),
          ...units.map(({ byte, offset }) =>
            iface(big, 1, 0, (b) =>
              b.option(9, [byte]).option(14, new Bytes(big).number(8, offset).done).number(4, 0),
            ),
          ),
          // Times from 1970 to 2106 are what a pcap can hold.
          ...units.map(({ byte, offset, ticks: usual, raw }, id) => {
            const base = byte & 0x80 ? 2n ** BigInt(byte & 0x7f) : 10n ** BigInt(byte);
            const seconds = raw / base + offset;
            const fits = seconds >= 0n && seconds < 1n << 32n;
            return enhanced(big, id, fits ? raw : (usual / base) * base + (raw % base), noise(60, id));
          }),
        ]);
        using pipeline = new Pipeline(kernels, []);
        const before = (await recordsOf(bytes)).records.map(({ timestamp }) => timestamp);
        const found = await processed(bytes, pipeline, { format: "pcap" });
        const after = (await recordsOf(found.bytes)).records.map(({ timestamp }) => timestamp);
        expect(after).toEqual(before);
      }),
      { seed: 1502, numRuns: 60 },
    );
  });

  it("is rounded down on both sides of a nanosecond, for every resolution", async () => {
    const resolutions: [number, bigint][] = [];
    for (let exponent = 0; exponent <= 127; exponent++)
      resolutions.push([0x80 | exponent, 2n ** BigInt(exponent)]);
    for (let exponent = 0; exponent <= 40; exponent++) resolutions.push([exponent, 10n ** BigInt(exponent)]);
    // The first tick of a nanosecond and the last one before it, at the beginning, in the middle and at the end of a
    // second, and in the last second that 64 bits of ticks can tell.
    const near = (units: bigint): bigint[] =>
      [1n, 2n, 499_999_999n, 500_000_001n, 999_999_998n, 999_999_999n].flatMap((nanosecond) => {
        const first = (nanosecond * units + 999_999_999n) / 1_000_000_000n;
        const second = ((1n << 64n) / units - 1n) * units;
        const last = [units, 1n << 64n].reduce((a, b) => (a < b ? a : b)) - 1n;
        return [first, first - 1n, first + (second > 0n && second < 1n << 40n ? second : 0n), last];
      });
    const { bytes } = join([
      section(true),
      ...resolutions.map(([byte]) => iface(true, 1, 0, (b) => b.option(9, [byte]).number(4, 0))),
      ...resolutions.flatMap(([, units], id) =>
        near(units)
          .filter((ticks) => ticks / units < 1n << 32n && ticks < 1n << 64n)
          .map((ticks) => enhanced(true, id, ticks, noise(14, id))),
      ),
    ]);
    using pipeline = new Pipeline(kernels, []);
    const before = (await recordsOf(bytes)).records.map(({ timestamp }) => timestamp);
    expect(before.length).toBeGreaterThan(1000);
    const found = await processed(bytes, pipeline, { format: "pcap" });
    expect((await recordsOf(found.bytes)).records.map(({ timestamp }) => timestamp)).toEqual(before);
  });

  it("of a block that has none is not made up: a pcap does not get it", async () => {
    const { bytes } = join([
      section(false),
      iface(false, 1, 0, (b) => b.option(14, new Bytes(false).number(8, 1000n).done).number(4, 0)),
      simple(false, noise(60, 1)),
    ]);
    using pipeline = new Pipeline(kernels, []);
    const { bytes: found, summary } = await processed(bytes, pipeline, { format: "pcap" });
    expect((await recordsOf(found)).records).toEqual([]);
    expect(summary).toMatchObject({ received: 1, forwarded: 0, drops: { "no-time": 1 } });
  });

  it("survives the way to pcapng and back", async () => {
    for (const big of [false, true]) {
      const made = plainPcap(big, true);
      using pipeline = new Pipeline(kernels, []);
      const there = await processed(made.bytes, pipeline, { format: "pcapng" });
      const back = await processed(there.bytes, pipeline, { format: "pcap" });
      const times = async (bytes: Uint8Array) =>
        (await recordsOf(bytes)).records.map(({ timestamp }) => timestamp);
      expect(await times(back.bytes)).toEqual(await times(made.bytes));
      expect(await times(there.bytes)).toEqual(await times(made.bytes));
    }
  });

  it("carries over where a pcap's fraction is more than a second", async () => {
    const { bytes } = join([pcapHeader(false, false), pcapRecord(false, TIME, 4_000_000_000, noise(60, 1))]);
    using pipeline = new Pipeline(kernels, []);
    const { bytes: found } = await processed(bytes, pipeline, { format: "pcapng" });
    expect((await recordsOf(found)).records[0]!.timestamp).toBe(
      BigInt(TIME) * 10n ** 9n + 4_000_000_000_000n,
    );
  });
});

describe("the header of the output", () => {
  it("keeps a pcap's reserved fields and FCS length", async () => {
    const bytes = join([pcapHeader(true, false, 1, 96), pcapRecord(true, TIME, 1, noise(60, 1))]).bytes;
    bytes.set([0, 0, 0x0e, 0x10, 0, 0, 0, 9], 8);
    bytes.set([0x24, 0], 20);
    using plain = new Pipeline(kernels, []);
    expectBytes((await processed(bytes, plain)).bytes, bytes);
    // What a stage has made has no check sequence.
    using pipeline = new Pipeline(kernels, [ENCAPSULATE]);
    const { bytes: found } = await processed(bytes, pipeline);
    const expected = bytes.slice(0, 24);
    new DataView(expected.buffer).setUint32(16, 96 + 50);
    expected[20] = 0;
    expectBytes(found.slice(0, 24), expected);
  });

  it("of a converted capture says nanoseconds, Ethernet, and a snap length that holds", async () => {
    using pipeline = new Pipeline(kernels, [ENCAPSULATE]);
    const { bytes } = await processed(plainPcap(false, false, 1500).bytes, pipeline, { format: "pcapng" });
    const reader = readCapture(bytes);
    await reader.open();
    expect(reader.section!.interfaces[0] ?? (await first(reader)).interface).toMatchObject({
      linkType: 1,
      snapLength: 1550,
      resolution: { base: 10, exponent: 9 },
    });
  });
});

async function first(reader: AsyncIterable<CaptureRecord>): Promise<CaptureRecord> {
  for await (const record of reader) return record;
  throw new Error("no record");
}

async function withoutShort(bytes: Uint8Array): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let from = 0;
  for (const { data, offset, interface: seenOn } of (await recordsOf(bytes)).records) {
    if (data.length >= 14) continue;
    parts.push(bytes.subarray(from, offset));
    from = offset + (seenOn.section.format === "pcap" ? 16 : 32) + data.length;
  }
  return join([...parts, bytes.subarray(from)]).bytes;
}

describe.each(["pcap", "pcapng"])("a %s of long frames that need headroom", (format) => {
  it("is copied burst by burst, as far as there is room for copies", async () => {
    // 256 of them are three times what is there for the copies of a burst.
    const frames = Array.from({ length: 300 }, (_, i) => noise(6000 + i, i));
    const { bytes } =
      format === "pcap"
        ? join([pcapHeader(false, false), ...frames.map((bytes, i) => pcapRecord(false, i, 0, bytes))])
        : join([
            section(false),
            iface(false, 1, 0),
            ...frames.map((bytes, i) => enhanced(false, 0, BigInt(i), bytes)),
          ]);
    using pipeline = new Pipeline(kernels, [ENCAPSULATE, { stage: "decapsulate", kind: "vxlan" }]);
    const { bytes: found, summary } = await processed(bytes, pipeline);
    expect(summary).toMatchObject({ received: 300, forwarded: 300, dropped: 0 });
    const { records } = await recordsOf(found);
    expect(records.findIndex(({ data }, i) => !sameBytes(data, frames[i]!))).toBe(-1);
  });
});
