import fc from "fast-check";
import {
  type CaptureItem,
  type CaptureRecord,
  type CaptureSource,
  CaptureWriter,
  type CaptureWriterOptions,
  commentOption,
  commentsOf,
  type InterfaceDescription,
  type RecordDescription,
  readCapture,
  writeCapture,
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

async function records(source: CaptureSource): Promise<CaptureRecord[]> {
  const found: CaptureRecord[] = [];
  for await (const batch of readCapture(source).batches()) found.push(...batch);
  return found;
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of source) parts.push(part);
  return join(parts).bytes;
}

const copyOf = (source: CaptureSource, options?: CaptureWriterOptions) =>
  collect(writeCapture(readCapture(source).items(), options));
const recordCopyOf = (source: CaptureSource, options?: CaptureWriterOptions) =>
  collect(writeCapture(readCapture(source), options));

const write = (items: readonly RecordDescription[], options?: CaptureWriterOptions) => {
  const writer = new CaptureWriter(options);
  return join([writer.write(items), writer.finish()]).bytes;
};

describe("written from scratch", () => {
  it.each([
    [false, false],
    [false, true],
    [true, false],
    [true, true],
  ])("a pcap is exactly the draft's bytes (big %s, nanoseconds %s)", (big, nanoseconds) => {
    const byteOrder = big ? "big" : "little";
    const bytes = write(
      [
        { data: frame(60), timestamp: 1700000001123456789n },
        { data: frame(3), timestamp: 4294967295999999999n, originalLength: 100 },
        { data: new Uint8Array(0), timestamp: 0n },
      ],
      { format: "pcap", byteOrder, nanoseconds, linkType: 101 },
    );
    const expected = join([
      pcapHeader(big, nanoseconds, 101, 262144),
      pcapRecord(big, 1700000001, nanoseconds ? 123456789 : 123456, frame(60)),
      pcapRecord(big, 4294967295, nanoseconds ? 999999999 : 999999, frame(3), 100),
      pcapRecord(big, 0, 0, frame(0)),
    ]).bytes;
    expect(bytes).toEqual(expected);
  });

  it.each([false, true])("a pcapng is exactly the draft's bytes (big %s)", (big) => {
    const wan: InterfaceDescription = {
      linkType: 101,
      snapLength: 50,
      name: "wan0",
      description: "to sea",
      resolution: { base: 2, exponent: 20 },
      offsetSeconds: 1000n,
      fcsLength: 4,
    };
    const writer = new CaptureWriter({ byteOrder: big ? "big" : "little", comments: ["made up"] });
    const parts = [
      writer.write({ data: frame(5), timestamp: 0x1_0000_0002n, options: [commentOption("hi")] }),
      writer.write({ data: frame(4), timestamp: 1001500000000n, interface: wan, originalLength: 9 }),
      writer.write({ kind: "interface", name: "unused" }),
      writer.write({ data: frame(0), timestamp: 3n }),
      writer.write({ data: frame(6), timestamp: undefined }),
      writer.finish(),
    ];
    const expected = join([
      section(big, (b) => b.option(1, text("made up")).number(4, 0)),
      iface(big, 1, 0, (b) => b.option(9, [9]).number(4, 0)),
      enhanced(big, 0, 0x1_0000_0002n, frame(5), 5, (b) => b.option(1, text("hi")).number(4, 0)),
      iface(big, 101, 50, (b) =>
        b
          .option(2, text("wan0"))
          .option(3, text("to sea"))
          .option(9, [0x80 | 20])
          .option(14, new Bytes(big).number(8, 1000).done)
          .option(13, [4])
          .number(4, 0),
      ),
      enhanced(big, 1, 1572864n, frame(4), 9),
      iface(big, 1, 0, (b) => b.option(2, text("unused")).option(9, [9]).number(4, 0)),
      enhanced(big, 0, 3n, frame(0)),
      block(big, 3, new Bytes(big).number(4, 6).raw(frame(6)).done),
    ]).bytes;
    expect(join(parts).bytes).toEqual(expected);
  });

  it("an empty capture has a header", async () => {
    expect(await records(write([], { format: "pcap" }))).toEqual([]);
    expect(await records(write([]))).toEqual([]);
  });

  it("cuts frames to the snap length that was asked for", async () => {
    for (const format of ["pcap", "pcapng"] as const) {
      const [cut] = await records(write([{ data: frame(100), timestamp: 1n }], { format, snapLength: 64 }));
      expect(cut).toMatchObject({ data: frame(100).slice(0, 64), originalLength: 100 });
      expect(cut!.interface.snapLength).toBe(64);
    }
  });

  it("names the argument that cannot be written, and what was written before stays whole", async () => {
    const bad: [CaptureWriterOptions, unknown, RegExp][] = [
      [{}, { data: "x", timestamp: 0n }, /^record\.data: /],
      [{}, { data: frame(1), timestamp: 5 }, /^record\.timestamp: expected a bigint/],
      [{}, { data: frame(1), timestamp: -1n }, /^record\.timestamp: /],
      [{}, { data: frame(1), timestamp: 1n << 64n }, /^record\.timestamp: /],
      [{ format: "pcap" }, { data: frame(1), timestamp: 4294967296000000000n }, /^record\.timestamp: /],
      [{ format: "pcap" }, { data: frame(1), timestamp: -1n }, /^record\.timestamp: /],
      [{ format: "pcap" }, { data: frame(1), timestamp: 1n, interface: { linkType: 101 } }, /link type 1,/],
      [{}, { data: new Uint8Array(262145), timestamp: 0n }, /^record\.data: /],
      [{}, { data: frame(1), timestamp: 0n, originalLength: -1 }, /^record\.originalLength: /],
      [{}, { data: frame(1), timestamp: 0n, interface: { linkType: 65536 } }, /^record\.interface\.linkType/],
      [
        {},
        { data: frame(1), timestamp: 0n, options: [{ code: 0, value: frame(1) }] },
        /^record\.options\.code/,
      ],
      [{}, { data: frame(1), timestamp: 0n, interface: { offsetSeconds: 1n << 63n } }, /offsetSeconds: /],
      [{}, { kind: "block", type: 6, body: frame(4) }, /^block\.type: /],
      ...[2, 4, 5, 6, 7, 2988, 2989, 19372, 19373].map((code): [CaptureWriterOptions, unknown, RegExp] => [
        {},
        { data: frame(1), timestamp: 0n, options: [{ code, value: new Uint8Array(0) }] },
        /^record\.options\.value: option \d+ has a value of 0 bytes, and takes /,
      ]),
      [
        {},
        { data: frame(1), timestamp: 0n, options: Array(9).fill({ code: 1, value: new Uint8Array(65535) }) },
        /^record\.options: expected what fits a block of 524288 bytes/,
      ],
      [
        {},
        { kind: "interface", options: [{ code: 11, value: new Uint8Array(0) }] },
        /^interface\.options\.value: option 11 /,
      ],
      [
        {},
        { kind: "interface", options: Array(9).fill({ code: 2, value: new Uint8Array(65535) }) },
        /^interface\.options: expected what fits a block/,
      ],
      [{}, { kind: "block", type: 4, body: frame(8) }, /^block\.body: block of type 4: a name claims /],
      [{}, { kind: "block", type: 5, body: frame(8) }, /^block\.body: block of type 5: it is too short/],
      [{}, { kind: "block", type: 10, body: frame(8) }, /^block\.body: block of type 10: its secrets claim /],
      [{}, { kind: "block", type: 0xbad, body: frame(0) }, /^block\.body: .* enterprise number/],
    ];
    for (const [options, item, message] of bad) {
      const writer = new CaptureWriter(options);
      const parts = [writer.write({ data: frame(2), timestamp: 7n })];
      expect(() => writer.write(item as RecordDescription)).toThrow(message);
      parts.push(writer.write({ data: frame(3), timestamp: 8n }), writer.finish());
      const got = await records(join(parts).bytes);
      expect(got.map((record) => record.data.length)).toEqual([2, 3]);
    }
    expect(() => new CaptureWriter({ format: "erf" as "pcap" })).toThrow(/^format: /);
    expect(() => new CaptureWriter({ snapLength: 0 })).toThrow(/^snapLength: /);
    expect(() => new CaptureWriter({ snaplen: 5 } as object)).toThrow(/snaplen/);
  });
});

