// The ring litmus: rings across real threads, every item and every byte looked at on the other side.

import type { Kernels } from "../../src/kernel/kernels.ts";
import { loadKernels } from "../../src/kernel/load-kernels.ts";
import {
  CURSOR_BURST,
  CURSOR_COUNTERS,
  CURSOR_DESCRIPTORS,
  CURSOR_JOURNAL,
  CURSOR_LENGTH,
  CURSOR_STAGES,
} from "../../src/layout/cursor.layout.ts";
import { DESCRIPTOR_LENGTH } from "../../src/layout/descriptor.layout.ts";
import {
  DOORBELL_LENGTH,
  JOURNAL_LENGTH,
  RING_HEAD,
  RING_HEAD_COPY,
  RING_TAIL,
  RING_TAIL_COPY,
} from "../../src/layout/ring.layout.ts";
import { compileStages } from "../../src/pipeline/compile.ts";
import { Program } from "../../src/pipeline/program.ts";
import { threadOf, type WorkerLike } from "../../src/platform/threads.ts";
import { ByteRing } from "../../src/ring/byte-ring.ts";
import { DescriptorRing } from "../../src/ring/descriptor-ring.ts";
import type { LitmusTask } from "./litmus-task.ts";

export interface LitmusCase {
  readonly kind: "items" | "bytes";
  readonly producers: number;
  /** Where producers and consumer work; "mixed": one producer here, the next there. Byte rings: wasm is a relay between. */
  readonly from: "js" | "wasm" | "mixed";
  readonly to: "js" | "wasm";
  readonly capacity: number;
  readonly burst: number;
  /** Items or frames in all. */
  readonly total: number;
  readonly pauses: boolean;
  readonly seed: number;
}

const SCRATCH = 4096;
const BURST = 256;

export function nameOf({ kind, producers, from, to, capacity, burst, total, pauses }: LitmusCase): string {
  const what = `${kind}, ${producers} producer${producers === 1 ? "" : "s"}, ${from} to ${to}`;
  return `${what}, capacity ${capacity}, bursts to ${burst}, ${total} in all${pauses ? ", with pauses" : ""}`;
}

/** The litmus on threads that `spawn` starts with the script `litmus-worker.js`; resolves with how many went through. */
export async function runLitmus(wanted: LitmusCase, spawn: () => WorkerLike): Promise<number> {
  const kernels = await loadKernels({ memoryBytes: 4 << 20 });
  const count = Math.ceil(wanted.total / wanted.producers);
  const tasks =
    wanted.kind === "items" ? itemTasks(kernels, wanted, count) : byteTasks(kernels, wanted, count);
  const workers: WorkerLike[] = [];
  try {
    await Promise.all(
      tasks.map((task) => {
        const worker = spawn();
        workers.push(worker);
        return outcome(worker, task);
      }),
    );
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
  return count * wanted.producers;
}

function outcome(worker: WorkerLike, task: LitmusTask): Promise<void> {
  return new Promise((resolve, reject) => {
    const { endpoint, onEnd } = threadOf(worker);
    onEnd((reason) => reject(new Error(`${task.role}: ${reason}`)));
    endpoint.addEventListener("message", ({ data }) => {
      const { failure } = data as { failure?: string };
      if (failure === undefined) resolve();
      else reject(new Error(`${task.role}: ${failure}`));
    });
    endpoint.postMessage(task);
  });
}

function itemTasks(kernels: Kernels, wanted: LitmusCase, count: number): LitmusTask[] {
  const { capacity, producers } = wanted;
  const ring = DescriptorRing.create(kernels, { capacity, manyProducers: producers > 1 });
  wrapSoon(kernels, ring.address, wanted.seed);
  const common = commonTask(kernels, wanted, count, ring.address);
  return [
    ...producersOf(kernels, wanted, common),
    { ...common, role: "consumer", side: wanted.to, scratch: kernels.plan.reserve("scratch", SCRATCH) },
  ];
}

function byteTasks(kernels: Kernels, wanted: LitmusCase, count: number): LitmusTask[] {
  const { capacity, producers, to } = wanted;
  const doorbell = kernels.plan.reserve("a relay's doorbell", DOORBELL_LENGTH);
  const others = kernels.plan.reserve("the others' doorbells", 2 * DOORBELL_LENGTH);
  const relayed = to === "wasm";
  const many = { capacity, manyProducers: producers > 1 };
  const receive = relayed
    ? ByteRing.create(kernels, many, { consumer: doorbell, producer: others })
    : ByteRing.create(kernels, many);
  wrapSoon(kernels, receive.address, wanted.seed);
  const common = commonTask(kernels, wanted, count, receive.address);
  const from = producersOf(kernels, wanted, { ...common, longest: Math.min(receive.longest, 200) });
  if (!relayed) return [...from, { ...common, role: "consumer" }];
  const transmit = ByteRing.create(
    kernels,
    { capacity },
    { consumer: others + DOORBELL_LENGTH, producer: doorbell },
  );
  wrapSoon(kernels, transmit.address, wanted.seed + 1);
  const relay: LitmusTask = {
    ...common,
    role: "relay",
    transmit: transmit.address,
    cursor: relayCursor(kernels),
    doorbell,
  };
  return [...from, relay, { ...common, role: "consumer", address: transmit.address }];
}

function relayCursor(kernels: Kernels): number {
  const { plan, words } = kernels;
  const program = new Program(kernels, compileStages([]));
  const state = program.open();
  const cursor = plan.reserve("a relay's cursor", CURSOR_LENGTH);
  const fields: readonly (readonly [number, number])[] = [
    [CURSOR_DESCRIPTORS, plan.reserve("a relay's descriptors", BURST * DESCRIPTOR_LENGTH)],
    [CURSOR_BURST, BURST],
    [CURSOR_STAGES, program.address],
    [CURSOR_COUNTERS, state.address],
    [CURSOR_JOURNAL, plan.reserve("a relay's journal", JOURNAL_LENGTH)],
  ];
  for (const [field, value] of fields) words[(cursor + field) >>> 2] = value;
  return cursor;
}

function producersOf(kernels: Kernels, { producers, from }: LitmusCase, common: LitmusTask): LitmusTask[] {
  return Array.from({ length: producers }, (_, producer) => ({
    ...common,
    producer,
    side: from === "mixed" ? (producer % 2 === 0 ? "js" : "wasm") : from,
    scratch: kernels.plan.reserve("scratch", SCRATCH),
    seed: common.seed + 1 + producer,
  }));
}

function commonTask(kernels: Kernels, wanted: LitmusCase, count: number, address: number): LitmusTask {
  const { kind, producers, burst, pauses, seed } = wanted;
  const none = { longest: 0, producer: 0, scratch: 0, transmit: 0, cursor: 0, doorbell: 0 };
  const { module, memory } = kernels;
  return {
    ...none,
    module,
    memory,
    role: "producer",
    side: "js",
    kind,
    address,
    producers,
    count,
    burst,
    pauses,
    seed,
  };
}

/** The counts of every other ring wrap around after a few thousand items. */
function wrapSoon({ words }: Kernels, ring: number, seed: number): void {
  if (seed % 2 === 0) return;
  for (const field of [RING_HEAD, RING_HEAD_COPY, RING_TAIL, RING_TAIL_COPY])
    words[(ring + field) >>> 2] = 2 ** 32 - 4096;
}
