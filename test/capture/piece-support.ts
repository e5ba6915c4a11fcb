// What the suites of pieces share: kernels whose memory nobody else uses, and a look between the steps of another thread.
import { loadKernels } from "../../build/js/src/kernel/load-kernels.js";

export type Kernels = Awaited<ReturnType<typeof loadKernels>>;

export function kernels(): Promise<Kernels> {
  return loadKernels({ memoryBytes: 2 << 20 });
}

type Operation = "add" | "load" | "store";

/** Runs `body`, and `look` before each such operation on shared memory: what another thread may see in between. */
export function betweenSteps(operation: Operation, look: (index: number) => void, body: () => void): void {
  const original = Atomics[operation];
  let looking = false;
  const looked = (array: Int32Array, index: number, ...values: [number]): number => {
    // What the look does itself is not looked at.
    if (!looking) {
      looking = true;
      look(index);
      looking = false;
    }
    return original(array, index, ...values);
  };
  Object.assign(Atomics, { [operation]: looked });
  try {
    body();
  } finally {
    Object.assign(Atomics, { [operation]: original });
  }
}
