// The two ends of each kind of ring, in the same shape, so that one program drives all of them from either thread.

import { attachKernels, DescriptorRing, type Kernels } from "../../src/index.ts";
import { AtomicsRing } from "./atomics-ring.ts";

export type RingKind = "kernel" | "class" | "atomics";

/** Items of a burst, and of a ring. */
export const BURST = 32;
export const CAPACITY = 1024;
/** Items that go from thread to thread in one pass. */
export const STREAM: number = 1 << 18;

export interface RingEnds {
  /** The burst that is pushed, and the one that was popped. */
  readonly sent: Uint32Array;
  readonly received: Uint32Array;
  /** Pushes from item `first` of the burst on; returns how many were taken. */
  push(first: number): number;
  pop(): number;
}

/** What another thread needs to open the same ring; it may be posted. */
export interface RingAddress {
  readonly kind: RingKind;
  readonly module?: WebAssembly.Module;
  readonly memory?: WebAssembly.Memory;
  readonly ring: number;
  /** The producer's burst and the consumer's, where kernels find it. */
  readonly bursts: readonly [number, number];
  readonly buffer?: SharedArrayBuffer;
}

export function makeRing(kernels: Kernels, kind: RingKind): RingAddress {
  if (kind === "atomics") {
    return { kind, ring: 0, bursts: [0, 0], buffer: new AtomicsRing(CAPACITY).buffer };
  }
  const { module, memory, plan } = kernels;
  const burst = (): number => plan.reserve("a burst", BURST * 4);
  const ring = DescriptorRing.create(kernels, { capacity: CAPACITY }).address;
  return { kind, module, memory, ring, bursts: [burst(), burst()] };
}

export async function openRing(address: RingAddress): Promise<RingEnds> {
  const { kind, module, memory, ring, bursts, buffer } = address;
  if (kind === "atomics") {
    const ends = new AtomicsRing(CAPACITY, buffer!);
    const sent = new Uint32Array(BURST);
    const received = new Uint32Array(BURST);
    return {
      sent,
      received,
      push: (first) => ends.push(sent, first, BURST - first),
      pop: () => ends.pop(received),
    };
  }
  const kernels = await attachKernels(module!, memory!);
  if (kind === "class") {
    const ends = DescriptorRing.open(kernels, ring);
    const sent = new Uint32Array(BURST);
    const received = new Uint32Array(BURST);
    return {
      sent,
      received,
      push: (first) => ends.push(first === 0 ? sent : sent.subarray(first)),
      pop: () => ends.popInto(received),
    };
  }
  const { ringPush, ringPop } = kernels.functions;
  const [out, into] = bursts;
  return {
    sent: new Uint32Array(memory!.buffer, out, BURST),
    received: new Uint32Array(memory!.buffer, into, BURST),
    push: (first) => ringPush(ring, out + 4 * first, BURST - first),
    pop: () => ringPop(ring, into, BURST),
  };
}
