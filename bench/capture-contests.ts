// Captures in memory through workers: this thread hands pieces out and takes results, in the order of the file.
//
// The source is memory and the sink counts. Of a capture in memory of its own this thread copies every byte into memory
// that workers see, and finds the last whole record of each piece; that takes a core as well, and two workers on two
// cores share with it. Of a capture that workers see themselves it does neither.
// How much the machine had to give while it was measured is seen by threads that share nothing, one and two, which take
// their turns among the others. (Arithmetic does not show it: it needs neither the memory nor the caches that two cores
// share, and two threads of it were always 1.98 times as fast as one.)

import { readdirSync, readFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { type CaptureSink, createDataplane, type Dataplane } from "../src/index.ts";
import type { Contest } from "./contests.ts";
import { ENCAPSULATE, INLINE, ONE_WORKER, TWO_WORKERS } from "./dataplane-contests.ts";
import { OUTER_LENGTH } from "./frames.ts";
import { memoryCapture } from "./memory-capture.ts";
import type { LoneWork } from "./peers/lone-thread.ts";
import { asyncContender, type Contender, contender } from "./rounds.ts";

export const CAPTURE_64 = "capture in memory, VXLAN encapsulation, frames of 64 bytes";
export const CAPTURE_MIXED = "capture in memory, VXLAN encapsulation, mixed frames";
export const ONE_THREAD = "reference: a thread that shares nothing";
export const TWO_THREADS = "reference: two such threads, half of it each";
/** The capture lies on a SharedArrayBuffer. */
export const ONE_SEES = "one worker that sees the source";
export const TWO_SEE = "two workers that see the source";
/** Seven short frames to four of 570 bytes and a full one. */
const MIX = [64, 64, 64, 64, 64, 64, 64, 570, 570, 570, 570, 1514];
const BYTES = 64 * 1024 * 1024;
/**
 * Several passes behind each other, as of one long capture: in the first one a virtual machine may still wait for the
 * core that was idle before, and the workers for memory that the others have driven out of the caches.
 */
const SLICE = 150;

export async function* captureContests(
  workers: readonly number[],
  wanted: (group: string) => boolean,
  write: (line: string) => void,
): AsyncGenerator<Contest> {
  if (![CAPTURE_64, CAPTURE_MIXED].some(wanted)) return;
  const dataplanes: Dataplane[] = [];
  const threads: LoneThread[] = [];
  try {
    for (const count of workers) dataplanes.push(await createDataplane({ workers: count }));
    for (const [group, sizes] of [
      [CAPTURE_64, [64]],
      [CAPTURE_MIXED, MIX],
    ] as const) {
      if (!wanted(group)) continue;
      const { bytes: seen, frames } = memoryCapture(sizes, BYTES);
      const bytes = Uint8Array.from(seen);
      const pass = (dataplane: Dataplane, source: Uint8Array) => async (): Promise<void> => {
        let written = 0;
        const sink: CaptureSink = {
          write: async (piece) => void (written += piece.length),
          close: async () => {},
          abort: async () => {},
          settles: true,
        };
        await dataplane.processCapture(source, [ENCAPSULATE], sink);
        const expected = bytes.length + frames * OUTER_LENGTH;
        if (written !== expected) throw new Error(`${group}: ${written} bytes were written, not ${expected}`);
      };
      const ways = dataplanes.flatMap((dataplane, i) => {
        const count = workers[i]!;
        const way = { name: nameOf(count), workers: count, pass: pass(dataplane, bytes) };
        if (count === 0) return [way];
        return [way, { ...way, name: count === 1 ? ONE_SEES : TWO_SEE, pass: pass(dataplane, seen) }];
      });
      const contenders: Contender[] = ways.map((way) => asyncContender(way.name, frames, way.pass));
      const lone = [BYTES, BYTES / 2, BYTES / 2].map((length) => new LoneThread(sizes, length));
      threads.push(...lone);
      contenders.push(
        contender(ONE_THREAD, frames, () => together(lone.slice(0, 1))),
        contender(TWO_THREADS, frames, () => together(lone.slice(1))),
      );
      yield { group, bytes: 0, slice: SLICE, contenders };
      await Promise.all(threads.splice(0).map((thread) => thread.close()));
      for (const way of ways) {
        const before = processorTime();
        for (let turn = 0; turn < 5; turn++) await way.pass();
        const spent = timeSince(before, way.workers).map((time) => (time / frames / 5).toFixed(1));
        if (spent.length === 0) continue;
        const [here, ...there] = spent;
        write(
          `  processor time of a frame, ${way.name}: ${here} ns here${there.map((time) => ` + ${time} ns`).join("")}`,
        );
      }
    }
  } finally {
    await Promise.all([...dataplanes, ...threads].map((each) => each.close()));
  }
}

function nameOf(workers: number): string {
  return workers === 0 ? INLINE : workers === 1 ? ONE_WORKER : TWO_WORKERS;
}

/** Nanoseconds on a processor of each thread of this process, where the system tells (Linux). */
function processorTime(): Map<string, number> {
  try {
    const tasks = "/proc/self/task";
    const time = (task: string): number =>
      Number(readFileSync(`${tasks}/${task}/schedstat`, "utf8").split(" ")[0]);
    return new Map(readdirSync(tasks).map((task) => [task, time(task)]));
  } catch {
    return new Map();
  }
}

/** What this thread spent since, and what those `workers` threads did that spent the most beside it. */
function timeSince(before: Map<string, number>, workers: number): number[] {
  const spent = [...processorTime()].map(([task, time]) => [task, time - (before.get(task) ?? 0)] as const);
  const own = String(process.pid);
  const others = spent.filter(([task]) => task !== own).sort((a, b) => b[1] - a[1]);
  return [...spent.filter(([task]) => task === own), ...others.slice(0, workers)].map(([, time]) => time);
}

class LoneThread {
  readonly #words: Int32Array = new Int32Array(new SharedArrayBuffer(8));
  readonly #worker: Worker;

  constructor(sizes: readonly number[], length: number) {
    const workerData: LoneWork = { words: this.#words, sizes, length, stages: [ENCAPSULATE] };
    this.#worker = new Worker(new URL("peers/lone-thread.js", import.meta.url), { workerData });
  }

  start(): void {
    Atomics.add(this.#words, 0, 1);
    Atomics.notify(this.#words, 0);
  }

  /** Blocks until it is done. */
  wait(): void {
    const asked = this.#words[0]!;
    for (let done = 0; ; ) {
      done = Atomics.load(this.#words, 1);
      if (done === asked) return;
      Atomics.wait(this.#words, 1, done);
    }
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}

function together(threads: readonly LoneThread[]): void {
  for (const thread of threads) thread.start();
  for (const thread of threads) thread.wait();
}
