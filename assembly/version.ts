import { LAYOUT_VERSION } from "../src/layout/memory.layout";

/** Which layout this module was built for: the loader refuses another. */
export function layoutVersion(): u32 {
  return LAYOUT_VERSION;
}
