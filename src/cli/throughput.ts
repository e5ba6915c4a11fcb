// How fast it is here and now, measured in about a second. The benchmark of the package takes more care.

import { cpus } from "node:os";
import { FrameBatch, type Kernels, Pipeline, processCapture, type Stage } from "../index.ts";
import { type CaptureRecord, CaptureWriter } from "../pcap.ts";

const BURST = 256;
/** Frames in each round of the kernels, and rounds. */
const FRAMES = 262144;
const ROUNDS = 5;
const CAPTURE_FRAMES = 300000;
/** Records in each piece in which the capture is handed over. */
const PIECE_FRAMES = 5000;

export interface Throughput {
  readonly node: string;
  readonly processor: string;
  /** Encapsulating and decapsulating each frame; a burst stays in the processor's cache. Median of the rounds. */
  readonly kernels: {
    readonly frames: number;
    readonly averageFrameBytes: number;
    readonly nsPerFrame: number;
  };
  /** A capture in memory, decapsulated into memory. */
  readonly capture: { readonly frames: number; readonly bytes: number; readonly seconds: number };
}

/** Measures with the `passengers` of a capture, and with its `packets` over and over. */
export async function measureThroughput(
  kernels: Kernels,
  passengers: readonly Uint8Array[],
  encapsulate: Stage,
  packets: readonly CaptureRecord[],
): Promise<Throughput> {
  return {
    node: process.version,
    processor: cpus()[0]?.model.trim() ?? "unknown",
    kernels: measureKernels(kernels, passengers, encapsulate),
    capture: await measureCapture(kernels, packets),
  };
}

function measureKernels(
  kernels: Kernels,
  passengers: readonly Uint8Array[],
  encapsulate: Stage,
): Throughput["kernels"] {
  const batch = new FrameBatch(kernels, { frames: BURST });
  const pipeline = new Pipeline(kernels, [encapsulate, { stage: "decapsulate", kind: "vxlan" }]);
  const burst = repeated(passengers, BURST);
  batch.fill(burst);
  const round = (): number => {
    const start = performance.now();
    for (let done = 0; done < FRAMES; done += BURST) pipeline.run(batch);
    return ((performance.now() - start) * 1e6) / FRAMES;
  };
  round(); // V8 optimises the kernels while they run
  const times = Array.from({ length: ROUNDS }, round).sort((a, b) => a - b);
  if (pipeline.counters().dropped > 0) throw new Error("demo: the kernels dropped frames");
  const bytes = burst.reduce((sum, frame) => sum + frame.length, 0);
  return {
    frames: FRAMES * ROUNDS,
    averageFrameBytes: Math.round(bytes / BURST),
    nsPerFrame: Math.round((times[ROUNDS >> 1] as number) * 10) / 10,
  };
}

async function measureCapture(
  kernels: Kernels,
  packets: readonly CaptureRecord[],
): Promise<Throughput["capture"]> {
  const pipeline = new Pipeline(kernels, [{ stage: "decapsulate", kind: "vxlan" }]);
  const writer = new CaptureWriter({ format: "pcap" });
  const piece = repeated(packets, PIECE_FRAMES);
  const first = writer.write(piece); // with the header of the file in front
  const further = writer.write(piece);
  function* pieces(): Generator<Uint8Array, void, undefined> {
    yield first;
    for (let done = PIECE_FRAMES; done < CAPTURE_FRAMES; done += PIECE_FRAMES) yield further;
  }
  let memory = new Uint8Array(1 << 21);
  const sink = {
    async write(bytes: Uint8Array): Promise<void> {
      if (bytes.length > memory.length) memory = new Uint8Array(bytes.length);
      memory.set(bytes);
    },
    async close(): Promise<void> {},
    async abort(): Promise<void> {},
  };
  const start = performance.now();
  const { forwarded, fileBytesIn } = await processCapture(pieces(), pipeline, sink);
  const milliseconds = performance.now() - start;
  return { frames: forwarded, bytes: fileBytesIn, seconds: Math.round(milliseconds) / 1000 };
}

function repeated<T>(items: readonly T[], count: number): T[] {
  return Array.from({ length: count }, (_, index) => items[index % items.length] as T);
}
