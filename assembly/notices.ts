// Which stage dropped a frame: noted in the frame's descriptor, where somebody wants to know, and told in a notice.
//
// Stages do not know which they are. So a burst is looked through behind each stage that dropped something: only then, and
// only where notices are asked for.

import {
  DESCRIPTOR_FLOOR,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_LINK,
  DESCRIPTOR_MARK,
  DESCRIPTOR_REASON,
  DESCRIPTOR_TRAILER,
  DESCRIPTOR_VERDICT,
  DESCRIPTOR_WIRE_LENGTH,
  LINK_NOTED,
  VERDICT_DROP,
} from "../src/layout/descriptor.layout";
import {
  NOTICE,
  RECORD_FRAME_LENGTH,
  RECORD_HEADER_LENGTH,
  RECORD_MARK,
  RECORD_PORT,
  RECORD_REASON,
  RECORD_STAGE,
  RECORD_TIME,
  RECORD_TOTAL,
  RECORD_WIRE_LENGTH,
} from "../src/layout/ring.layout";

// Module state, so each thread has its own.
let noting: bool = false;

export function isNoting(): bool {
  return noting;
}

export function beginNoting(): void {
  noting = true;
}

export function endNoting(): void {
  noting = false;
}

/** Notes of all that was dropped since this was last called that `stage` did it. */
export function noteDropped(descriptors: usize, count: u32, stage: u32): void {
  const end: usize = descriptors + count * DESCRIPTOR_LENGTH;
  for (let d = descriptors; d < end; d += DESCRIPTOR_LENGTH) {
    if (load<u8>(d, DESCRIPTOR_VERDICT) !== VERDICT_DROP || load<u8>(d, DESCRIPTOR_LINK) === LINK_NOTED)
      continue;
    store<u8>(d, <u8>LINK_NOTED, DESCRIPTOR_LINK);
    store<u8>(d, <u8>stage, DESCRIPTOR_TRAILER);
  }
}

/**
 * Takes over what no stage sees, from the record that the frame came in: it ends where the frame's headroom begins. Without
 * `notes` nothing has been said there.
 */
export function copyNotes(out: usize, d: usize, notes: bool): void {
  if (!notes) {
    writeNoNotes(out);
    return;
  }
  const record: usize = load<u32>(d, DESCRIPTOR_FLOOR) - RECORD_HEADER_LENGTH;
  store<u32>(out, load<u32>(record, RECORD_PORT), RECORD_PORT);
  store<u64>(out, load<u64>(record, RECORD_TIME), RECORD_TIME);
}

/** Of a record of whose frame nothing has been said. */
export function writeNoNotes(out: usize): void {
  store<u32>(out, 0, RECORD_PORT);
  store<u64>(out, 0, RECORD_TIME);
}

/** Writes a notice in place of a frame that was dropped, and returns where the next record begins. */
export function writeNotice(out: usize, d: usize, notes: bool): usize {
  store<u32>(out, RECORD_HEADER_LENGTH, RECORD_TOTAL);
  store<u32>(out, NOTICE, RECORD_FRAME_LENGTH);
  store<u32>(out, load<u32>(d, DESCRIPTOR_WIRE_LENGTH), RECORD_WIRE_LENGTH);
  store<u32>(out, load<u32>(d, DESCRIPTOR_MARK), RECORD_MARK);
  store<u8>(out, load<u8>(d, DESCRIPTOR_REASON), RECORD_REASON);
  store<u8>(out, load<u8>(d, DESCRIPTOR_TRAILER), RECORD_STAGE);
  copyNotes(out, d, notes);
  return out + RECORD_HEADER_LENGTH;
}
