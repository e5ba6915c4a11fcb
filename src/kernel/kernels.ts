// One memory, one module: everything else lives in a region of this memory and is worked on by these kernels.

import { ArgumentRangeError, ArgumentTypeError } from "../core/argument-error.ts";
import { wrongType } from "../core/arguments.ts";
import { PAGE_LENGTH } from "../layout/memory.layout.ts";
import { LAYOUT_VERSION } from "../layout/version.generated.ts";
import { GeneratedCode, type StageServices } from "./generated.ts";
import type { KernelFunctions } from "./kernel-functions.ts";
import { MemoryPlan } from "./memory-plan.ts";

/** The loaded kernels with their memory. Batches, pipelines and tables are made on it. */
export class Kernels {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly plan: MemoryPlan;
  /** The kernels themselves, for those who lay out memory on their own. */
  readonly functions: KernelFunctions;
  /** Views of the whole memory. It never grows, so they never go stale. */
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
  /** The same as signed words: what waiting and notifying take. */
  readonly signed: Int32Array;
  readonly view: DataView;
  readonly #code: GeneratedCode;

  /** Made by `loadKernels` and `attachKernels`. */
  constructor(
    module: WebAssembly.Module,
    memory: WebAssembly.Memory,
    functions: KernelFunctions,
    code: GeneratedCode,
  ) {
    this.module = module;
    this.memory = memory;
    this.functions = functions;
    this.#code = code;
    this.plan = new MemoryPlan(memory);
    this.bytes = new Uint8Array(memory.buffer);
    this.words = new Uint32Array(memory.buffer);
    this.signed = new Int32Array(memory.buffer);
    this.view = new DataView(memory.buffer);
  }

  /**
   * For those who have run stages: throws what one of the user's own has thrown meanwhile. Its burst is done with: what it
   * did not drop itself was dropped.
   * @throws StageError
   */
  checkStages(): void {
    this.#code.check();
  }

  /**
   * For those who run stages: what these are told when they ask for the time of frames that have none, in nanoseconds; undefined:
   * the clock's.
   */
  setTime(time: bigint | undefined): void {
    this.#code.time = time;
  }

  /** The 64-bit counter at `address`, exact up to 2^53. */
  counter(address: number): number {
    return this.view.getUint32(address, true) + this.view.getUint32(address + 4, true) * 2 ** 32;
  }
}

/** Returns `kernels` if that is what it is. */
export function expectKernels(kernels: unknown): Kernels {
  if (kernels instanceof Kernels) return kernels;
  throw wrongType("kernels", "what loadKernels() gives", kernels);
}

/** Throws if `value`, an argument `name` of `owner`, is not on the owner's `kernels`. */
export function expectSameKernels(
  name: string,
  value: { readonly kernels: Kernels },
  kernels: Kernels,
  owner: string,
): void {
  if (value.kernels !== kernels)
    throw new ArgumentRangeError("not-for-this", name, `it belongs to other kernels than the ${owner}`);
}

/**
 * The same kernels for another thread on a memory that exists. What it works on is planned elsewhere:
 * its `plan` must not hand anything out.
 */
export async function attachKernels(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
): Promise<Kernels> {
  const code = new GeneratedCode(memory);
  return new Kernels(module, memory, await instantiate(module, memory, code), code);
}

/** A memory of so many bytes, rounded up to whole pages. */
export function createMemory(memoryBytes: number): WebAssembly.Memory {
  const pages = Math.ceil(memoryBytes / PAGE_LENGTH);
  try {
    // Fixed: views stay good for ever, and a memory that could grow would have to be checked at every use.
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  } catch (cause) {
    throw new ArgumentRangeError(
      "unsupported",
      "memoryBytes",
      `this platform cannot give ${pages * PAGE_LENGTH} bytes`,
      { cause },
    );
  }
}

async function instantiate(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  code: GeneratedCode,
): Promise<KernelFunctions> {
  let functions: Partial<KernelFunctions>;
  try {
    const instance = await WebAssembly.instantiate(module, {
      env: { memory },
      generated: { runGenerated: code.run.bind(code), clock: code.clock.bind(code) },
    });
    functions = instance.exports as Partial<KernelFunctions>;
  } catch (cause) {
    throw new ArgumentTypeError("malformed", "wasm", "the module is not frameferry's", { cause });
  }
  const version = functions.layoutVersion?.();
  if (version !== LAYOUT_VERSION) {
    throw new ArgumentRangeError(
      "malformed",
      "wasm",
      `the module is of layout ${version ?? "unknown"}, this package needs ${LAYOUT_VERSION}: use the file of the same version`,
    );
  }
  code.services = { drop: functions.drop, time: functions.time, port: functions.port } as StageServices;
  return functions as KernelFunctions;
}
