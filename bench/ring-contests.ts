// Descriptor rings: bursts of 32 in and out on one thread, and a stream from one thread to another. Nobody
// sleeps: both ends spin, so that what is measured is the ring and not the system's waking of threads.

import { Worker } from "node:worker_threads";
import { DescriptorRing, type Kernels, loadKernels } from "../src/index.ts";
import { C, type Contest, FRAMEFERRY } from "./contests.ts";
import type { NativePeer } from "./native.ts";
import type { NativePeers } from "./native-peers.ts";
import { AtomicsRing } from "./peers/atomics-ring.ts";
import {
  BURST,
  CAPACITY,
  makeRing,
  openRing,
  type RingEnds,
  type RingKind,
  STREAM,
} from "./peers/ring-ends.ts";
import { type Contender, contender } from "./rounds.ts";

export const RING_ONE_THREAD = "descriptor ring, bursts of 32, one thread";
export const RING_TWO_THREADS = "descriptor ring, bursts of 32, thread to thread";
export const RTE_RING = "rte_ring SP/SC bulk";
/** Bursts of one pass on one thread. */
const BURSTS = 512;

const KINDS: readonly (readonly [string, RingKind])[] = [
  [FRAMEFERRY, "kernel"],
  ["frameferry DescriptorRing", "class"],
  ["JavaScript, Atomics", "atomics"],
];

export async function* ringContests(
  native: NativePeers | undefined,
  wanted: (group: string) => boolean,
): AsyncGenerator<Contest> {
  const natives: readonly (readonly [string, NativePeer | undefined])[] = [
    [C, native?.ring],
    ["C, sequentially consistent", native?.ringSequential],
    [RTE_RING, native?.rteRing],
    ["rte_ring SP/SC bulk, pointers", native?.rteRingPointers],
  ];
  const fromNatives = (items: number, task: string): Contender[] =>
    natives.flatMap(([name, peer]) => (peer === undefined ? [] : [peer.contender(name, items, task)]));
  const kernels = await loadKernels({ memoryBytes: 1 << 20 });
  if (wanted(RING_ONE_THREAD)) {
    const passes = [inAndOutOfKernel(kernels), inAndOutOfClass(kernels), inAndOutOfAtomics()];
    const contenders = KINDS.map(([name], i) => contender(name, BURST * BURSTS, passes[i]!));
    contenders.push(...fromNatives(BURST * BURSTS, "one-thread"));
    yield { group: RING_ONE_THREAD, bytes: 0, contenders };
  }
  if (wanted(RING_TWO_THREADS)) {
    const threads: Worker[] = [];
    try {
      const contenders = await Promise.all(
        KINDS.map(async ([name, kind]) => {
          const address = makeRing(kernels, kind);
          const asked = new Int32Array(new SharedArrayBuffer(4));
          const producer = new URL("peers/ring-producer.js", import.meta.url);
          threads.push(new Worker(producer, { workerData: { address, asked } }));
          return contender(name, STREAM, stream(await openRing(address), asked));
        }),
      );
      contenders.push(...fromNatives(STREAM, "two-threads"));
      yield { group: RING_TWO_THREADS, bytes: 0, contenders };
    } finally {
      await Promise.all(threads.map((thread) => thread.terminate()));
    }
  }
  await native?.assertRings();
}

/** The kernels as they are meant to be called, without a closure between. */
function inAndOutOfKernel(kernels: Kernels): () => void {
  const { ringPush, ringPop } = kernels.functions;
  const { ring, bursts } = makeRing(kernels, "kernel");
  const [out, into] = bursts;
  const { words } = kernels;
  return () => {
    for (let i = 0; i < BURSTS; i++) {
      words[out >>> 2] = i + 1;
      if (ringPush(ring, out, BURST) !== BURST || ringPop(ring, into, BURST) !== BURST) throw lost();
      if (words[into >>> 2] !== i + 1) throw lost();
    }
  };
}

function inAndOutOfClass(kernels: Kernels): () => void {
  const ring = DescriptorRing.create(kernels, { capacity: CAPACITY });
  const sent = new Uint32Array(BURST);
  const received = new Uint32Array(BURST);
  return () => {
    for (let i = 0; i < BURSTS; i++) {
      sent[0] = i + 1;
      if (ring.push(sent) !== BURST || ring.popInto(received) !== BURST || received[0] !== i + 1)
        throw lost();
    }
  };
}

function inAndOutOfAtomics(): () => void {
  const ring = new AtomicsRing(CAPACITY);
  const sent = new Uint32Array(BURST);
  const received = new Uint32Array(BURST);
  return () => {
    for (let i = 0; i < BURSTS; i++) {
      sent[0] = i + 1;
      if (ring.push(sent, 0, BURST) !== BURST || ring.pop(received) !== BURST || received[0] !== i + 1)
        throw lost();
    }
  };
}

function stream({ received, pop }: RingEnds, asked: Int32Array): () => void {
  return () => {
    Atomics.add(asked, 0, 1);
    Atomics.notify(asked, 0);
    for (let next = 0; next < STREAM; ) {
      const count = pop();
      for (let i = 0; i < count; i++) if (received[i] !== next + i) throw lost();
      next += count;
    }
  };
}

function lost(): Error {
  return new Error("descriptor ring: items were lost or changed");
}
