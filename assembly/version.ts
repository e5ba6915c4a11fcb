import { LAYOUT_VERSION } from "../src/layout/version.generated";

/** Which layout this module was built for: the loader refuses another. */
export function layoutVersion(): u32 {
  return LAYOUT_VERSION;
}
