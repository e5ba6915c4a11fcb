// One capture after the other, several at once, some given up in the middle, on workers that die: the same bytes as on one
// thread unless frames were lost with a worker, and then so many are counted.

import { createHash } from "node:crypto";
import type { CaptureOutput } from "../../src/capture/capture-io.ts";
import { createDataplane } from "../../src/dataplane/create-dataplane.ts";
import type { Dataplane } from "../../src/dataplane/dataplane.ts";
import type { Stage } from "../../src/pipeline/stages.ts";
import { memoryCapture } from "../memory-capture.ts";
import { type Chapter, type ChapterContext, type ChapterTally, until } from "./chapter.ts";
import { MortalWorkers } from "./workers.ts";

const DEATH_EVERY = 7_000;
const STAGES: readonly Stage[] = [
  { stage: "encapsulate", kind: "geneve", vni: 77, local: "fd00::1", remote: "fd00::2" },
  { stage: "decapsulate", kind: "geneve" },
  { stage: "vlan-push", vid: 9 },
];

export interface CaptureSoakOptions {
  readonly workers: number;
  readonly transport: "shared" | "transfer";
}

export function captureChapter({ workers, transport }: CaptureSoakOptions): Chapter {
  const how = workers === 0 ? "inline" : `${transport}, ${workers} worker${workers === 1 ? "" : "s"}`;
  return {
    name: `captures, ${how}`,
    run: async (context) => {
      const mortal = new MortalWorkers();
      await using dataplane = await createDataplane({
        workers,
        transport: workers === 0 ? "auto" : transport,
        spawnWorker: mortal.spawn,
      });
      const wanted = await expectedOf();
      const free = dataplane.freeBytes;
      const tally = { frames: 0, copies: 0, pauses: 0, changes: 0, deaths: 0 };
      let death = 0;
      do {
        const busy: Promise<number>[] = [];
        for (let i = 0; i <= context.next(2); i++) busy.push(oneCapture(dataplane, wanted, context));
        if (performance.now() > death && workers > 0) {
          mortal.kill(context.next);
          death = performance.now() + DEATH_EVERY;
        }
        for (const frames of await Promise.all(busy)) tally.frames += frames;
        tally.changes += busy.length;
        tally.pauses++;
        if (!(await until(() => dataplane.freeBytes === free, 10)))
          context.fault(
            `${free - dataplane.freeBytes} bytes were not given back when all captures were over`,
          );
      } while (performance.now() < context.end);
      tally.deaths = mortal.deaths;
      return tally satisfies ChapterTally;
    },
  };
}

interface Expected {
  readonly bytes: Uint8Array<SharedArrayBuffer>;
  readonly frames: number;
  readonly digest: string;
}

let expected: Promise<Expected> | undefined;

/** What one thread makes of the capture. */
function expectedOf(): Promise<Expected> {
  expected ??= (async () => {
    const { bytes, frames } = memoryCapture([64, 300, 1514], 3 << 20);
    await using dataplane = await createDataplane({ workers: 0 });
    const sink = new HashSink();
    await dataplane.processCapture(bytes, STAGES, sink);
    return { bytes: bytes as Uint8Array<SharedArrayBuffer>, frames, digest: sink.digest };
  })();
  return expected;
}

class HashSink implements CaptureOutput {
  readonly #hash = createHash("sha1");

  async write(bytes: Uint8Array): Promise<void> {
    this.#hash.update(bytes);
  }

  async close(): Promise<void> {}

  async abort(): Promise<void> {}

  get digest(): string {
    return this.#hash.digest("hex");
  }
}

async function oneCapture(dataplane: Dataplane, wanted: Expected, context: ChapterContext): Promise<number> {
  const { next, fault } = context;
  const { bytes, frames, digest } = wanted;
  const sink = new HashSink();
  // On a SharedArrayBuffer workers read it themselves; in pieces this thread does.
  const source = next(2) === 0 ? bytes : pieces(bytes, 1 + next(1 << 20));
  const stop = new AbortController();
  const given = next(8) === 0;
  try {
    const { received, forwarded, dropped, drops } = await dataplane.processCapture(source, STAGES, sink, {
      signal: stop.signal,
      onProgress: () => {
        if (given && next(3) === 0) stop.abort(GIVEN_UP);
      },
    });
    const lost = drops["worker-died"] ?? 0;
    const told = `${received} of ${frames} received, ${forwarded} forwarded, ${JSON.stringify(drops)}`;
    if (received !== frames || forwarded + dropped !== received || dropped !== lost)
      fault(`frames are missing: ${told}`);
    if (lost === 0 && sink.digest !== digest) fault(`the output is not that of one thread: ${told}`);
  } catch (error) {
    if (error !== GIVEN_UP) throw error;
  }
  return frames;
}

const GIVEN_UP = new Error("given up");

function* pieces(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size);
}
