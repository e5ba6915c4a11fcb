// One memory, one module: everything else lives in a region of this memory and is worked on by these kernels.

import { knownKeys, wholeNumber } from "../core/arguments.ts";
import { LAYOUT_VERSION, PAGE_LENGTH, PAGES_MAXIMUM } from "../layout/memory.layout.ts";
import { MemoryPlan } from "./memory-plan.ts";
import { compileModule, type KernelFunctions, type WasmSource } from "./module.ts";

export interface LoadOptions {
  /**
   * Size of the memory in bytes, rounded up to 64 KiB; it never grows. Default 64 MiB.
   * Systems hand pages out when they are first written, so room to spare costs address space only.
   */
  readonly memoryBytes?: number;
  /** The kernels' module, for pages whose content policy or bundler wants it as a file (`frameferry/frameferry.wasm`). */
  readonly wasm?: WasmSource;
}

const MEMORY_DEFAULT = 64 * 1024 * 1024;

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
  readonly view: DataView;

  constructor(module: WebAssembly.Module, memory: WebAssembly.Memory, functions: KernelFunctions) {
    this.module = module;
    this.memory = memory;
    this.functions = functions;
    this.plan = new MemoryPlan(memory);
    this.bytes = new Uint8Array(memory.buffer);
    this.words = new Uint32Array(memory.buffer);
    this.view = new DataView(memory.buffer);
  }

  /** The 64-bit counter at `address`, exact up to 2^53. */
  counter(address: number): number {
    return this.view.getUint32(address, true) + this.view.getUint32(address + 4, true) * 2 ** 32;
  }
}

/** Returns `kernels` if that is what it is. */
export function expectKernels(kernels: unknown): Kernels {
  if (kernels instanceof Kernels) return kernels;
  throw new TypeError("kernels: expected what loadKernels() gives");
}

/**
 * Compiles the kernels and gives them a memory.
 * @throws TypeError or RangeError for options that cannot be, and for a module of another version.
 */
export async function loadKernels(options: LoadOptions = {}): Promise<Kernels> {
  knownKeys("options", options, ["memoryBytes", "wasm"]);
  const memoryBytes = wholeNumber(
    "memoryBytes",
    options.memoryBytes ?? MEMORY_DEFAULT,
    2 * PAGE_LENGTH,
    PAGES_MAXIMUM * PAGE_LENGTH,
  );
  const module = await compileModule(options.wasm);
  const pages = Math.ceil(memoryBytes / PAGE_LENGTH);
  const memory = createMemory(pages);
  const instance = await instantiate(module, memory);
  return new Kernels(module, memory, instance);
}

function createMemory(pages: number): WebAssembly.Memory {
  try {
    // Fixed: views stay good for ever, and a memory that could grow would have to be checked at every use.
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  } catch (cause) {
    throw new RangeError(`memoryBytes: this platform cannot give ${pages * PAGE_LENGTH} bytes`, { cause });
  }
}

async function instantiate(module: WebAssembly.Module, memory: WebAssembly.Memory): Promise<KernelFunctions> {
  let functions: Partial<KernelFunctions>;
  try {
    const instance = await WebAssembly.instantiate(module, { env: { memory } });
    functions = instance.exports as Partial<KernelFunctions>;
  } catch (cause) {
    throw new TypeError("wasm: the module is not frameferry's", { cause });
  }
  const version = functions.layoutVersion?.();
  if (version !== LAYOUT_VERSION) {
    throw new RangeError(
      `wasm: the module is of layout ${version ?? "unknown"}, this package needs ${LAYOUT_VERSION}: use the file of the same version`,
    );
  }
  return functions as KernelFunctions;
}
