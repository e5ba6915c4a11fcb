// The one memory: what lies below every planned region.

/** Constants of the kernels' module end below this address; the plan's first region starts here. */
export const KERNEL_STATIC_END = 4096;
/** Every region starts on a cache line. */
export const CACHE_LINE = 64;
/** Kernels copy in steps of 16 bytes and may write this much past a region's end: the plan leaves it free. */
export const REGION_SLACK = 64;
export const PAGE_LENGTH = 65536;
export const PAGES_MAXIMUM = 65536;
/**
 * Kernels of another layout are refused. The layout's version is made of the names and values of all constants here
 * (scripts/layout-version.mjs); this one goes up by hand when none of them changes, and yet kernels mean something else
 * by one, or take other arguments.
 */
export const MEANING_VERSION = 8;
