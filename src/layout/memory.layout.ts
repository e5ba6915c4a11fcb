// The memory that all kernels work on, from its first byte.

/** Constants of the module end below here; the regions of the memory plan start here. */
export const KERNEL_STATIC_END = 4096;
