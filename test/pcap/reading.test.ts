import {
  type CaptureBlock,
  CaptureError,
  type CaptureItem,
  type CaptureRecord,
  type CaptureSource,
  commentsOf,
  readCapture,
} from "frameferry/pcap";
import { describe, expect, it } from "vitest";
import { loadFixture } from "../support/fixtures.ts";
import {
  Bytes,
  block,
  chunked,
  enhanced,
  frame,
  iface,
  join,
  pcapHeader,
  pcapRecord,
  section,
  text,
} from "./capture-bytes.ts";

async function all(source: CaptureSource): Promise<CaptureRecord[]> {
  const records: CaptureRecord[] = [];
  for await (const record of readCapture(source)) records.push(record);
  return records;
}

async function everything(source: CaptureSource): Promise<CaptureItem[]> {
  const items: CaptureItem[] = [];
  for await (const batch of readCapture(source).items()) items.push(...batch);
  return items;
}

async function failure(source: CaptureSource): Promise<CaptureError> {
  try {
    await all(source);
  } catch (error) {
    expect(error).toBeInstanceOf(CaptureError);
    return error as CaptureError;
  }
  throw new Error("expected a CaptureError");
}

const orders = [
  { order: "little", big: false },
  { order: "big", big: true },
] as const;

describe.each(orders)("pcap, $order-endian", ({ order, big }) => {
  it.each([
    [false, 1000n],
    [true, 1n],
  ])("reads times with nanoseconds %s", async (nano, unit) => {
    const last = nano ? 999999999 : 999999;
    const { bytes, offsets } = join([
      pcapHeader(big, nano, 1, 96),
      pcapRecord(big, 1700000001, 123456, frame(60)),
      pcapRecord(big, 0, 0, frame(0)),
      pcapRecord(big, 0xffffffff, last, frame(96, 3), 1514),
      pcapRecord(big, 0x80000000, 1, frame(1)),
    ]);
    const reader = readCapture(bytes);
    expect(await reader.open()).toMatchObject({
      format: "pcap",
      byteOrder: order,
      version: { major: 2, minor: 4 },
    });
    expect(reader.section?.interfaces).toHaveLength(1);
    const records: CaptureRecord[] = [];
    for await (const record of reader) records.push(record);
    expect(records.map((record) => record.timestamp)).toEqual([
      1700000001000000000n + 123456n * unit,
      0n,
      4294967295000000000n + BigInt(last) * unit,
      2147483648000000000n + unit,
    ]);
    expect(records.map((record) => record.ticks! * unit)).toEqual(records.map((record) => record.timestamp));
    expect(records.map((record) => record.data)).toEqual([frame(60), frame(0), frame(96, 3), frame(1)]);
    expect(records.map((record) => record.originalLength)).toEqual([60, 0, 1514, 1]);
    expect(records.map((record) => record.offset)).toEqual(offsets.slice(1));
    expect(records.map((record) => record.index)).toEqual([0, 1, 2, 3]);
    expect(records[0]!.interface).toMatchObject({ linkType: 1, snapLength: 96, fcsLength: undefined });
    expect(reader.damage).toBeUndefined();
  });

  it("reads thousands of nanosecond times exactly", async () => {
    const fractions = [0, 1, 294967295, 294967296, 709551615, 999999999];
    const seconds = Array.from({ length: 2000 }, (_, i) => (i < 1000 ? i : Math.imul(i, 0x9e3779b1) >>> 0));
    const times = seconds.flatMap((second) => fractions.map((fraction) => [second, fraction] as const));
    const made = times.map(([second, fraction]) => pcapRecord(big, second, fraction, frame(0)));
    const records = await all(join([pcapHeader(big, true), ...made]).bytes);
    const wrong = records.filter((record, i) => {
      const [second, fraction] = times[i]!;
      return record.timestamp !== BigInt(second) * 1000000000n + BigInt(fraction);
    });
    expect(records).toHaveLength(12000);
    expect(wrong).toEqual([]);
  });

  it("takes the FCS length out of the link type field", async () => {
    const records = await all(
      join([pcapHeader(big, false, 0x24000001), pcapRecord(big, 1, 2, frame(64))]).bytes,
    );
    expect(records[0]!.interface).toMatchObject({ linkType: 1, fcsLength: 4 });
  });

  it("lets a fraction above a second carry over", async () => {
    const records = await all(join([pcapHeader(big, false), pcapRecord(big, 5, 0xffffffff, frame(1))]).bytes);
    expect(records[0]!.timestamp).toBe(5000000000n + 4294967295000n);
  });
});

