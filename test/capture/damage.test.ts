// Captures that are cut short or damaged: all before is delivered, and the place is the one that reading gives.
import fc from "fast-check";
import { CaptureError, FrameBatch, type Kernels, loadKernels, Pipeline, processCapture } from "frameferry";
import { beforeAll, describe, expect, it } from "vitest";
import {
  Bytes,
  block,
  chunked,
  enhanced,
  iface,
  join,
  pcapHeader,
  pcapRecord,
  section,
} from "../pcap/capture-bytes.ts";
import {
  Collected,
  corpus,
  expectedCopy,
  fullPcapng,
  plainPcap,
  processed,
  recordsOf,
  simple,
  told,
} from "../support/capture-corpus.ts";
import { noise } from "../support/passengers.ts";
import { expectBytes } from "../support/poisoned-batch.ts";

let kernels: Kernels;
beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 16 << 20 });
});

/** Runs a damaged capture through, and compares with what reading it gives. */
async function check(bytes: Uint8Array, pipeline: Pipeline, size = bytes.length || 1): Promise<void> {
  const read = await recordsOf(bytes);
  const sink = new Collected();
  let damage: CaptureError | undefined;
  try {
    damage = (await processCapture(chunked(bytes, size), pipeline, sink)).damage;
    expect(sink.state).toBe("closed");
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error;
    damage = error;
    expect(sink.state).toBe("aborted");
    expect(sink.bytes.length).toBe(0);
    expect(read.records.length).toBe(0);
  }
  expect(damage?.message).toBe(read.damage?.message);
  if (sink.state === "aborted") return;
  const written = await recordsOf(sink.bytes);
  expect(written.damage).toBeUndefined();
  expect(written.records.map(told)).toEqual(read.records.map(told));
}

describe.each([plainPcap(true, false), fullPcapng(false), fullPcapng(true)])(
  "$name",
  ({ bytes, offsets }) => {
    it("cut at every byte", async () => {
      using pipeline = new Pipeline(kernels, []);
      const free = kernels.plan.freeBytes;
      // Every byte of the first few records, then those around where each block starts.
      for (let length = 0; length < bytes.length; length++) {
        const near = offsets.some((offset) => Math.abs(offset - length) < 3);
        if (length < 260 || near) await check(bytes.subarray(0, length), pipeline);
      }
      expect(kernels.plan.freeBytes).toBe(free);
    });

    it("with any byte changed: what is read is what is delivered", async () => {
      using pipeline = new Pipeline(kernels, []);
      const cut = bytes.length > 2500 ? bytes.subarray(0, 2500) : bytes;
      await fc.assert(
        fc.asyncProperty(fc.nat(cut.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
          const changed = cut.slice();
          changed[at]! ^= change;
          // Of a record longer than its frame the frame counts: a liberty.
          const { records } = await recordsOf(changed);
          fc.pre(records.every(({ data, originalLength }) => originalLength >= data.length));
          await check(changed, pipeline);
        }),
        { seed: 1601, numRuns: 100 },
      );
    });
  },
);

