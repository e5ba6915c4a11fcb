// Whoever reads a capture comes to the same verdict: record by record, through a pipeline, or over workers. What is
// read is what is written, the place of the damage and the words for it are the same, and all that is written is sound.
import fc from "fast-check";
import { CaptureError, createDataplane, type Dataplane, type processCapture } from "frameferry";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { chunked, enhanced, iface, join, pcapHeader, pcapRecord, section } from "../pcap/capture-bytes.ts";
import { Collected, recordsOf, told } from "../support/capture-corpus.ts";
import { nearlySound } from "../support/capture-mutations.ts";
import { noise } from "../support/passengers.ts";
import { threaded } from "./support.ts";

const workers: { readonly name: string; readonly dataplane: Dataplane }[] = [];
beforeAll(async () => {
  const inline = { name: "inline", options: { workers: 0 } };
  for (const { name, options } of [inline, ...threaded.filter(({ name }) => name.includes("2 workers"))])
    workers.push({ name, dataplane: await createDataplane({ ...options, memoryBytes: 64 << 20 }) });
});
afterAll(async () => {
  for (const { dataplane } of workers) await dataplane.close();
});

interface Verdict {
  readonly damage: string | undefined;
  readonly written: Uint8Array;
  readonly received: number;
  readonly fileBytesIn?: number;
}

async function verdictOf(
  dataplane: Dataplane,
  source: Parameters<typeof processCapture>[0],
): Promise<Verdict> {
  const sink = new Collected();
  try {
    const { damage, received, fileBytesIn } = await dataplane.processCapture(source, [], sink);
    // Whatever has been read of it: what lies in front of the damage counts.
    if (damage !== undefined) expect(fileBytesIn).toBe(damage.offset);
    return { damage: damage?.message, written: sink.bytes, received, fileBytesIn };
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error;
    return { damage: error.message, written: new Uint8Array(0), received: 0 };
  }
}

/** The source as one chunk, block by block, in small pieces. */
async function check(blocks: readonly Uint8Array[]): Promise<void> {
  const { bytes } = join(blocks);
  const read = await recordsOf(bytes);
  const expected = read.records.filter((record) => record.interface.linkType === 1);
  for (const { name, dataplane } of workers) {
    for (const source of [bytes, blocks.filter(({ length }) => length > 0), chunked(bytes, 29)]) {
      const { damage, written, received } = await verdictOf(dataplane, source);
      expect(damage, name).toBe(read.damage?.message);
      expect(received).toBe(read.records.length);
      if (written.length === 0) continue;
      const again = await recordsOf(written);
      expect(again.damage, name).toBeUndefined();
      expect(again.records.map(said)).toEqual(expected.map(said));
    }
  }
}

/** Frames that are longer than they say they were on the wire are written with their length. */
function said(record: Parameters<typeof told>[0]): string {
  return told({ ...record, originalLength: Math.max(record.originalLength, record.data.length) });
}

describe("one verdict", () => {
  it("about pcapng whose lengths, options and blocks contradict each other", async () => {
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(nearlySound, async (blocks) => {
        await check(blocks);
        const { damage } = await recordsOf(join(blocks).bytes);
        seen.add(damage?.reason.replace(/\d+/g, "N") ?? "sound");
      }),
      { seed: 1303, numRuns: 300 },
    );
    // It is no use if all of them are damaged in one way.
    expect(seen.size).toBeGreaterThan(15);
    expect(seen).toContain("sound");
  }, 120_000);

  it("about each option of a packet, of every length", async () => {
    for (const big of [false, true])
      for (const code of [0, 1, 2, 3, 4, 5, 6, 7, 8, 2988, 2989, 19372, 19373])
        for (let length = 0; length <= 12; length++) {
          const block = enhanced(big, 0, 5n, noise(60, 1), 60, (bytes) =>
            bytes.option(code, noise(length, 2)),
          );
          await check([section(big), iface(big, 1, 0), block, enhanced(big, 0, 5n, noise(60, 1))]);
        }
  }, 120_000);

  it("about damage deep in a large capture, whose pieces workers share", async () => {
    const good = Array.from({ length: 900 }, (_, i) => enhanced(false, 0, 5n, noise(1400, i % 7)));
    const bad = enhanced(false, 0, 5n, noise(60, 1), 60, (bytes) =>
      bytes.number(2, 1).number(2, 50).number(4, 0),
    );
    for (const place of [1, 370, 380, 899]) {
      const blocks = [section(false), iface(false, 1, 0), ...good];
      blocks.splice(2 + place, 0, bad);
      const { bytes, offsets } = join(blocks);
      const damage = `byte ${offsets[2 + place]}: option 1 claims 50 bytes, but 4 are left in its block`;
      expect((await recordsOf(bytes)).damage?.message).toBe(damage);
      const sources = [bytes, chunked(bytes, 99_999)];
      if (globalThis.SharedArrayBuffer !== undefined) {
        const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
        shared.set(bytes);
        sources.push(shared);
      }
      for (const source of sources)
        for (const { name, dataplane } of workers) {
          const verdict = await verdictOf(
            dataplane,
            source instanceof Uint8Array ? source : chunked(bytes, 99_999),
          );
          expect(verdict, name).toMatchObject({ damage, received: place, fileBytesIn: offsets[2 + place] });
          expect((await recordsOf(verdict.written)).records).toHaveLength(place);
        }
    }
  }, 120_000);
});

describe("what stages make longer than any reader takes", () => {
  it("is dropped as too long, and never written", async () => {
    const room = 524_288 - 32;
    const comment = (length: number) =>
      enhanced(false, 0, 5n, noise(60, 1), 60, (bytes) => {
        for (let left = length; left > 0; left -= Math.min(left, 65_536))
          bytes.option(1, new Uint8Array(Math.min(left, 65_536) - 4));
        return bytes;
      });
    const pcapng = (block: Uint8Array) => join([section(false), iface(false, 1, 0), block]).bytes;
    const pcap = (length: number) =>
      join([pcapHeader(false, true, 1, 262_144), pcapRecord(false, 1, 1, noise(length, 1))]).bytes;
    for (const [bytes, forwarded] of [
      [pcap(262_144), 0],
      [pcap(262_140), 1],
      [pcapng(enhanced(false, 0, 5n, noise(262_144, 1))), 0],
      [pcapng(enhanced(false, 0, 5n, noise(262_140, 1))), 1],
      [pcapng(comment(room - 60)), 0],
      [pcapng(comment(room - 64)), 1],
    ] as const) {
      expect((await recordsOf(bytes)).damage).toBeUndefined();
      for (const { dataplane } of workers) {
        const sink = new Collected();
        const summary = await dataplane.processCapture(bytes, [{ stage: "vlan-push", vid: 5 }], sink);
        expect(summary).toMatchObject({ received: 1, forwarded, dropped: 1 - forwarded, damage: undefined });
        expect(summary.drops).toEqual(forwarded === 1 ? {} : { "frame-too-long": 1 });
        const { records, damage } = await recordsOf(sink.bytes);
        expect(damage).toBeUndefined();
        expect(records).toHaveLength(forwarded);
      }
      // Nothing is too long that only passes.
      const sink = new Collected();
      expect(await workers[0]!.dataplane.processCapture(bytes, [], sink)).toMatchObject({ forwarded: 1 });
      expect((await recordsOf(sink.bytes)).records).toHaveLength(1);
    }
  }, 60_000);
});
