// Code that is no kernel's, for kernels to call: filters that were generated while the program runs, and modules of the
// user's own. Beside the memory it is the one thing that kernels import, with the clock that such code may ask.
//
// The bytes of such code lie in the kernels' memory, behind the stages that run it. So every thread finds them where
// the stages are, and makes an instance of its own the first time it gets there: nobody has to be told of a new filter.

import { StageError } from "../core/stage-error.ts";
import { wallClock } from "../core/wall-clock.ts";
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
  MODULE_REASON,
  MODULE_SCRIPT,
  OPERATION_FILTER,
  STAGE_FLAGS,
  STAGE_OPERATION,
} from "../layout/stage.layout.ts";
import { LAYOUT_VERSION } from "../layout/version.generated.ts";
import { BurstCheck, type Drop } from "./burst-check.ts";
import type { KernelFunctions } from "./kernel-functions.ts";
import { makeScript } from "./scripts.ts";

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

/** What stands in memory in place of code for a stage in JavaScript. */
interface ScriptText {
  readonly script: string;
  readonly options?: unknown;
}

/** What such code may import beside the memory: functions of the kernels. */
export type StageServices = Pick<KernelFunctions, "drop" | "time" | "port">;

/** Records whose instances are kept; when there are more, all are made anew as they are needed. */
const KEPT_MOST = 256;

/** What kernels on one memory call, in one thread. */
export class GeneratedCode {
  /** Set as soon as there is an instance of the kernels. */
  services: StageServices | undefined;
  /** What the clock says, where somebody has said so. */
  time: bigint | undefined;
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

  /** For kernels. */
  clock(): bigint {
    return this.time ?? wallClock();
  }

  /** @throws StageError, once, if the code of a stage has failed since this was last called. */
  check(): void {
    if (this.#failure === undefined) return;
    const failure = this.#failure;
    this.#failure = undefined;
    throw failure;
  }

  #instanceAt(stage: number): Instance {
    const start = (stage + this.#word(stage + CODE_START)) >>> 0;
    // A copy, because compilers refuse shared memory.
    const bytes = new Uint8Array(this.#memory.buffer, start, this.#word(stage + CODE_LENGTH)).slice();
    const instance: Instance = {
      id: [this.#word(stage + CODE_ID), this.#word(stage + CODE_ID_HIGH)],
      run: this.#hasFlag(stage, MODULE_SCRIPT) ? this.#script(stage, bytes) : this.#runOf(stage, bytes),
    };
    if (this.#kept.size >= KEPT_MOST) this.#kept.clear();
    this.#kept.set(stage, instance);
    return instance;
  }

  #script(stage: number, bytes: Uint8Array): Run {
    const { script, options } = JSON.parse(new TextDecoder().decode(bytes)) as ScriptText;
    const run = makeScript(script, {
      layoutVersion: LAYOUT_VERSION,
      memory: this.#memory,
      ...this.#services,
      reason: this.#word(stage + MODULE_REASON),
      headroom: this.#word(stage + MODULE_HEADROOM),
      options,
    });
    return (descriptors, count, _, state, counters) => void run(descriptors, count, state, counters);
  }

  #runOf(stage: number, bytes: Uint8Array<ArrayBuffer>): Run {
    const module = new WebAssembly.Module(bytes);
    const services = this.#services;
    const runWith = (drop: Drop): Run => {
      const { exports } = new WebAssembly.Instance(module, {
        env: { memory: this.#memory },
        frameferry: { ...services, drop } as WebAssembly.ModuleImports,
      });
      return (exports as unknown as { readonly run: Run }).run;
    };
    if (this.#isFilter(stage)) return runWith(services.drop);
    if (!this.#hasFlag(stage, MODULE_DEBUG)) {
      const run = runWith(services.drop);
      // What a module returns says nothing.
      return (...values) => void run(...values);
    }
    const check = new BurstCheck(this.#words, this.#word(stage + MODULE_HEADROOM), services.drop);
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

  get #services(): StageServices {
    return this.services as StageServices;
  }

  #isFilter(stage: number): boolean {
    return this.#word(stage + STAGE_OPERATION) === OPERATION_FILTER;
  }

  /** A filter has none. */
  #hasFlag(stage: number, flag: number): boolean {
    return !this.#isFilter(stage) && (this.#word(stage + STAGE_FLAGS) & flag) !== 0;
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
