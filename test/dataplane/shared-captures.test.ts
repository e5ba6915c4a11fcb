// Captures on a SharedArrayBuffer: workers read them where they lie, and what comes out is what one thread makes of them.

import fc from "fast-check";
import { createDataplane, type Dataplane, type Stage, type WorkerDiedError } from "frameferry";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Bytes, block, enhanced, iface, join, pcapHeader, section } from "../pcap/capture-bytes.ts";
import { startScript, workerScript } from "../support/frameferry-worker.ts";
import { corpus, expectSame, inline, pcap, pcapng, Sink, spots, UNWRAP, WRAP } from "./capture-support.ts";
import { flowFrame, inBrowser, isolated, modes, pause, random, until } from "./support.ts";

/** The length of the ranges that workers get, and how much of a capture is looked at before the first. */
const PIECE = 1 << 19;
const HEADER = 4096;

/** The same bytes where all threads see them, `shift` bytes behind the beginning of their buffer. */
function shared(bytes: Uint8Array, shift = 0): Uint8Array {
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.length + shift + 5), shift, bytes.length);
  copy.set(bytes);
  return copy;
}

interface Shape {
  readonly seed: number;
  readonly big?: boolean;
  readonly nano?: boolean;
  /** Frames have up to so many bytes; one in fifty is longer. */
  readonly most: number;
  readonly longest?: number;
  /** Bytes of the whole capture, at least. */
  readonly length: number;
}

/** A pcap of frames of any length, made faster than record by record. */
function pcapOf({ seed, big = false, nano = false, most, longest = most, length }: Shape): Uint8Array {
  const next = random(seed);
  const bytes = new Uint8Array(length + 16 + longest);
  const view = new DataView(bytes.buffer);
  bytes.set(pcapHeader(big, nano, 1, 262144));
  let at = 24;
  for (let i = 0; at < length; i++) {
    const captured = next(next(50) === 0 ? longest + 1 : most + 1);
    view.setUint32(at, i, !big);
    view.setUint32(at + 4, next(nano ? 1e9 : 1e6), !big);
    view.setUint32(at + 8, captured, !big);
    view.setUint32(at + 12, captured + next(3), !big);
    bytes.set(flowFrame(i % 50, i).subarray(0, captured), at + 16);
    at += 16 + captured;
  }
  return bytes.slice(0, at);
}

const counts = [1, 2, 3];
/** A pcapng of one section whose packets, of either of two interfaces, all stand behind each other. */
function pcapngOf({ seed, big = false, most, length }: Shape): { bytes: Uint8Array; blocks: number[] } {
  const next = random(seed);
  const bytes = new Uint8Array(length + 32 + most + 4);
  const view = new DataView(bytes.buffer);
  const { bytes: head } = join([section(big), iface(big, 1, 0), iface(big, 1, 0)]);
  bytes.set(head);
  const blocks: number[] = [];
  let at = head.length;
  for (let i = 0; at < length; i++) {
    const captured = next(most + 1);
    const total = 32 + ((captured + 3) & ~3);
    [6, total, i & 1, 0, i, captured, captured].forEach((word, index) => {
      view.setUint32(at + 4 * index, word, !big);
    });
    bytes.set(flowFrame(i % 50, i).subarray(0, captured), at + 28);
    view.setUint32(at + total - 4, total, !big);
    blocks.push(at);
    at += total;
  }
  return { bytes: bytes.slice(0, at), blocks };
}

/** Expects of a dataplane what one thread makes of the capture. */
async function expectAsInline(
  dataplane: Dataplane,
  bytes: Uint8Array,
  source: Uint8Array,
  stages: readonly Stage[] = WRAP,
  format: "same" | "pcap" | "pcapng" = "same",
): Promise<number> {
  const wanted = await inline(bytes, stages, format);
  const sink = new Sink();
  let progress = 0;
  const { workers, ...summary } = await dataplane.processCapture(source, stages, sink, {
    format,
    onProgress: ({ bytesRead, records }) => {
      expect(bytesRead).toBeGreaterThan(progress);
      expect(records).toBeLessThanOrEqual(wanted.summary.received);
      progress = bytesRead;
    },
  });
  expectSame(sink.bytes, wanted.output);
  expect(sink.ends).toEqual(["closed"]);
  expect(progress).toBe(summary.fileBytesIn);
  if (/^(undefined|.*: the file ends.*)$/.test(`${summary.damage?.message}`))
    expect(summary).toEqual(wanted.summary);
  else {
    // How far was read beyond the damage depends on the pieces.
    expect({ ...summary, fileBytesIn: 0 }).toEqual({ ...wanted.summary, fileBytesIn: 0 });
  }
  for (const { worker } of workers) expect(worker).toBeLessThan(dataplane.workers);
  return workers.reduce((sum, share) => sum + share.frames, 0);
}

