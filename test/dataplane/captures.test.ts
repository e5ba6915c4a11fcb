// Captures through workers: byte for byte what one thread makes of them, in the order of the file.
import {
  type CaptureOutput,
  type DataplaneCaptureSummary,
  loadKernels,
  Pipeline,
  processCapture,
  type Stage,
} from "frameferry";
import { describe, expect, test } from "vitest";
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
import { dataplaneTest, flowFrame, isolated, modes, pause, random } from "./support.ts";

const WRAP: readonly Stage[] = [
  { stage: "encapsulate", kind: "vxlan", vni: 99, local: "10.0.0.1", remote: "10.0.0.2" },
];
const UNWRAP: readonly Stage[] = [
  ...WRAP,
  { stage: "decapsulate", kind: "vxlan" },
  { stage: "vlan-push", vid: 3 },
];

/** What came, and how it ended. */
class Sink implements CaptureOutput {
  readonly parts: Uint8Array[] = [];
  readonly ends: unknown[] = [];
  delay = 0;

  async write(bytes: Uint8Array): Promise<void> {
    const copy = bytes.slice();
    if (this.delay > 0) await pause(this.delay);
    this.parts.push(copy);
  }

  async close(): Promise<void> {
    this.ends.push("closed");
  }

  async abort(reason: unknown): Promise<void> {
    this.ends.push(reason);
  }

  get bytes(): Uint8Array {
    return join(this.parts).bytes;
  }
}

const next = random(7);

/** Some 2.5 MB of short and long records. */
function largePcap(big = false): Uint8Array {
  const records = Array.from({ length: 6000 }, (_, i) =>
    pcapRecord(big, i, i, flowFrame(i % 50, i, 50 + next(700))),
  );
  return join([pcapHeader(big, false), ...records]).bytes;
}

/** Sections of both byte orders, with interfaces and other blocks between the packets. */
function largePcapng(): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let part = 0; part < 6; part++) {
    const big = part % 2 === 1;
    parts.push(section(big), iface(big, 1, 0), iface(big, part === 3 ? 101 : 1, 65535));
    for (let i = 0; i < 900; i++) {
      parts.push(enhanced(big, i & 1, BigInt(i), flowFrame(i % 50, i, 50 + next(700))));
      if (i === 300) parts.push(iface(big, 1, 100));
      // A name resolution block, and a custom one of half a mebibyte.
      if (i === 500) parts.push(block(big, 4, new Bytes(big).number(4, 0).done));
      if (i === 501 && part === 2) parts.push(block(big, 0xbad, new Uint8Array(700_000).fill(5)));
    }
  }
  return join(parts).bytes;
}

interface Wanted {
  readonly output: Uint8Array;
  readonly summary: Omit<DataplaneCaptureSummary, "workers">;
}

/** What one thread makes of it; asked for by every mode, and worked out once. */
function inline(
  bytes: Uint8Array,
  stages: readonly Stage[],
  format: "same" | "pcap" | "pcapng" = "same",
): Promise<Wanted> {
  const known = results.get(bytes) ?? new Map<string, Promise<Wanted>>();
  results.set(bytes, known);
  const key = JSON.stringify([stages, format]);
  const wanted = known.get(key) ?? work(bytes, stages, format);
  known.set(key, wanted);
  return wanted;
}

const results = new Map<Uint8Array, Map<string, Promise<Wanted>>>();

async function work(
  bytes: Uint8Array,
  stages: readonly Stage[],
  format: "same" | "pcap" | "pcapng",
): Promise<Wanted> {
  const sink = new Sink();
  const pipeline = new Pipeline(await loadKernels({ memoryBytes: 32 << 20 }), stages);
  const summary = await processCapture(bytes, pipeline, sink, { format });
  return { output: sink.bytes, summary };
}

/** Arrays of megabytes, without the time that comparing them item by item takes. */
function expectSame(got: Uint8Array, wanted: Uint8Array): void {
  const difference = wanted.findIndex((byte, i) => got[i] !== byte);
  expect({ difference, length: got.length }).toEqual({ difference: -1, length: wanted.length });
}

const pcap = largePcap();
const pcapng = largePcapng();
const corpus: readonly (readonly [string, Uint8Array])[] = [
  ["pcap", pcap],
  ["big-endian pcap", largePcap(true)],
  ["pcapng of several sections", pcapng],
  ["pcap without records", pcapHeader(false, true)],
  ["pcap at an odd address", join([new Uint8Array(3), pcap]).bytes.subarray(3)],
  ["pcap cut in the middle of a record", pcap.subarray(0, pcap.length - 7)],
  ["pcapng cut in the middle of a block", pcapng.subarray(0, pcapng.length - 9)],
];

