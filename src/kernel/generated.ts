// Code that is no kernel's, for kernels to call: filters that were generated while the program runs, and modules of the
// user's own. It is the one thing beside the memory that kernels import.
//
// The bytes of such code lie in the kernels' memory, behind the stages that run it. So every thread finds them where
// the stages are, and makes an instance of its own the first time it gets there: nobody has to be told of a new filter.

import { StageError } from "../core/stage-error.ts";
import {
  CODE_FAILED,
  CODE_ID,
  CODE_ID_HIGH,
  CODE_LENGTH,
  CODE_START,
  MODULE_DEBUG,
  MODULE_HEADROOM,
  MODULE_NAME,
  MODULE_NAME_LENGTH,
  OPERATION_FILTER,
  STAGE_FLAGS,
  STAGE_OPERATION,
} from "../layout/stage.layout.ts";
import { BurstCheck, type Drop } from "./burst-check.ts";

/** What such code exports as `run`; a filter takes three arguments, a module all of them. */
type Run = (
  descriptors: number,
  count: number,
  at: number,
  state: number,
  counters: number,
) => number | undefined;

interface Instance {
  readonly id: readonly [number, number];
  readonly run: Run;
}

/** Records whose instances are kept; when there are more, all are made anew as they are needed. */
const KEPT_MOST = 256;

/** What kernels on one memory call, in one thread. */
export class GeneratedCode {
  /** How modules drop a frame: the kernels' own function, once there is an instance of them. */
  drop: unknown;
  readonly #memory: WebAssembly.Memory;
  readonly #words: Uint32Array;
  readonly #kept: Map<number, Instance> = new Map();
  #failure: StageError | undefined;

  constructor(memory: WebAssembly.Memory) {
    this.#memory = memory;
    this.#words = new Uint32Array(memory.buffer);
  }

  /**
   * Runs the code of a stage over a burst. Kernels are not to be unwound: they would leave their own work undone. So
   * they are told of what was thrown, finish the burst without its frames, and `check()` throws it.
   */
  run(
    address: number,
    descriptors: number,
    count: number,
    at: number,
    state: number,
    counters: number,
  ): number {
    const stage = address >>> 0;
    try {
      let instance = this.#kept.get(stage);
      // Another pipeline may lie there by now.
      if (
        instance === undefined ||
        instance.id[0] !== this.#word(stage + CODE_ID) ||
        instance.id[1] !== this.#word(stage + CODE_ID_HIGH)
      )
        instance = this.#instanceAt(stage);
      return instance.run(descriptors >>> 0, count, at >>> 0, state >>> 0, counters >>> 0) ?? 0;
    } catch (cause) {
      // Nobody knows what state it is in: the next burst gets a new one.
      this.#kept.delete(stage);
      this.#failure ??= new StageError(this.#nameAt(stage), cause);
      return CODE_FAILED;
    }
  }

  /** @throws StageError, once, if the code of a stage has failed since this was last called. */
  check(): void {
    if (this.#failure === undefined) return;
    const failure = this.#failure;
    this.#failure = undefined;
    throw failure;
  }

  #instanceAt(stage: number): Instance {
    const start = stage + this.#word(stage + CODE_START);
    // A copy, because compilers refuse shared memory.
    const bytes = new Uint8Array(this.#memory.buffer, start, this.#word(stage + CODE_LENGTH)).slice();
    const instance: Instance = {
      id: [this.#word(stage + CODE_ID), this.#word(stage + CODE_ID_HIGH)],
      run: this.#runOf(stage, new WebAssembly.Module(bytes)),
    };
    if (this.#kept.size >= KEPT_MOST) this.#kept.clear();
    this.#kept.set(stage, instance);
    return instance;
  }

  #runOf(stage: number, module: WebAssembly.Module): Run {
    const runWith = (drop: unknown): Run => {
      const { exports } = new WebAssembly.Instance(module, {
        env: { memory: this.#memory },
        frameferry: { drop: drop as WebAssembly.ImportValue },
      });
      return (exports as unknown as { readonly run: Run }).run;
    };
    if (this.#isFilter(stage)) return runWith(this.drop);
    if ((this.#word(stage + STAGE_FLAGS) & MODULE_DEBUG) === 0) {
      const run = runWith(this.drop);
      // What a module returns says nothing.
      return (...values) => void run(...values);
    }
    const check = new BurstCheck(this.#words, this.#word(stage + MODULE_HEADROOM), this.drop as Drop);
    const run = runWith(check.drop.bind(check));
    return (...values) => {
      check.begin(values[0], values[1]);
      try {
        run(...values);
        check.end();
      } catch (error) {
        check.undo();
        throw error;
      }
      return undefined;
    };
  }

  #isFilter(stage: number): boolean {
    return this.#word(stage + STAGE_OPERATION) === OPERATION_FILTER;
  }

  #nameAt(stage: number): string {
    if (this.#isFilter(stage)) return "filter";
    const name = stage + MODULE_NAME;
    const bytes = new Uint8Array(this.#memory.buffer, name, this.#word(stage + MODULE_NAME_LENGTH));
    return String.fromCharCode(...bytes);
  }

  #word(address: number): number {
    return this.#words[address >>> 2] as number;
  }
}