describe("written as it was read", () => {
  it.each([false, true])("a pcap, byte for byte (big %s)", async (big) => {
    for (const nano of [false, true]) {
      const header = pcapHeader(big, nano, 0x24000071, 0);
      header.set([1, 2, 3, 4, 5, 6, 7, 8], 8);
      const { bytes } = join([header, pcapRecord(big, 5, 6, frame(9)), pcapRecord(big, 7, 8, frame(3), 77)]);
      expect(await copyOf(bytes)).toEqual(bytes);
      expect(await recordCopyOf(chunked(bytes, 3))).toEqual(bytes);
    }
  });

  const rich = (big: boolean) =>
    join([
      section(big, (b) => b.option(1, text("one")).option(4, text("test")).number(4, 0)),
      block(big, 0x4d4d, frame(8)),
      iface(big, 1, 96, (b) =>
        b.option(2, text("a")).option(8, new Bytes(big).number(8, 10).done).number(4, 0),
      ),
      iface(big, 1, 0, (b) =>
        b
          .option(9, [0x80 | 40])
          .option(9999, [1, 2, 3])
          .number(4, 0),
      ),
      iface(big, 1, 0, (b) => b.option(9, [12]).number(4, 0)),
      enhanced(big, 2, 1234567890123456789n, frame(5)),
      enhanced(big, 1, 0xffffffffffffff01n, frame(0), 3, (b) =>
        b.option(2, new Bytes(big).number(4, 1).done).option(1, text("packet")).number(4, 0),
      ),
      block(big, 3, new Bytes(big).number(4, 300).raw(frame(96)).done),
      block(big, 0x0bad, frame(4)),
      iface(big, 101, 0),
      enhanced(big, 3, 17n, frame(6)),
    ]).bytes;

  it.each([false, true])("a pcapng with everything in it, byte for byte (big %s)", async (big) => {
    const { bytes } = join([rich(big), rich(!big), rich(big)]);
    for (const size of [1, 13, bytes.length]) expect(await copyOf(chunked(bytes, size))).toEqual(bytes);
  });

  it.each([false, true])("a pcapng's records alone, with interfaces and options (big %s)", async (big) => {
    const plain = join([
      section(big, (b) => b.option(4, text("test")).number(4, 0)),
      iface(big, 1, 96, (b) => b.option(2, text("a")).number(4, 0)),
      iface(big, 1, 0, (b) => b.option(9, [9]).number(4, 0)),
      enhanced(big, 1, 5n, frame(5)),
      iface(big, 101, 0),
      enhanced(big, 0, 6n, frame(5), 5, (b) => b.option(1, text("packet")).number(4, 0)),
      enhanced(big, 2, 7n, frame(6)),
    ]).bytes;
    for (const size of [1, 13, plain.length]) expect(await recordCopyOf(chunked(plain, size))).toEqual(plain);
  });

  it("turns numbers in options round when the byte order changes", async () => {
    const bytes = rich(true);
    await expect(copyOf(bytes, { byteOrder: "little" })).rejects.toThrow(/^block: its bytes are big-endian/);
    const little = await recordCopyOf(bytes, { byteOrder: "little" });
    const got = await records(little);
    expect(got.map((record) => record.ticks)).toEqual([
      1234567890123456789n,
      0xffffffffffffff01n,
      undefined,
      17n,
    ]);
    expect(got[1]!.options[0]!.value).toEqual(Uint8Array.of(1, 0, 0, 0));
    expect(got[0]!.interface.section.interfaces[0]!.options[1]!.value).toEqual(
      Uint8Array.of(10, 0, 0, 0, 0, 0, 0, 0),
    );
    expect(await recordCopyOf(little, { byteOrder: "big" })).toEqual(await recordCopyOf(bytes));
  });

  it("follows a timestamp that was changed, whatever the ticks say", async () => {
    const changed = (await records(rich(false))).map((record) => ({
      ...record,
      timestamp: 5000000000n,
    }));
    const got = await records(write(changed));
    expect(got.map((record) => record.timestamp)).toEqual(changed.map((record) => record.timestamp));
  });

  it("pcap to pcapng and back is the same file", async () => {
    for (const nano of [false, true]) {
      const bytes = join([pcapHeader(false, nano, 1), pcapRecord(false, 5, 6, frame(9))]).bytes;
      const between = await recordCopyOf(bytes, { format: "pcapng" });
      expect((await records(between))[0]!.interface.section.format).toBe("pcapng");
      expect(await recordCopyOf(between, { format: "pcap" })).toEqual(bytes);
      expect(await copyOf(await copyOf(bytes, { format: "pcapng" }), { format: "pcap" })).toEqual(bytes);
    }
  });

  it("real captures, byte for byte", async () => {
    for (const name of ["vxlan.pcap", "QinQ_802.1_AD.pcapng"]) {
      const bytes = await loadFixture(name);
      expect(await recordCopyOf(bytes)).toEqual(bytes);
      expect(await copyOf(new Blob([bytes.slice()]))).toEqual(bytes);
    }
  });
});