/** Captures with something wrong in them, and where. */
function damagedCaptures(): [Uint8Array, number][] {
  const spots: [Uint8Array, number][] = [];
  // A captured length that cannot be, in one of the records.
  for (const wanted of [0, 1, 700, 2999, 5999]) {
    const damaged = pcap.slice();
    const view = new DataView(damaged.buffer);
    let at = 24;
    for (let record = 0; record < wanted; record++) at += 16 + view.getUint32(at + 8, true);
    view.setUint32(at + 8, 0xffffff, true);
    spots.push([damaged, at]);
  }
  // The two lengths of a block that differ, in the middle of a piece; lengths that cannot be.
  const blocks: number[] = [];
  const view = new DataView(pcapng.buffer);
  for (let at = 0, order = false; at < pcapng.length; ) {
    if (view.getUint32(at) === 0x0a0d0d0a) order = view.getUint32(at + 8) === 0x1a2b3c4d;
    if (view.getUint32(at, !order) === 6) blocks.push(at);
    at += view.getUint32(at + 4, !order);
  }
  for (const index of [3, 899, 1500, 4000]) {
    const at = blocks[index]!;
    const trailing = pcapng.slice();
    const order = view.getUint32(at) === 6;
    const length = view.getUint32(at + 4, !order);
    trailing[at + length - 1]! ^= 0x40;
    spots.push([trailing, at]);
    const odd = pcapng.slice();
    odd[at + (order ? 7 : 4)]! ^= 1;
    spots.push([odd, at]);
    const stranger = pcapng.slice();
    stranger[at + 9]! ^= 0x70; // the interface
    spots.push([stranger, at]);
  }
  return spots;
}

const spots = damagedCaptures();

