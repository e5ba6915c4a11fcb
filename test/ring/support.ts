// What the ring suites share: kernels, and rings whose counts start just before they wrap around.
import { type ByteRing, type DescriptorRing, type Kernels, loadKernels } from "frameferry";
import { RING_HEAD, RING_HEAD_COPY, RING_TAIL, RING_TAIL_COPY } from "../../src/layout/ring.layout.ts";

let loading: Promise<Kernels> | undefined;

export function kernels(): Promise<Kernels> {
  loading ??= loadKernels({ memoryBytes: 16 << 20 });
  return loading;
}

/** Lets the counts of an empty ring that nobody has used start at `count`. */
export function startAt(ring: DescriptorRing | ByteRing, count: number): void {
  for (const field of [RING_HEAD, RING_HEAD_COPY, RING_TAIL, RING_TAIL_COPY])
    ring.kernels.words[(ring.address + field) >>> 2] = count;
}