describe("records that cannot be", () => {
  const before = enhanced(false, 0, 5n, noise(60, 1));
  const bad: Record<string, Uint8Array> = {
    "of an interface that is not described": enhanced(false, 1, 5n, noise(60, 1)),
    "with more captured bytes than there is room": withWord(before, 20, 65),
    "with a captured length beyond all frames": withWord(before, 20, 0xfffffff0),
    "with two lengths": withWord(before, before.length - 4, 96),
    "with a length that is no multiple of four": withWord(before, 4, 91),
    "too short for their header": withWord(before, 4, 28),
    "beyond any record": withWord(before, 4, 524292),
    "simple, with more bytes than there is room": withWord(simple(false, noise(60, 1)), 8, 61),
    "simple, too short": block(false, 3, new Uint8Array(0)),
    "a block shorter than the shortest": withWord(block(false, 9, noise(8, 1)), 4, 8),
    "a block longer than the longest": withWord(block(false, 9, noise(8, 1)), 4, 16777220),
    "a block with two lengths": withWord(block(false, 9, noise(8, 1)), 16, 24),
    "an interface cut by its own length": withWord(iface(false, 1, 0), 4, 16),
    "a section of another version": withWord(section(false), 12, 2),
    "a section without byte-order magic": withWord(section(false), 8, 0x01020304),
  };
  it.each(Object.keys(bad))("%s", async (name) => {
    const parts = [section(false), iface(false, 1, 0), before, bad[name]!, before];
    using pipeline = new Pipeline(kernels, []);
    const { bytes, offsets } = join(parts);
    expect((await recordsOf(bytes)).damage?.offset).toBe(offsets[3]);
    for (const size of [bytes.length, 1, 13]) await check(bytes, pipeline, size);
    const { summary } = await processed(bytes, pipeline);
    expect(summary.damage).toBeInstanceOf(CaptureError);
    expect(summary.received).toBe(1);
  });

  it("of a pcap: more captured bytes than any frame has", async () => {
    const { bytes, offsets } = join([
      pcapHeader(true, true),
      pcapRecord(true, 1, 1, noise(60, 1)),
      pcapRecord(true, 1, 1, noise(0, 1)),
    ]);
    new DataView(bytes.buffer).setUint32(offsets[2]! + 8, 262145);
    using pipeline = new Pipeline(kernels, []);
    await check(bytes, pipeline);
    expect((await processed(bytes, pipeline)).summary.damage?.offset).toBe(offsets[2]);
  });

  it.each([
    ["nothing", new Uint8Array(0)],
    ["three bytes", new Uint8Array(3)],
    ["text", new TextEncoder().encode("No capture, but text that goes on for a while.")],
    ["a pcap's header cut short", plainPcap(false, false).bytes.slice(0, 23)],
    ["a gzip", Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0)],
  ])("no capture at all: %s", async (_, bytes) => {
    using pipeline = new Pipeline(kernels, []);
    const free = kernels.plan.freeBytes;
    const sink = new Collected();
    await expect(processCapture(bytes, pipeline, sink)).rejects.toThrow(CaptureError);
    expect(sink.state).toBe("aborted");
    expect(sink.reason).toBeInstanceOf(CaptureError);
    expect(kernels.plan.freeBytes).toBe(free);
  });

  it("more interfaces than there can be", async () => {
    const one = iface(false, 1, 0);
    const parts = [section(false), ...Array<Uint8Array>(65536).fill(one), before, one, before];
    const { bytes, offsets } = join(parts);
    using pipeline = new Pipeline(kernels, []);
    const { summary } = await processed(bytes, pipeline);
    expect(summary).toMatchObject({ received: 1, damage: { offset: offsets[65538] } });
    expect((await recordsOf(bytes)).damage?.offset).toBe(offsets[65538]);
  });
});