describe.each(modes)("processCapture, $name", (mode) => {
  for (const [name, bytes] of corpus) {
    dataplaneTest(mode, `${name}: the same as on one thread`, async (dataplane) => {
      for (const [stages, format] of [
        [WRAP, "same"],
        [UNWRAP, "pcapng"],
        [[], "pcap"],
      ] as const) {
        const wanted = await inline(bytes, stages, format);
        const sink = new Sink();
        const { workers, ...summary } = await dataplane.processCapture(bytes, stages, sink, { format });
        expectSame(sink.bytes, wanted.output);
        expect(sink.ends).toEqual(["closed"]);
        expect(summary).toEqual(wanted.summary);
        expect(summary.received).toBe(summary.forwarded + summary.dropped);
        const frames = workers.reduce((sum, share) => sum + share.frames, 0);
        expect(frames).toBeLessThanOrEqual(summary.received);
        for (const { worker } of workers) expect(worker).toBeLessThan(dataplane.workers);
      }
    });
  }

  dataplaneTest(mode, "damage anywhere: the same offset, reason and output", async (dataplane) => {
    for (const [bytes, at] of spots) {
      const wanted = await inline(bytes, UNWRAP);
      const sink = new Sink();
      const summary = await dataplane.processCapture(bytes, UNWRAP, sink);
      expect(summary.damage?.offset).toBe(at);
      expect(summary.damage?.message).toBe(wanted.summary.damage?.message);
      expectSame(sink.bytes, wanted.output);
      expect(summary).toMatchObject({
        received: wanted.summary.received,
        forwarded: wanted.summary.forwarded,
      });
      expect(sink.ends).toEqual(["closed"]);
    }
  });

  dataplaneTest(mode, "pieces of any size, a slow source and a slow sink", async (dataplane) => {
    const wanted = await inline(pcapng, WRAP);
    for (const size of [100_003, 524_288, 1 << 22]) {
      const sink = new Sink();
      sink.delay = size > 200_000 ? 3 : 0;
      const source = async function* (): AsyncGenerator<Uint8Array> {
        for (const chunk of chunked(pcapng, size)) {
          await pause(1);
          yield chunk;
        }
      };
      let progress = 0;
      await dataplane.processCapture(source(), WRAP, sink, {
        onProgress: ({ bytesRead }) => {
          expect(bytesRead).toBeGreaterThan(progress);
          progress = bytesRead;
        },
      });
      expectSame(sink.bytes, wanted.output);
      expect(progress).toBe(pcapng.length);
    }
  });

  dataplaneTest(
    mode,
    "several captures at once",
    async (dataplane) => {
      const inputs = [pcap, pcapng, pcap, pcapng];
      const wanted = await Promise.all(inputs.map((bytes) => inline(bytes, WRAP)));
      const sinks = inputs.map(() => new Sink());
      await Promise.all(inputs.map((bytes, i) => dataplane.processCapture(bytes, WRAP, sinks[i]!)));
      sinks.forEach((sink, i) => {
        expectSame(sink.bytes, wanted[i]!.output);
      });
    },
    { memoryBytes: 256 << 20 },
  );

  dataplaneTest(
    mode,
    "a sink that fails ends the work, though the source is silent then",
    async (dataplane) => {
      const reason = new Error("disk full");
      for (const failing of [1, 2, 3]) {
        const sink = new Sink();
        let writes = 0;
        sink.write = async () => {
          if (++writes >= failing) throw reason;
        };
        let closed = false;
        const source = {
          // Whatever size the pieces have, the capture's end never comes.
          rest: pcap,
          ended: () => {},
          read(into: Uint8Array): Promise<number> {
            if (this.rest.length === 0) return new Promise((resolve) => (this.ended = () => resolve(0)));
            const part = this.rest.subarray(0, into.length);
            into.set(part);
            this.rest = this.rest.subarray(part.length);
            return Promise.resolve(part.length);
          },
          async close(): Promise<void> {
            closed = true;
            this.ended();
          },
        };
        await expect(dataplane.processCapture(source, WRAP, sink)).rejects.toBe(reason);
        expect(sink.ends).toEqual([reason]);
        expect(closed).toBe(true);
      }
    },
  );

  dataplaneTest(mode, "a source that fails", async (dataplane) => {
    const reason = new Error("unplugged");
    const sink = new Sink();
    const source = function* (): Generator<Uint8Array> {
      yield pcap.subarray(0, 1_500_000);
      throw reason;
    };
    await expect(dataplane.processCapture(source(), WRAP, sink)).rejects.toBe(reason);
    expect(sink.ends).toEqual([reason]);
  });

  dataplaneTest(mode, "a signal ends it at once, in the beginning and in the middle", async (dataplane) => {
    const reason = new Error("enough");
    const early = new Sink();
    await expect(
      dataplane.processCapture(pcap, WRAP, early, { signal: AbortSignal.abort(reason) }),
    ).rejects.toBe(reason);
    const abort = new AbortController();
    const sink = new Sink();
    const work = dataplane.processCapture(pcap, WRAP, sink, {
      signal: abort.signal,
      onProgress: () => abort.abort(reason),
    });
    await expect(work).rejects.toBe(reason);
    expect(sink.ends).toEqual([reason]);
  });

  dataplaneTest(mode, "bytes that are no capture", async (dataplane) => {
    const sink = new Sink();
    await expect(dataplane.processCapture(new Uint8Array(100), WRAP, sink)).rejects.toThrow(/^byte 0: /);
    expect(sink.ends).toHaveLength(1);
    await expect(dataplane.processCapture(new Uint8Array(0), WRAP, new Sink())).rejects.toThrow(/empty/);
  });

  dataplaneTest(mode, "arguments that cannot be", async (dataplane) => {
    const sink = new Sink();
    await expect(dataplane.processCapture(5 as never, WRAP, sink)).rejects.toThrow(/^source: /);
    await expect(dataplane.processCapture(pcap, WRAP, null as never)).rejects.toThrow(/^sink: /);
    await expect(dataplane.processCapture(pcap, [{ stage: "x" } as never], sink)).rejects.toThrow(
      /^stages\[0\]/,
    );
    await expect(dataplane.processCapture(pcap, WRAP, sink, { format: "gif" as never })).rejects.toThrow(
      /^format: /,
    );
    await expect(dataplane.processCapture(pcap, WRAP, sink, { formt: 1 } as never)).rejects.toThrow(
      /^options: /,
    );
  });
});

test("several workers share the pieces of a file", async () => {
  const { createDataplane } = await import("frameferry");
  await using dataplane = await createDataplane({ workers: 2 });
  expect(dataplane.transport).toBe(isolated ? "shared" : "transfer");
  const sink = new Sink();
  const long = join(Array.from({ length: 4 }, (_, i) => (i === 0 ? pcap : pcap.subarray(24)))).bytes;
  const summary = await dataplane.processCapture(long, WRAP, sink);
  expect(summary.workers.length).toBe(2);
});
