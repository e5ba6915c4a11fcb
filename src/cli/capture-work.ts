// What runs captures through stages: this thread, or a dataplane. Most captures are small, and who waits for one waits for all
// that is loaded: workers, and what they need, only where they are asked for.

import { processCapture } from "../capture/process-capture.ts";
import type { Dataplane } from "../dataplane/dataplane.ts";
import { loadKernels } from "../kernel/load-kernels.ts";
import { Pipeline } from "../pipeline/pipeline.ts";

/** What commands need of a dataplane. */
export type CaptureWork = Pick<Dataplane, "processCapture" | "close">;

export async function openCaptureWork(options: {
  readonly workers: number;
  readonly memoryBytes: number;
}): Promise<CaptureWork> {
  if (options.workers > 0) {
    const { createDataplane } = await import("../dataplane/create-dataplane.ts");
    return await createDataplane(options);
  }
  const kernels = await loadKernels({ memoryBytes: options.memoryBytes });
  return {
    processCapture: async (source, stages, sink, running) => ({
      ...(await processCapture(source, new Pipeline(kernels, stages), sink, running)),
      workers: [],
    }),
    close: async () => {},
  };
}
