// A thread that takes a capture of its own through a pipeline, and shares nothing with any other: two of them get out of
// a machine what two workers could at most.

import { workerData } from "node:worker_threads";
import { type CaptureSink, createDataplane, type Stage } from "../../src/index.ts";
import { memoryCapture } from "../memory-capture.ts";

/** What a lone thread is told. */
export interface LoneWork {
  /** How often it was asked, and how often it was done. */
  readonly words: Int32Array;
  readonly sizes: readonly number[];
  /** Bytes of its capture. */
  readonly length: number;
  readonly stages: readonly Stage[];
}

const { words, sizes, length, stages } = workerData as LoneWork;
const bytes = Uint8Array.from(memoryCapture(sizes, length).bytes);
const dataplane = await createDataplane({ workers: 0 });
const sink: CaptureSink = {
  write: async () => {},
  close: async () => {},
  abort: async () => {},
  settles: true,
};
for (let answered = 0; ; ) {
  Atomics.wait(words, 0, answered);
  answered++;
  await dataplane.processCapture(bytes, stages, sink);
  Atomics.store(words, 1, answered);
  Atomics.notify(words, 1);
}
