// The one memory: what lies below every planned region.

/** Constants of the kernels' module end below this address; the plan's first region starts here. */
export const KERNEL_STATIC_END = 4096;
/** Every region starts on a cache line. */
export const CACHE_LINE = 64;
/** Kernels copy in steps of 16 bytes and may write this much past a region's end: the plan leaves it free. */
export const REGION_SLACK = 64;
export const PAGE_LENGTH = 65536;
export const PAGES_MAXIMUM = 65536;
/** Changes with every change of what kernels and TypeScript must agree on. */
export const LAYOUT_VERSION = 5;
