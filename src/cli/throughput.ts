// How fast it is here and now, measured in about a second. The benchmark of the package takes more care.

import { cpus } from "node:os";
import {
  type CaptureSink,
  createDataplane,
  FrameBatch,
  type Kernels,
  Pipeline,
  processCapture,
  type Stage,
} from "../index.ts";
import { type CaptureRecord, CaptureWriter, type WritableItem } from "../pcap.ts";

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

export interface WorkersThroughput {
  /** A capture in memory, all tunnels of each frame taken off by workers. */
  readonly workers: {
    readonly workers: number;
    readonly frames: number;
    readonly frameBytes: number;
    readonly seconds: number;
  };
}

/** Measures with a `frame` that is wrapped twice, in the VXLAN of VPCs and within it in that of Kubernetes. */
export async function measureWorkers(
  workers: number,
  frame: Uint8Array,
): Promise<WorkersThroughput["workers"]> {
  const { pieces, sink } = inMemory([{ data: frame, timestamp: 0n }]);
  const stages: Stage[] = [
    { stage: "decapsulate", kind: "vxlan" },
    { stage: "decapsulate", kind: "vxlan", port: 8472 },
  ];
  const dataplane = await createDataplane({ workers });
  try {
    // Once to warm up: workers compile their kernels while they run.
    await dataplane.processCapture(pieces(PIECE_FRAMES), stages, sink);
    const start = performance.now();
    const { forwarded } = await dataplane.processCapture(pieces(CAPTURE_FRAMES), stages, sink);
    const milliseconds = performance.now() - start;
    if (forwarded !== CAPTURE_FRAMES) throw new Error("demo: the workers dropped frames");
    return {
      workers,
      frames: forwarded,
      frameBytes: frame.length,
      seconds: Math.round(milliseconds) / 1000,
    };
  } finally {
    await dataplane.close();
  }
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
  const { pieces, sink } = inMemory(packets);
  const start = performance.now();
  const { forwarded, fileBytesIn } = await processCapture(pieces(CAPTURE_FRAMES), pipeline, sink);
  const milliseconds = performance.now() - start;
  return { frames: forwarded, bytes: fileBytesIn, seconds: Math.round(milliseconds) / 1000 };
}

/** A capture that repeats some records, and a place that takes what is made of it. */
function inMemory(records: readonly WritableItem[]): {
  pieces(frames: number): Generator<Uint8Array, void, undefined>;
  readonly sink: CaptureSink;
} {
  const writer = new CaptureWriter({ format: "pcap" });
  const piece = repeated(records, PIECE_FRAMES);
  const first = writer.write(piece); // with the header of the file in front
  const further = writer.write(piece);
  function* pieces(frames: number): Generator<Uint8Array, void, undefined> {
    yield first;
    for (let done = PIECE_FRAMES; done < frames; done += PIECE_FRAMES) yield further;
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
  return { pieces, sink };
}

function repeated<T>(items: readonly T[], count: number): T[] {
  return Array.from({ length: count }, (_, index) => items[index % items.length] as T);
}
