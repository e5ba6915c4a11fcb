// Captures on a SharedArrayBuffer: sinks that are slow or fail, signals, several at once, too little memory, and the end.

import { createDataplane } from "frameferry";
import { expect, test } from "vitest";
import { expectSame, inline, pcap, pcapng, Sink, WRAP } from "./capture-support.ts";
import { describeShared, expectAsInline, PIECE, pcapOf, shared } from "./shared-captures-support.ts";
import { isolated, modes, pause, until } from "./support.ts";

describeShared((sharedTest) => {
  sharedTest("a slow sink: as much memory as ever, and everything in order", async (dataplane) => {
    const bytes = pcapOf({ seed: 9, most: 1500, length: 12 * PIECE });
    const wanted = await inline(bytes, WRAP);
    const sink = new Sink();
    const write = sink.write.bind(sink);
    const free = new Set<number>();
    let writing = 0;
    sink.write = async (part) => {
      expect(++writing).toBe(1);
      const before = part.slice();
      free.add(dataplane.freeBytes);
      await pause(8);
      // Nobody has written to what the sink still reads.
      expectSame(part, before);
      await write(part);
      writing--;
    };
    await dataplane.processCapture(shared(bytes), WRAP, sink);
    expectSame(sink.bytes, wanted.output);
    expect(free.size).toBe(1);
  });

  sharedTest("what idle workers look at is held until they have read that it is over", async (dataplane) => {
    const bytes = shared(pcapOf({ seed: 10, most: 100, length: 3 * PIECE }));
    const free = dataplane.freeBytes;
    // Again and again: each time workers may come to know of it only when it is over.
    for (let turn = 0; turn < 20; turn++) {
      await dataplane.processCapture(bytes, WRAP, new Sink());
      // The board of pieces, and nothing of the megabytes for what was in work.
      expect(free - dataplane.freeBytes).toBeGreaterThan(0);
      expect(free - dataplane.freeBytes).toBeLessThan(20_000);
    }
    await until(() => dataplane.freeBytes === free, "workers have read it");
  });

  sharedTest("a sink that fails", async (dataplane) => {
    const reason = new Error("disk full");
    const bytes = shared(pcapOf({ seed: 11, most: 1500, length: 8 * PIECE }));
    for (const failing of [1, 2, 3, 7]) {
      const sink = new Sink();
      let writes = 0;
      sink.write = async () => {
        if (++writes >= failing) throw reason;
      };
      await expect(dataplane.processCapture(bytes, WRAP, sink)).rejects.toBe(reason);
      expect(sink.ends).toEqual([reason]);
    }
  });

  sharedTest("a signal ends it, at once", async (dataplane) => {
    const reason = new Error("enough");
    const bytes = shared(pcapOf({ seed: 13, most: 1500, length: 8 * PIECE }));
    const early = new Sink();
    const signal = AbortSignal.abort(reason);
    await expect(dataplane.processCapture(bytes, WRAP, early, { signal })).rejects.toBe(reason);
    for (const after of [1, 2, 4]) {
      const abort = new AbortController();
      const sink = new Sink();
      let chunks = 0;
      const onProgress = (): void => {
        if (++chunks === after) abort.abort(reason);
      };
      const work = dataplane.processCapture(bytes, WRAP, sink, { signal: abort.signal, onProgress });
      await expect(work).rejects.toBe(reason);
      expect(sink.ends).toEqual([reason]);
      expect(chunks).toBe(after);
    }
    // Also while the sink writes for ever.
    const abort = new AbortController();
    const sink = new Sink();
    let end = (): void => {};
    sink.write = () => new Promise((resolve) => (end = resolve));
    const work = dataplane.processCapture(bytes, WRAP, sink, { signal: abort.signal });
    setTimeout(() => abort.abort(reason), 20);
    await expect(work).rejects.toBe(reason);
    end();
  });

  sharedTest("several at once, read in both ways", async (dataplane) => {
    const captures = [pcap, pcapOf({ seed: 17, most: 100, length: 3 * PIECE }), pcapng];
    const wanted = await Promise.all(captures.map((bytes) => inline(bytes, WRAP)));
    const sources = captures.flatMap((bytes) => [shared(bytes), bytes]);
    const sinks = sources.map(() => new Sink());
    for (const half of [0, 3]) {
      const some = sources.slice(half, half + 3);
      await Promise.all(some.map((source, i) => dataplane.processCapture(source, WRAP, sinks[half + i]!)));
    }
    sinks.forEach((sink, i) => {
      expectSame(sink.bytes, wanted[i >> 1]!.output);
    });
  });
});

test.skipIf(!isolated)("a memory that is too small: it is said, and nothing is held", async () => {
  for (const [workers, megabytes] of [
    [1, 9],
    [2, 20],
    [3, 27],
  ] as const) {
    await using dataplane = await createDataplane({ workers, memoryBytes: megabytes << 20 });
    const free = dataplane.freeBytes;
    for (const source of [shared(pcap), pcap]) {
      const work = dataplane.processCapture(source, WRAP, new Sink());
      if (source === pcap && workers > 1) await work.catch(() => {});
      else await expect(work).rejects.toThrow(/^memoryBytes: /);
      await until(() => dataplane.freeBytes === free, "all memory is given back");
    }
  }
});

test.skipIf(!isolated)("closing while workers read", async () => {
  const bytes = shared(pcapOf({ seed: 19, most: 700, length: 8 * PIECE }));
  for (const after of [1, 2, 5]) {
    const dataplane = await createDataplane({ workers: 2 });
    let chunks = 0;
    const work = dataplane.processCapture(bytes, WRAP, new Sink(), {
      onProgress: () => {
        if (++chunks === after) void dataplane.close();
      },
    });
    await expect(work).rejects.toThrow(/^dataplane: it has been closed/);
    await dataplane.close();
  }
});

test("without shared memory such a capture is read like any other", async () => {
  if (!isolated) return;
  for (const { name, options } of modes.filter((mode) => mode.transport !== "shared")) {
    await using dataplane = await createDataplane(options);
    expect(await expectAsInline(dataplane, pcap, shared(pcap)), name).toBeDefined();
  }
});
