// Loading: from the module inside the JavaScript, or from one that is given.

import { checkFields, type Fields, given, type Kind, whole } from "../core/fields.ts";
import { PAGE_LENGTH, PAGES_MAXIMUM } from "../layout/memory.layout.ts";
import { KERNELS } from "./kernels.generated.ts";
import { attachKernels, createMemory, type Kernels } from "./kernels.ts";
import { compileModule, type EmbeddedModule, type WasmSource } from "./module.ts";

export interface LoadOptions {
  /**
   * Size of the memory in bytes, rounded up to 64 KiB; it never grows. Default 64 MiB.
   * Systems hand pages out when they are first written, so room to spare costs address space only.
   */
  readonly memoryBytes?: number | undefined;
  /** The kernels' module, for pages whose content policy or bundler wants it as a file (`frameferry/frameferry.wasm`). */
  readonly wasm?: WasmSource | undefined;
}

/** What those who load kernels for others are told as well. */
export const KERNEL_FIELDS: { readonly memoryBytes: Kind<number>; readonly wasm: Kind<WasmSource> } = {
  memoryBytes: whole(2 * PAGE_LENGTH, PAGES_MAXIMUM * PAGE_LENGTH),
  // Checked where it is compiled.
  wasm: given("a WebAssembly.Module, its bytes, a URL or a Response"),
};

const LOAD_FIELDS: Fields<LoadOptions, "memoryBytes"> = {
  memoryBytes: { ...KERNEL_FIELDS.memoryBytes, fallback: 64 * 1024 * 1024 },
  wasm: KERNEL_FIELDS.wasm,
};

/**
 * Compiles the kernels and gives them a memory.
 * @throws TypeError or RangeError for options that cannot be, and for a module of another version.
 */
export function loadKernels(options: LoadOptions = {}): Promise<Kernels> {
  return loadFrom(KERNELS, options);
}

/** The same, with a module in which not all kernels are: apart, so that only what is loaded is in a bundle. */
export async function loadFrom(embedded: EmbeddedModule, options: LoadOptions): Promise<Kernels> {
  const { memoryBytes, wasm } = checkFields<LoadOptions, "memoryBytes">("options", LOAD_FIELDS, options);
  const module = await compileModule(wasm, embedded);
  return await attachKernels(module, createMemory(memoryBytes));
}
