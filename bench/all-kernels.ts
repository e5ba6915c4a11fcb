// The kernels that the package does not call itself, for benchmarks and tests.

import type { AllKernelFunctions, KernelFunctions } from "../src/kernel/kernel-functions.ts";

export function allKernels({ functions }: { readonly functions: KernelFunctions }): AllKernelFunctions {
  return functions as AllKernelFunctions;
}