describe("round trips", () => {
  const nanoseconds = fc.bigInt({ min: 0n, max: 4294967295999999999n });
  const frames = fc.oneof(
    fc.uint8Array({ maxLength: 70 }),
    fc.integer({ min: 0, max: 3000 }).map((n) => frame(n)),
  );
  const anyRecord = fc.record({ data: frames, timestamp: nanoseconds, extra: fc.nat(2000) });
  const anyOptions = fc.array(
    fc
      .record({ code: fc.integer({ min: 1, max: 65535 }), value: fc.uint8Array({ maxLength: 40 }) })
      // Those that must have a length of their own are written below.
      .filter(({ code }) => code === 1 || (code > 7 && ![2988, 2989, 19372, 19373].includes(code))),
    { maxLength: 3 },
  );

  it("any records, chunks of any size, both formats, orders and precisions", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyRecord, { maxLength: 12 }),
        fc.constantFrom("pcap" as const, "pcapng" as const),
        fc.constantFrom("little" as const, "big" as const),
        fc.boolean(),
        fc.array(fc.integer({ min: 0, max: 100 }), { minLength: 1, maxLength: 5 }),
        anyOptions,
        async (list, format, byteOrder, nano, sizes, options) => {
          const unit = nano ? 1n : 1000n;
          const input = list.map(({ data, timestamp, extra }) => ({
            data,
            timestamp: timestamp - (timestamp % unit),
            originalLength: data.length + extra,
            options,
          }));
          const bytes = write(input, { format, byteOrder, nanoseconds: nano });
          const got = await records(inSizes(bytes, [...sizes, 1]));
          expect(got.length).toBe(input.length);
          got.forEach((record, i) => {
            const { data, timestamp, originalLength } = input[i]!;
            expect(record).toMatchObject({ data, timestamp, originalLength, index: i });
            expect(record.options).toEqual(format === "pcap" ? [] : options);
          });
          if (input.length > 0) expect(write(got)).toEqual(bytes);
        },
      ),
      { seed: 20260101, numRuns: 60 },
    );
  }, 30_000);

  it("raw ticks of every resolution survive", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(10 as const, 2 as const),
        fc.integer({ min: 0, max: 127 }),
        fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
        fc.bigInt({ min: -(1n << 40n), max: 1n << 40n }),
        async (base, exponent, ticks, offset) => {
          const byte = base === 2 ? 0x80 | exponent : exponent;
          const source = join([
            section(false),
            iface(false, 1, 0, (b) =>
              b.option(9, [byte]).option(14, new Bytes(false).number(8, offset).done).number(4, 0),
            ),
            enhanced(false, 0, ticks, frame(4)),
          ]).bytes;
          expect(await recordCopyOf(source)).toEqual(source);
        },
      ),
      { seed: 20260102, numRuns: 300 },
    );
  });

  it("nanoseconds alone give back the ticks of powers of two up to 2^29 a second", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 29 }),
        fc.array(fc.bigInt({ min: 0n, max: 1n << 60n }), { minLength: 1, maxLength: 20 }),
        async (exponent, ticks) => {
          const seen: InterfaceDescription = { resolution: { base: 2, exponent } };
          const made = ticks.map((count) => ({
            data: frame(1),
            timestamp: (count * 1000000000n) >> BigInt(exponent),
            interface: seen,
          }));
          const got = await records(write(made));
          expect(got.map((record) => record.ticks)).toEqual(ticks);
        },
      ),
      { seed: 20260104, numRuns: 200 },
    );
  });

  it("any bytes at all end in records or in a CaptureError, never otherwise", async () => {
    const base = join([section(false), iface(false, 1, 0), enhanced(false, 0, 1n, frame(40))]).bytes;
    const other = join([pcapHeader(true, false), pcapRecord(true, 1, 2, frame(40))]).bytes;
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(base, other),
        fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        async (bytes, changes) => {
          const broken = bytes.slice();
          for (const [position, value] of changes) broken[position % broken.length] = value;
          const items: CaptureItem[] = [];
          try {
            for await (const batch of readCapture(broken).items()) items.push(...batch);
          } catch (error) {
            expect((error as Error).name).toBe("CaptureError");
          }
          expect(items.length).toBeLessThan(20);
        },
      ),
      { seed: 20260103, numRuns: 1000 },
    );
  });

  it("comments are found again", () => {
    expect(commentsOf([commentOption("a ü"), { code: 2, value: frame(4) }, commentOption("")])).toEqual([
      "a ü",
      "",
    ]);
  });
});

function* inSizes(bytes: Uint8Array, sizes: readonly number[]): Generator<Uint8Array> {
  for (let i = 0, turn = 0; i < bytes.length; turn++) {
    const size = sizes[turn % sizes.length]!;
    yield bytes.slice(i, i + size);
    i += size;
  }
}
