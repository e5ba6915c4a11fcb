// Captures on a SharedArrayBuffer: workers that die while they read one.

import { createDataplane, type Dataplane, type WorkerDiedError } from "frameferry";
import { beforeAll, describe, expect, test } from "vitest";
import { startScript, workerScript } from "../support/frameferry-worker.ts";
import { expectSame, inline, pcapng, Sink, WRAP } from "./capture-support.ts";
import { counts, PIECE, pcapOf, shared } from "./shared-captures-support.ts";
import { inBrowser, isolated, until } from "./support.ts";

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

/** Lets a worker die while it copies a piece: it has the piece, and has not begun with it. */
const DYING_AT_COPY = `{
  const { set } = Uint8Array.prototype;
  Uint8Array.prototype.set = function (from, at) {
    if (from.length > ${PIECE / 2}) throw new Error("boom");
    set.call(this, from, at);
  };
}\n`;

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

  test.skipIf(!isolated)("while they copy: nothing is lost, others do it", async () => {
    const prologue = (index: number): string => (index < workers ? DYING_AT_COPY : "");
    await dying(prologue, async (dataplane, deaths) => {
      const sink = new Sink();
      const { workers: shares, ...summary } = await dataplane.processCapture(shared(bytes), WRAP, sink);
      await until(() => deaths.length > 0, "a death is noticed");
      for (const death of deaths) expect(death.message).toMatch(/boom/);
      const wanted = await inline(bytes, WRAP);
      expectSame(sink.bytes, wanted.output);
      expect(summary).toEqual(wanted.summary);
      // This thread has worked on what stands beside the header, and on nothing else.
      const frames = shares.reduce((sum, share) => sum + share.frames, 0);
      expect(frames).toBeGreaterThan(summary.received - 100);
    });
  });

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
