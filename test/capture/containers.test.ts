// Packed captures: unpacked by their first bytes, packed for others, and honest where they are cut short or damaged.
import fc from "fast-check";
import { type Kernels, loadKernels, Pipeline } from "frameferry";
import { CaptureError, packCapture, readCapture, unpackCapture } from "frameferry/pcap";
import { beforeAll, describe, expect, it } from "vitest";
import { chunked, join, pcapHeader, pcapRecord } from "../pcap/capture-bytes.ts";
import { fullPcapng, plainPcap, processed, recordsOf } from "../support/capture-corpus.ts";
import { noise } from "../support/passengers.ts";
import { expectBytes } from "../support/poisoned-batch.ts";

let kernels: Kernels;
beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 16 << 20 });
});

async function all(parts: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const list: Uint8Array[] = [];
  for await (const part of parts) list.push(part.slice());
  return join(list).bytes;
}

const has = (container: "gzip" | "zstd"): boolean => {
  try {
    packCapture(new Uint8Array(0), container);
    return true;
  } catch {
    return false;
  }
};

describe.each(["gzip", "zstd"] as const)("%s", (container) => {
  const isThere = has(container);

  it.runIf(isThere)("comes back as it was, in chunks of any size", async () => {
    for (const { bytes } of [plainPcap(true, true), fullPcapng(false)]) {
      const packed = await all(packCapture(chunked(bytes, 1000), container));
      expect(packed.length).not.toBe(bytes.length);
      for (const size of [1, 3, 4, 1000, packed.length])
        expectBytes(await all(unpackCapture(chunked(packed, size))), bytes);
      using pipeline = new Pipeline(kernels, []);
      expect((await processed(unpackCapture(packed), pipeline)).summary).toEqual(
        (await processed(bytes, pipeline)).summary,
      );
    }
  });

  it.runIf(isThere)("cut short, gives what is there and says why it ends", async () => {
    const records = Array.from({ length: 400 }, (_, i) => pcapRecord(false, i, 0, noise(100, i)));
    const { bytes } = join([pcapHeader(false, false), ...records]);
    const packed = await all(packCapture(bytes, container));
    using pipeline = new Pipeline(kernels, []);
    for (const length of [packed.length - 1, packed.length - 9, packed.length >> 1, 20]) {
      const part = packed.subarray(0, length);
      let read = 0;
      const reading = (async () => {
        for await (const record of readCapture(unpackCapture(part))) read += record.data.length > 0 ? 1 : 0;
      })();
      await expect(reading).rejects.toThrow(CaptureError);
      await expect(reading).rejects.toThrow(
        new RegExp(`${container} stream around the capture is damaged or cut`),
      );
      if (length < 100) {
        await expect(processed(unpackCapture(part), pipeline)).rejects.toThrow(CaptureError);
        continue;
      }
      const { summary, bytes: written } = await processed(unpackCapture(part), pipeline);
      expect(summary.damage?.message).toMatch(/cut short/);
      expect(summary.forwarded).toBe(read);
      expect((await recordsOf(written)).records.length).toBe(read);
    }
  });

  it.runIf(isThere)("with a byte changed, gives what was packed or says so", async () => {
    const { bytes } = plainPcap(false, false);
    const packed = await all(packCapture(bytes, container));
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 10, max: packed.length - 1 }),
        fc.integer({ min: 1, max: 255 }),
        async (at, change) => {
          const broken = packed.slice();
          broken[at]! ^= change;
          const outcome = await all(unpackCapture(broken)).then(
            (found) =>
              found.length === bytes.length && found.every((byte, i) => byte === bytes[i]) ? "same" : "other",
            (error) => (error instanceof CaptureError ? "damaged" : error),
          );
          expect(["same", "damaged"]).toContain(outcome);
        },
      ),
      { seed: 1901, numRuns: 50 },
    );
  });

  it.runIf(!isThere)("is refused by name where the platform has none", async () => {
    expect(() => packCapture(new Uint8Array(0), container)).toThrow(
      expect.objectContaining({ code: "unsupported", message: expect.stringContaining(`no ${container}`) }),
    );
    const packed = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 1, 2, 3, 4);
    await expect(all(unpackCapture(packed))).rejects.toMatchObject({ code: "unsupported" });
  });
});

it("what is not packed comes through as it is, and a source that fails is not taken for damage", async () => {
  const { bytes } = plainPcap(false, false);
  for (const size of [1, 3, 5000]) expectBytes(await all(unpackCapture(chunked(bytes, size))), bytes);
  expectBytes(await all(unpackCapture(Uint8Array.of(0x1f))), Uint8Array.of(0x1f));
  expectBytes(await all(unpackCapture([])), new Uint8Array(0));
  const packed = await all(packCapture(bytes, "gzip"));
  const failing = (async function* () {
    yield packed.subarray(0, 50);
    throw new RangeError("the line went dead");
  })();
  await expect(all(unpackCapture(failing))).rejects.toThrow(RangeError);
});

it("a source is let go when nobody reads on", async () => {
  const packed = await all(packCapture(noise(200_000, 1), "gzip"));
  for (const source of [packed, noise(200_000, 2)]) {
    let closed = false;
    const chunks = (async function* () {
      try {
        yield* chunked(source, 1000);
      } finally {
        closed = true;
      }
    })();
    for await (const chunk of unpackCapture(chunks)) if (chunk.length > 0) break;
    await expect.poll(() => closed).toBe(true);
  }
});