describe.each(orders)("pcapng, $order-endian", ({ order, big }) => {
  const resolution = (byte: number) => (b: Bytes) => b.option(9, [byte]).number(4, 0);

  it("reads options, interfaces and resolutions", async () => {
    const { bytes } = join([
      section(big, (b) =>
        b
          .option(1, text("first"))
          .option(2, text("iron"))
          .option(3, text("Linux"))
          .option(4, text("test"))
          .option(1, text("zwei ü"))
          .number(4, 0),
      ),
      iface(big, 1, 0),
      iface(big, 101, 96, (b) =>
        b.option(2, text("wan0")).option(3, text("to sea")).option(9, [9]).option(13, [4]),
      ),
      iface(big, 1, 0, resolution(0x80 | 10)),
      iface(big, 1, 0, resolution(12)),
      iface(big, 1, 0, (b) => b.option(14, new Bytes(big).number(8, -100n).done).number(4, 0)),
      enhanced(big, 0, 0x0005_0000_0000_0001n, frame(61), 61, (b) =>
        b.option(1, text("hello")).option(0x8001, [1, 2, 3, 4, 5]).number(4, 0),
      ),
      enhanced(big, 1, 1700000000123456789n, frame(96), 1000),
      enhanced(big, 2, 1025n, frame(3)),
      enhanced(big, 3, 1999n, frame(0)),
      enhanced(big, 4, 150000001n, frame(4)),
    ]);
    const reader = readCapture(chunked(bytes, 7));
    expect(await reader.open()).toMatchObject({
      format: "pcapng",
      byteOrder: order,
      comments: ["first", "zwei ü"],
      hardware: "iron",
      system: "Linux",
      application: "test",
    });
    const records: CaptureRecord[] = [];
    for await (const record of reader) records.push(record);
    expect(records.map((record) => record.timestamp)).toEqual([
      0x0005_0000_0000_0001n * 1000n,
      1700000000123456789n,
      1000976562n,
      1n,
      50000001000n,
    ]);
    expect(records.map((record) => record.ticks)).toEqual([
      0x0005_0000_0000_0001n,
      1700000000123456789n,
      1025n,
      1999n,
      150000001n,
    ]);
    expect(records.map((record) => record.interface.id)).toEqual([0, 1, 2, 3, 4]);
    expect(commentsOf(records[0]!.options)).toEqual(["hello"]);
    expect(records[0]!.options[1]).toEqual({ code: 0x8001, value: Uint8Array.of(1, 2, 3, 4, 5) });
    expect(records[1]!.interface).toMatchObject({
      linkType: 101,
      snapLength: 96,
      name: "wan0",
      description: "to sea",
      resolution: { base: 10, exponent: 9 },
      fcsLength: 4,
    });
    expect(records[2]!.interface.resolution).toEqual({ base: 2, exponent: 10 });
    expect(records[4]!.interface.offsetSeconds).toBe(-100n);
    expect(reader.section!.interfaces).toHaveLength(5);
  });

  it("reads simple and obsolete packet blocks and passes over the rest", async () => {
    const obsolete = new Bytes(big)
      .number(2, 0)
      .number(2, 7)
      .number(4, 0)
      .number(4, 5)
      .number(4, 5)
      .number(4, 9)
      .raw(frame(5))
      .pad();
    const { bytes, offsets } = join([
      section(big),
      block(big, 0x0bad, frame(20)),
      iface(big, 1, 50),
      block(big, 3, new Bytes(big).number(4, 90).raw(frame(50)).done),
      block(big, 3, new Bytes(big).number(4, 13).raw(frame(13)).done),
      block(big, 4, new Bytes(big).number(4, 0).done),
      block(big, 2, obsolete.done),
      block(big, 0x80000001, new Uint8Array(0)),
    ]);
    const items = await everything(bytes);
    expect(items.map((item) => item.kind)).toEqual([
      "section",
      "block",
      "interface",
      "record",
      "record",
      "block",
      "record",
      "block",
    ]);
    expect(items.map((item) => item.offset)).toEqual(offsets);
    const records = await all(bytes);
    expect(records.map((record) => record.data)).toEqual([frame(50), frame(13), frame(5)]);
    expect(records.map((record) => record.originalLength)).toEqual([90, 13, 9]);
    expect(records.map((record) => record.timestamp)).toEqual([undefined, undefined, 5000n]);
    // The drop count of the obsolete block, as epb_dropcount.
    expect(records[2]!.options).toEqual([{ code: 4, value: new Bytes(big).number(8, 7).done }]);
    expect((items[1] as CaptureBlock).body).toEqual(frame(20));
    expect((items[1] as CaptureBlock).type).toBe(0x0bad);
  });

  it("reads several sections, each of its own byte order, and numbers interfaces anew", async () => {
    const { bytes } = join([
      section(big),
      iface(big, 1, 0),
      iface(big, 101, 0),
      enhanced(big, 1, 1n, frame(8)),
      section(!big),
      iface(!big, 113, 0, resolution(3)),
      enhanced(!big, 0, 2n, frame(9)),
    ]);
    const records = await all(chunked(bytes, 1));
    expect(records.map((record) => record.interface.linkType)).toEqual([101, 113]);
    expect(records.map((record) => record.ticks)).toEqual([1n, 2n]);
    expect(records.map((record) => record.timestamp)).toEqual([1000n, 2000000n]);
    expect(records.map((record) => record.interface.section.interfaces.length)).toEqual([2, 1]);
  });

  it("names hostile and contradictory blocks by offset", async () => {
    const start = [section(big), iface(big, 1, 0), enhanced(big, 0, 1n, frame(8))];
    const at = join(start).bytes.length;
    const head = (type: number, total: number) =>
      new Bytes(big).number(4, type).number(4, total).number(4, 0);
    const wrongTrailer = enhanced(big, 0, 1n, frame(8)).slice();
    wrongTrailer.fill(0x11, wrongTrailer.length - 4);
    const tooLong = enhanced(big, 0, 1n, frame(8)).slice();
    tooLong.set(new Bytes(big).number(4, 9).done, 20);
    const hugeFrame = enhanced(big, 0, 1n, frame(8)).slice();
    hugeFrame.set(new Bytes(big).number(4, 0xfffffff0).done, 20);
    const longest = enhanced(big, 0, 1n, new Uint8Array(262144));
    expect(await all(join([...start, longest]).bytes)).toHaveLength(2);
    const longer = enhanced(big, 0, 1n, new Uint8Array(262145));
    const tooMany = await failure(join([...start, longer]).bytes);
    expect(tooMany.reason).toMatch(/claims 262145 captured bytes, and at most 262144/);
    const cases: [Uint8Array, RegExp][] = [
      [head(6, 0xfffffffc).done, /claims 4294967292 bytes, and at most/],
      [head(0xabc, 16777220).done, /at most 16777216/],
      [head(0xabc, 8).done, /shortest has 12/],
      [head(6, 28).done, /shortest has 32/],
      [head(1, 16).done, /shortest has 20/],
      [head(0xabc, 18).done, /multiple of 4/],
      [wrongTrailer, /in front and .* at its end/],
      [tooLong, /claims 9 captured bytes, and its block has room for 8/],
      [hugeFrame, /claims 4294967280 captured bytes, and at most 262144/],
      [enhanced(big, 1, 1n, frame(8)), /interface 1, and 1 are described/],
      [
        enhanced(big, 0, 1n, frame(8), 8, (b) => b.number(2, 1).number(2, 5).number(4, 0)),
        /option 1 claims 5/,
      ],
      [block(big, 3, new Bytes(big).number(4, 9).raw(frame(5)).done), /room for 8/],
      [head(0x0a0d0d0a, 28).done, /byte-order magic/],
      [section(big).with(big ? 13 : 12, 9), /version 9\.0/],
    ];
    for (const [bad, reason] of cases) {
      const { bytes } = join([...start, bad]);
      for (const size of [1, bytes.length]) {
        const error = await failure(chunked(bytes, size));
        expect(error.offset, String(reason)).toBe(at);
        expect(error.reason).toMatch(reason);
      }
    }
  });
});