describe.each(counts)("a capture that workers see, of %i", (workers) => {
  let dataplane: Dataplane;
  beforeAll(async () => {
    if (isolated) dataplane = await createDataplane({ workers, memoryBytes: 192 << 20 });
  });
  afterAll(() => dataplane?.close());

  /** Afterwards all memory must have been given back. */
  const sharedTest = (name: string, body: () => Promise<void>): void =>
    test.skipIf(!isolated)(name, async () => {
      const free = dataplane.freeBytes;
      await body();
      await until(() => dataplane.freeBytes === free, "all memory is given back");
    });

  for (const [name, bytes] of corpus) {
    sharedTest(`${name}: the same as on one thread`, async () => {
      for (const [stages, format, shift] of [
        [WRAP, "same", 0],
        [UNWRAP, "pcapng", 1],
        [[], "pcap", 3],
      ] as const)
        await expectAsInline(dataplane, bytes, shared(bytes, shift), stages, format);
    });
  }

  sharedTest("byte orders, precisions and any alignment", async () => {
    for (let shift = 0; shift < 8; shift++) {
      const bytes = pcapOf({
        seed: shift + 1,
        big: (shift & 1) !== 0,
        nano: (shift & 2) !== 0,
        most: 300,
        length: 2.2 * PIECE,
      });
      const frames = await expectAsInline(dataplane, bytes, shared(bytes, shift), WRAP, "pcapng");
      // All but what stands beside the header.
      expect(frames).toBeGreaterThan((await inline(bytes, WRAP, "pcapng")).summary.received - 100);
    }
  });

  sharedTest("frames of any length around the pieces' ends", async () => {
    const property = fc.asyncProperty(
      fc.integer({ min: 1, max: 1 << 30 }),
      fc.constantFrom(0, 20, 200, 3000),
      fc.constantFrom(0, 9000, 262144),
      async (seed, most, more) => {
        const bytes = pcapOf({ seed, most, longest: Math.max(most, more), length: 2.1 * PIECE });
        await expectAsInline(dataplane, bytes, shared(bytes, seed & 7));
      },
    );
    await fc.assert(property, { seed: 20261123, numRuns: 25 });
  });

  sharedTest("a capture that is cut anywhere", async () => {
    const shape = { seed: 3, length: 3.2 * PIECE };
    const wholes = [
      pcapOf({ ...shape, most: 200 }),
      pcapOf({ ...shape, most: 60, longest: 100_000, big: true }),
      pcapngOf({ ...shape, most: 300 }).bytes,
      pcapng,
    ];
    const property = fc.asyncProperty(
      fc.constantFrom(...wholes),
      fc.integer({ min: 1, max: 3 }),
      // Ranges begin behind the records that were looked at with the header.
      fc.oneof(fc.integer({ min: HEADER - 400, max: HEADER + 400 }), fc.integer({ min: 0, max: PIECE })),
      async (whole, pieces, more) => {
        const bytes = whole.subarray(0, pieces * PIECE + more);
        await expectAsInline(dataplane, bytes, shared(bytes, 1));
      },
    );
    await fc.assert(property, { seed: 20261124, numRuns: 40 });
  });

  sharedTest("other blocks anywhere: pieces that are not for workers", async () => {
    const property = fc.asyncProperty(fc.integer({ min: 1, max: 1 << 30 }), async (seed) => {
      const next = random(seed);
      const parts: Uint8Array[] = [];
      let length = 0;
      const add = (part: Uint8Array): void => {
        parts.push(part);
        length += part.length;
      };
      while (length < 2.5 * PIECE) {
        const big = next(2) === 0;
        add(section(big));
        add(iface(big, 1, 0));
        const end = length + 1 + next(1.5 * PIECE);
        while (length < end) {
          const packet = enhanced(big, 0, BigInt(length), flowFrame(next(50), length, 50 + next(700)));
          for (let copies = next(60); copies >= 0; copies--) add(packet);
          if (next(8) > 0) continue;
          const body =
            next(3) === 0 ? new Uint8Array(next(1.4 * PIECE) & ~3) : new Bytes(big).number(4, 0).done;
          add(block(big, next(2) === 0 ? 4 : 0xbad, body));
        }
      }
      const { bytes } = join(parts);
      await expectAsInline(dataplane, bytes, shared(bytes, 2));
    });
    await fc.assert(property, { seed: 20261125, numRuns: 8 });
  });

  sharedTest("blocks as long as a piece", async () => {
    for (const options of [100_000, 260_000]) {
      const long = (i: number): Uint8Array =>
        enhanced(false, 0, BigInt(i), new Uint8Array(262_144), 262_144, (bytes) => {
          let made = bytes;
          for (let left = options; left > 0; left -= 65_000)
            made = made.option(1, new Uint8Array(left % 65_000));
          return made;
        });
      const parts = Array.from({ length: 5 }, (_, i) => [
        enhanced(false, 0, 1n, flowFrame(i, i, 900)),
        long(i),
      ]).flat();
      const { bytes } = join([section(false), iface(false, 1, 0), ...parts]);
      await expectAsInline(dataplane, bytes, shared(bytes), [{ stage: "vlan-push", vid: 5 }]);
    }
  });

  sharedTest("damage anywhere: the same offset, reason and output", async () => {
    for (const [bytes, at] of spots) {
      await expectAsInline(dataplane, bytes, shared(bytes), UNWRAP);
      expect((await inline(bytes, UNWRAP)).summary.damage?.offset).toBe(at);
    }
  });

  sharedTest("damage that workers find: in blocks that look like packets", async () => {
    for (const big of [false, true]) {
      const { bytes, blocks } = pcapngOf({ seed: 29, big, most: 500, length: 4 * PIECE });
      for (const share of [0.01, 0.3, 0.31, 0.62, 0.99]) {
        const at = blocks[Math.floor(share * blocks.length)] as number;
        // An interface that there is not, and two lengths that differ.
        for (const wrong of [
          at + (big ? 10 : 9),
          at + new DataView(bytes.buffer).getUint32(at + 4, !big) - 3,
        ]) {
          const damaged = bytes.slice();
          damaged[wrong]! ^= 0x40;
          await expectAsInline(dataplane, damaged, shared(damaged, 1));
          expect((await inline(damaged, WRAP)).summary.damage?.offset).toBe(at);
        }
      }
    }
  });

  sharedTest("no capture, and hardly one", async () => {
    const sink = new Sink();
    const nothing = shared(new Uint8Array(3 * PIECE));
    await expect(dataplane.processCapture(nothing, WRAP, sink)).rejects.toThrow(/^byte 0: /);
    await expect(dataplane.processCapture(shared(new Uint8Array(0)), WRAP, sink)).rejects.toThrow(/empty/);
    for (const bytes of [
      pcapHeader(true, true),
      section(false),
      pcap.subarray(0, 24 + 15),
      pcap.subarray(0, HEADER),
    ])
      await expectAsInline(dataplane, bytes, shared(bytes));
  });

  sharedTest("a slow sink: as much memory as ever, and everything in order", async () => {
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

  sharedTest("a sink that fails", async () => {
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

  sharedTest("a signal ends it, at once", async () => {
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

  sharedTest("several at once, read in both ways", async () => {
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

let script = "";
beforeAll(async () => {
  script = await workerScript();
});

/** Lets a worker die in its `at`th call of a kernel, before or after what that does. */
function dyingAt(kernel: "scanCapture" | "runCapture", at: number, when: "before" | "after"): string {
  return `{
    const instantiate = WebAssembly.instantiate;
    let calls = 0;
    WebAssembly.instantiate = async (module, imports) => {
      const { exports } = await instantiate(module, imports);
      const dying = (...values) => {
        const now = ++calls === ${at};
        if (now && ${when === "before"}) throw new Error("boom");
        const result = exports.${kernel}(...values);
        if (now) throw new Error("boom");
        return result;
      };
      return { exports: { ...exports, ${kernel}: dying } };
    };
  }\n`;
}

// Each test takes a dataplane of its own, and a page has room for a hundred memories or so: there it is two workers only.
describe.each(inBrowser ? [2] : counts)("workers that die while they read, of %i", (workers) => {
  // The number of each frame stands in its timestamp.
  const bytes = pcapOf({ seed: 23, most: 600, longest: 4000, length: 9 * PIECE });

  /** Which worker gets which piece is open: all of the first ones die, if they get so far. */
  async function dying(
    prologue: (index: number) => string,
    body: (dataplane: Dataplane, deaths: readonly WorkerDiedError[]) => Promise<void>,
  ): Promise<void> {
    const deaths: WorkerDiedError[] = [];
    let spawned = 0;
    await using dataplane = await createDataplane({
      workers,
      spawnWorker: () => startScript(prologue(spawned++) + script),
      onWorkerDied: (error) => void deaths.push(error),
    });
    const free = dataplane.freeBytes;
    await body(dataplane, deaths);
    await until(() => deaths.length > 0, "a death is noticed");
    await until(() => dataplane.freeBytes === free, "all memory is given back");
  }

  for (const kernel of ["scanCapture", "runCapture"] as const) {
    for (const when of ["before", "after"] as const) {
      test.skipIf(!isolated)(`${when} ${kernel}: what they held is counted, all else comes out`, async () => {
        const { received } = (await inline(bytes, [])).summary;
        for (const at of inBrowser ? [2] : [1, 2]) {
          const prologue = (index: number): string => (index < workers ? dyingAt(kernel, at, when) : "");
          await dying(prologue, async (dataplane, deaths) => {
            const sink = new Sink();
            const summary = await dataplane.processCapture(shared(bytes), [], sink);
            await until(() => deaths.length > 0, "a death is noticed");
            for (const death of deaths) expect(death.message).toMatch(/boom/);
            expect(summary).toMatchObject({ received, damage: undefined });
            const died = summary.drops["worker-died"] ?? 0;
            expect(died).toBeGreaterThan(0);
            expect(summary).toMatchObject({ dropped: died, forwarded: received - died });
            const missing = missingFrom(numbersOf(sink.bytes), received);
            expect(missing.length).toBe(died);
            // A piece for each worker that died, and nothing else.
            const gaps = missing.filter((number, i) => missing[i - 1] !== number - 1).length;
            expect(gaps).toBeLessThanOrEqual(deaths.length);
            expect(died).toBeLessThan((deaths.length * received) / 8);
          });
        }
      });
    }
  }

  test.skipIf(!isolated)("in an irregular piece: nothing is lost", async () => {
    for (const when of ["before", "after"] as const) {
      const prologue = (index: number): string => (index < workers ? dyingAt("scanCapture", 1, when) : "");
      await dying(prologue, async (dataplane) => {
        const sink = new Sink();
        const { workers: _, ...summary } = await dataplane.processCapture(shared(pcapng), WRAP, sink);
        const wanted = await inline(pcapng, WRAP);
        // All pieces have other blocks in their middle: this thread works on them after all.
        expectSame(sink.bytes, wanted.output);
        expect(summary).toEqual(wanted.summary);
      });
    }
  });

  test.skipIf(!isolated)("again and again, each in another place", async () => {
    const { received } = (await inline(bytes, [])).summary;
    const places = [
      ["scanCapture", "before"],
      ["runCapture", "before"],
      ["scanCapture", "after"],
      ["runCapture", "after"],
    ] as const;
    const prologue = (index: number): string => {
      const [kernel, when] = places[index % places.length]!;
      return index < 2 * workers + 2 ? dyingAt(kernel, 1, when) : "";
    };
    await dying(prologue, async (dataplane) => {
      const sink = new Sink();
      const summary = await dataplane.processCapture(shared(bytes), [], sink);
      expect(summary).toMatchObject({ received, damage: undefined });
      expect(summary.drops["worker-died"]).toBe(received - summary.forwarded);
      expect(summary.forwarded).toBeLessThan(received);
      expect(numbersOf(sink.bytes).length).toBe(summary.forwarded);
    });
  });

  test.skipIf(!isolated)("and cannot be replaced: the capture rejects", async () => {
    const prologue = (index: number): string =>
      index < workers ? dyingAt("scanCapture", 2, "before") : 'throw new Error("no more");';
    await dying(prologue, async (dataplane, deaths) => {
      const work = dataplane.processCapture(shared(bytes), [], new Sink());
      const error: unknown = await work.catch((reason: unknown) => reason);
      expect((error as Error).message).toMatch(/no other could be started: .*no more/s);
      await until(() => deaths.some((death) => death === error), "it is told");
    });
  });
});

/** The seconds of the timestamps, which count the frames. */
function numbersOf(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer);
  const numbers: number[] = [];
  for (let at = 24; at < bytes.length; at += 16 + view.getUint32(at + 8, true)) {
    numbers.push(view.getUint32(at, true));
  }
  expect(numbers.every((number, i) => i === 0 || number > (numbers[i - 1] as number))).toBe(true);
  return numbers;
}

function missingFrom(numbers: readonly number[], count: number): number[] {
  const there = new Set(numbers);
  return Array.from({ length: count }, (_, i) => i).filter((i) => !there.has(i));
}
