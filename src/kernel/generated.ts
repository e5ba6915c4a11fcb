// Code that was generated while the program runs, for kernels to call: the one thing beside the memory that they import.
//
// The bytes of such a module lie in the kernels' memory, behind the stages that run it. So every thread finds them where
// the stages are, and makes an instance of its own the first time it gets there: nobody has to be told of a new filter.

import { FILTER_CODE, FILTER_CODE_LENGTH, FILTER_ID, FILTER_ID_HIGH } from "../layout/stage.layout.ts";

/** What a generated module exports as `run`. */
type Generated = (descriptors: number, count: number, passed: number) => number;

interface Instance {
  readonly id: readonly [number, number];
  readonly run: Generated;
}

/** Records whose modules are kept; when there are more, all are made anew as they are needed. */
const KEPT_MOST = 256;

/** The function by which kernels on `memory` call what was generated; each thread has one. */
export function generatedRunner(
  memory: WebAssembly.Memory,
): (stage: number, descriptors: number, count: number, passed: number) => number {
  const words = new Uint32Array(memory.buffer);
  const kept = new Map<number, Instance>();
  const instanceAt = (stage: number): Instance => {
    const word = (offset: number): number => words[(stage + offset) >>> 2] as number;
    const start = stage + word(FILTER_CODE);
    // A copy, because compilers refuse shared memory.
    const bytes = new Uint8Array(memory.buffer, start, word(FILTER_CODE_LENGTH)).slice();
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } });
    const instance: Instance = {
      id: [word(FILTER_ID), word(FILTER_ID_HIGH)],
      run: (exports as unknown as { readonly run: Generated }).run,
    };
    if (kept.size >= KEPT_MOST) kept.clear();
    kept.set(stage, instance);
    return instance;
  };
  return (address, descriptors, count, passed) => {
    const stage = address >>> 0;
    let instance = kept.get(stage);
    // Another pipeline may lie there by now.
    if (
      instance === undefined ||
      instance.id[0] !== words[(stage + FILTER_ID) >>> 2] ||
      instance.id[1] !== words[(stage + FILTER_ID_HIGH) >>> 2]
    )
      instance = instanceAt(stage);
    return instance.run(descriptors, count, passed);
  };
}