describe("what is no capture", () => {
  it.each([
    [[], /is empty/],
    [[0xd4, 0xc3], /2 bytes into a header/],
    [[0x1f, 0x8b, 8, 0, 0], /gzip/],
    [[0x34, 0xcd, 0xb2, 0xa1], /modified/],
    [text("hello world"), /neither pcap nor pcapng: the file starts with 68656c6c/],
    [pcapHeader(false, false).with(4, 3), /version 3\.4/],
    [pcapHeader(false, false).slice(0, 23), /23 bytes into a header, which has at least 24/],
    [section(true).slice(0, 27), /27 bytes into a header, which has at least 28/],
  ])("is refused at byte 0 (%#)", async (bytes, reason) => {
    const error = await failure(Uint8Array.from(bytes));
    expect(error.offset).toBe(0);
    expect(error.reason).toMatch(reason);
    await expect(readCapture(Uint8Array.from(bytes)).open()).rejects.toThrow(CaptureError);
  });

  it("throws a TypeError for arguments of a wrong type", async () => {
    expect(() => readCapture("file.pcap" as unknown as CaptureSource)).toThrow(TypeError);
    expect(() => readCapture(new Uint8Array(0), { sginal: 1 } as object)).toThrow(/sginal/);
    await expect(all(["chunk"] as unknown as CaptureSource)).rejects.toThrow(TypeError);
  });
});

