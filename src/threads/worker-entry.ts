// What runs in a worker, in Node and in browsers: it waits to be asked. Built as one classic script.

import * as Comlink from "comlink";
import { ArgumentTypeError } from "../core/argument-error.ts";
import { attachKernels, createMemory } from "../kernel/kernels.ts";
import { loadScript } from "../kernel/scripts.ts";
import type { TransferJob } from "../lane/lane-job.ts";
import { holdLock, ownEndpoint, ownThreadNumber } from "../platform/threads.ts";
import type { WorkerControl, WorkerSetup } from "./protocol.ts";
import { TransferWorker } from "./transfer-worker.ts";
import { WorkerLoop } from "./worker-loop.ts";

let loop: WorkerLoop | undefined;
let transferWorker: TransferWorker | undefined;
/** Messages read while the loop was being made: what they close was never opened here, but they are to be counted off. */
let early = 0;

function read(): WorkerLoop | undefined {
  if (loop === undefined) early++;
  else loop.messagesRead(1);
  return loop;
}

const control: WorkerControl = {
  async start(setup: WorkerSetup) {
    await holdLock(setup.lock);
    if (setup.memory === undefined) {
      transferWorker = new TransferWorker(await attachKernels(setup.module, createMemory(setup.memoryBytes)));
      return ownThreadNumber();
    }
    loop = new WorkerLoop(await attachKernels(setup.module, setup.memory), setup);
    loop.messagesRead(1 + early);
    // A rejection would stay in this thread; an error that is thrown by a timer ends it, and is noticed.
    loop.run().catch((error: unknown) =>
      setTimeout(() => {
        throw error;
      }),
    );
    return ownThreadNumber();
  },
  async load(scripts) {
    try {
      await Promise.all(scripts.map(loadScript));
    } finally {
      // Not before: as long as there are messages the loop gives turns, which loading takes many of.
      read();
    }
  },
  openLane: (id, lane) => read()?.openLane(id, lane),
  closeLane: (id) => read()?.closeLane(id),
  replaceStage: (record, place) => read()?.replaceStage(record, place),
  openSource: (id, source) => read()?.openSource(id, source),
  closeSource: (id) => read()?.closeSource(id),
  work(job: TransferJob) {
    if (transferWorker === undefined)
      throw new ArgumentTypeError("unsupported", "work", "this worker has shared memory");
    const result = transferWorker.work(job);
    return Comlink.transfer(result, [result.bytes.buffer]);
  },
};

Comlink.expose(control, ownEndpoint() as unknown as Comlink.Endpoint);
