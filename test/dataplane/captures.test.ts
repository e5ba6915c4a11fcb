// Captures through workers: byte for byte what one thread makes of them, in the order of the file.
import { describe, expect, test } from "vitest";
import { chunked, join } from "../pcap/capture-bytes.ts";
import { corpus, expectSame, inline, pcap, pcapng, Sink, spots, UNWRAP, WRAP } from "./capture-support.ts";
import { dataplaneTest, isolated, modes, pause } from "./support.ts";

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

  dataplaneTest(
    mode,
    "damage that is not to be delivered rejects, and the sink is aborted",
    async (dataplane) => {
      const [bytes, at] = spots[2]!;
      const sink = new Sink();
      const options = { onDamage: "reject" } as const;
      const rejected = dataplane.processCapture(bytes, UNWRAP, sink, options);
      await expect(rejected).rejects.toMatchObject({ code: "damaged", offset: at });
      expect(sink.ends).toMatchObject([{ code: "damaged", offset: at }]);
      const sound = new Sink();
      expect((await dataplane.processCapture(pcap, UNWRAP, sound, options)).damage).toBeUndefined();
      expect(sound.ends).toEqual(["closed"]);
    },
  );

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
  const long = join(Array.from({ length: 4 }, (_, i) => (i === 0 ? pcap : pcap.subarray(24)))).bytes;
  // Who is busy while the next piece is read, the system's scheduler decides: one pass may be the work of one.
  const seen = new Set<number>();
  const passes = async (): Promise<void> => {
    for (let pass = 0; seen.size < 2 && pass < 200; pass++) {
      const { workers } = await dataplane.processCapture(long, WRAP, new Sink());
      for (const { worker } of workers) seen.add(worker);
    }
  };
  await passes();
  expect([...seen].sort()).toEqual([0, 1]);
});