describe("a file cut short", () => {
  const records = [
    pcapRecord(false, 1, 2, frame(20)),
    pcapRecord(false, 1, 3, frame(0)),
    pcapRecord(false, 1, 4, frame(33)),
  ];
  const blocks = [
    iface(true, 1, 0),
    enhanced(true, 0, 1n, frame(21)),
    block(true, 77, frame(8)),
    enhanced(true, 0, 2n, frame(0), 0, (b) => b.option(1, text("c"))),
    section(false),
    iface(false, 1, 0),
    enhanced(false, 0, 3n, frame(5)),
  ];
  it.each([
    ["pcap", join([pcapHeader(false, true), ...records]), (i: number) => i > 0],
    ["pcapng", join([section(true), ...blocks]), (i: number) => [2, 4, 7].includes(i)],
  ] as const)("%s: every whole record, then the exact offset", async (_, { bytes, offsets }, isRecord) => {
    for (let cut = 0; cut <= bytes.length; cut++) {
      const ends = [...offsets.slice(1), bytes.length];
      const whole = ends.filter((end, i) => isRecord(i) && end <= cut).length;
      const start = [0, ...ends].findLast((end) => end <= cut)!;
      for (const size of [1, 5, bytes.length]) {
        const got: CaptureRecord[] = [];
        const reader = readCapture(chunked(bytes.slice(0, cut), size));
        let error: unknown;
        try {
          for await (const record of reader) got.push(record);
        } catch (thrown) {
          error = thrown;
        }
        expect(got.length).toBe(whole);
        if (start === cut && cut > 0) expect(error).toBeUndefined();
        else {
          expect(error).toBeInstanceOf(CaptureError);
          expect((error as CaptureError).offset).toBe(start);
        }
        expect(reader.damage).toBe(error);
      }
    }
  });

  it("refuses a hostile record length before its bytes arrive", async () => {
    const bad = new Bytes(false).number(8, 0).number(4, 0xffffffff).number(4, 0).done;
    const { bytes, offsets } = join([pcapHeader(false, false), records[0]!, bad]);
    const error = await failure(chunked(bytes, 3));
    expect(error.offset).toBe(offsets[2]);
    expect(error.message).toBe(
      "byte 60: record claims 4294967295 captured bytes, and at most 262144 are accepted",
    );
  });
});

describe("real captures", () => {
  it("reads a pcap of tcpdump's and a pcapng of dumpcap's", async () => {
    const vxlan = await all(await loadFixture("vxlan.pcap"));
    expect(vxlan).toHaveLength(10);
    expect(vxlan.every((record) => record.data.length === record.originalLength)).toBe(true);
    const tagged = await all(await loadFixture("QinQ_802.1_AD.pcapng"));
    expect(tagged).toHaveLength(1);
    expect(tagged[0]).toMatchObject({ originalLength: 1500, timestamp: 1430378523814664000n });
    expect(tagged[0]!.interface.system).toBe("64-bit Windows 7 Service Pack 1, build 7601");
    expect(tagged[0]!.interface.section.application).toMatch(/^Dumpcap 1\.12\.1/);
  });
});
