// Encapsulation on whole batches: the outer headers are one template, written into the headroom.
//
// What differs from frame to frame (lengths, source port, checksums) is put into the template's
// vectors before they are stored: nothing that was just written is read back at another width.
// Kernels know outer IP and UDP and treat the tunnel header behind them as bytes: all kinds over UDP, options and
// all, are one to them. Of GRE they know where a checksum or a FlowID lies.

import { countChanged } from "./descriptor";
import { isPlainGreStage, isPlainStage, wrapPlain, wrapPlainGre } from "./encapsulate-plain";
import { wrapAll } from "./wrap";

export function encapsulate(descriptors: usize, count: u32, stage: usize, counters: usize): void {
  let changed: u64 = 0;
  if (isPlainStage(stage)) changed = wrapPlain(descriptors, count, stage, counters);
  else if (isPlainGreStage(stage)) changed = wrapPlainGre(descriptors, count, stage, counters);
  else changed = wrapAll(descriptors, count, stage, counters);
  countChanged(stage, counters, changed);
}
