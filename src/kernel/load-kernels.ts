// Loading: from the module inside the JavaScript, or from one that is given.

import { knownKeys, wholeNumber } from "../core/arguments.ts";
import { PAGE_LENGTH, PAGES_MAXIMUM } from "../layout/memory.layout.ts";
import { attachKernels, createMemory, type Kernels } from "./kernels.ts";
import { compileModule, type WasmSource } from "./module.ts";

export interface LoadOptions {
  /**
   * Size of the memory in bytes, rounded up to 64 KiB; it never grows. Default 64 MiB.
   * Systems hand pages out when they are first written, so room to spare costs address space only.
   */
  readonly memoryBytes?: number | undefined;
  /** The kernels' module, for pages whose content policy or bundler wants it as a file (`frameferry/frameferry.wasm`). */
  readonly wasm?: WasmSource | undefined;
}

const MEMORY_DEFAULT = 64 * 1024 * 1024;

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
  return await attachKernels(module, createMemory(memoryBytes));
}