describe("large captures", () => {
  const pattern = noise(300_000, 5);
  /** Frames of all lengths, some of them jumbo ones, so that records straddle the chunks' borders. */
  function large(format: "pcap" | "pcapng", total: number): Uint8Array {
    const parts: Uint8Array[] =
      format === "pcap" ? [pcapHeader(false, true)] : [section(false), iface(false, 1, 0)];
    let length = 0;
    for (let i = 0; length < total; i++) {
      const size = i % 97 === 0 ? 262_144 : i % 13 === 0 ? 9000 + i : 60 + ((i * 37) % 1450);
      const data = pattern.subarray(i % 1000, (i % 1000) + size);
      // As record and block would be, but without a number for each byte: that takes seconds.
      const header = format === "pcap" ? 16 : 28;
      const tail = format === "pcap" ? 0 : ((4 - (size & 3)) & 3) + 4;
      const part = new Uint8Array(header + size + tail);
      const view = new DataView(part.buffer);
      if (format === "pcapng") {
        view.setUint32(0, 6, true);
        view.setUint32(4, part.length, true);
        view.setUint32(part.length - 4, part.length, true);
      } else view.setUint32(0, i, true);
      view.setUint32(header - 8, size, true);
      view.setUint32(header - 4, size, true);
      part.set(data, header);
      parts.push(part);
      length += part.length;
    }
    return join(parts).bytes;
  }

  it.each(["pcap", "pcapng"] as const)("of 5 MB come out as they were, as %s", async (format) => {
    const bytes = large(format, 5 << 20);
    using empty = new Pipeline(kernels, []);
    const expected = format === "pcap" ? bytes : await expectedCopy(bytes);
    for (const source of [bytes, chunked(bytes, 700_001), chunked(bytes, 65_536)])
      expectBytes((await processed(source, empty)).bytes, expected);
    using roundTrip = new Pipeline(kernels, [{ stage: "vlan-push", vid: 7 }, { stage: "vlan-pop" }]);
    expectBytes((await processed(bytes, roundTrip)).bytes, await expectedCopy(bytes, 4));
  });

  it("may grow beyond the output's region", async () => {
    // Small frames that become three times as long: more comes out of a chunk than fits the region it is written to.
    const record = pcapRecord(false, 1, 1, noise(14, 1));
    const bytes = join([pcapHeader(false, false), ...Array<Uint8Array>(60_000).fill(record)]).bytes;
    const outer = {
      stage: "encapsulate",
      kind: "vxlan",
      vni: 1,
      local: "fd00::1",
      remote: "fd00::2",
    } as const;
    using pipeline = new Pipeline(kernels, [outer, outer]);
    const { bytes: found, summary } = await processed(bytes, pipeline);
    expect(summary).toMatchObject({ forwarded: 60_000, damage: undefined });
    expect(found.length).toBe(24 + 60_000 * (16 + 14 + 140));
    using batch = new FrameBatch(kernels, { frames: 1, headroom: 140 });
    batch.fill([noise(14, 1)]);
    pipeline.run(batch);
    for (const i of [0, 1, 30_000, 59_999])
      expectBytes(found.subarray(24 + i * 170 + 16, 24 + (i + 1) * 170), batch.frame(0));
  });

  it("may hold blocks longer than memory would like, whole or cut", async () => {
    const long = block(false, 0x4d4d, new Uint8Array(0));
    const huge = new Uint8Array(3 << 20);
    huge.set(long.subarray(0, 8));
    huge.set(noise(huge.length - 12, 3), 8);
    new DataView(huge.buffer).setUint32(4, huge.length, true);
    new DataView(huge.buffer).setUint32(huge.length - 4, huge.length, true);
    const record = enhanced(false, 0, 5n, noise(60, 1));
    const { bytes, offsets } = join([section(false), iface(false, 1, 0), record, huge, record]);
    using pipeline = new Pipeline(kernels, []);
    expectBytes((await processed(bytes, pipeline)).bytes, await expectedCopy(bytes));
    expectBytes((await processed(chunked(bytes, 99_999), pipeline)).bytes, await expectedCopy(bytes));
    // What comes out is what was whole: a block that has lost its end has no beginning either.
    const before = await expectedCopy(bytes.subarray(0, offsets[3]));
    for (const missing of [1, 3, 4, 5, 1 << 20, huge.length - 8]) {
      const cut = bytes.subarray(0, offsets[4]! - missing);
      for (const source of [cut, chunked(cut, 99_999)]) {
        const { summary, bytes: found } = await processed(source, pipeline);
        expect(summary).toMatchObject({ received: 1, damage: { offset: offsets[3] } });
        expect(summary.fileBytesOut).toBe(found.length);
        expectBytes(found, before);
      }
    }
    bytes[offsets[4]! - 1] = 7;
    for (const source of [bytes, chunked(bytes, 99_999)]) {
      const wrong = await processed(source, pipeline);
      expect(wrong.summary).toMatchObject({ received: 1, damage: { offset: offsets[3] } });
      expectBytes(wrong.bytes, before);
    }
    const toPcap = await processed(bytes, pipeline, { format: "pcap" });
    expect(toPcap.summary.damage?.offset).toBe(offsets[3]);
  });
});

it("every capture of the corpus is sound", async () => {
  for (const { bytes } of corpus) expect((await recordsOf(bytes)).damage).toBeUndefined();
});

function withWord(bytes: Uint8Array, at: number, word: number): Uint8Array {
  const copy = bytes.slice();
  copy.set(new Bytes(false).number(4, word).done, at);
  return copy;
}
