// Labels of frames: what they came out of, by what was asked for.

import {
  BLOCK_LABEL,
  LABEL_ADDRESS,
  LABEL_BLOCK_BODY,
  LABEL_BLOCK_LENGTH,
  LABEL_IS,
  LABEL_KIND,
  LABEL_LENGTH,
  LABEL_NONE,
  LABEL_NUMBER,
  LABEL_REMOTE,
  LABELS_MAXIMUM,
} from "../src/layout/label.layout";
import {
  ANY_LABEL,
  ANY_LABELS,
  TAKEN_KIND,
  TAKEN_LENGTH,
  TAKEN_NUMBER,
  TAKEN_NUMBER_IS,
} from "../src/layout/stage.layout";
import { outermostHigh, outermostLow } from "./unwrap-ip";
import { NUMBER_VNI, stage } from "./unwrap-state";

/** The label of the frame in work; 0 if none is wanted. */
let label: usize = 0;

/** Begins with frame `index` of the burst, which has come out of nothing yet. */
export function startLabel(state: usize, index: usize): void {
  if (load<u8>(stage, ANY_LABEL) === LABEL_NONE || index >= <usize>LABELS_MAXIMUM) {
    label = 0;
    return;
  }
  label = state + load<u32>(stage, ANY_LABELS) + index * LABEL_LENGTH;
  store<u32>(label, LABEL_NONE, LABEL_IS);
}

/** Enters what the frame came out of: so many wrappings, which lie at `taken`. */
export function setLabel(taken: usize, count: u32): void {
  if (label === 0) return;
  const is: u32 = load<u8>(stage, ANY_LABEL);
  if (is === LABEL_REMOTE) {
    if ((outermostHigh | outermostLow) === 0) return;
    store<u64>(label, outermostHigh, LABEL_ADDRESS);
    store<u64>(label, outermostLow, LABEL_ADDRESS + 8);
  } else if (is === LABEL_KIND) {
    store<u32>(label, load<u32>(taken, TAKEN_KIND), LABEL_NUMBER);
  } else {
    let one: u32 = 0;
    while (one < count && load<u32>(taken + one * TAKEN_LENGTH, TAKEN_NUMBER_IS) !== NUMBER_VNI) one++;
    if (one === count) return;
    store<u32>(label, load<u32>(taken + one * TAKEN_LENGTH, TAKEN_NUMBER), LABEL_NUMBER);
  }
  store<u32>(label, is, LABEL_IS);
}

/** Writes the block of the label at `from`, and returns where the next begins. */
export function writeLabel(out: usize, from: usize, swap: bool): usize {
  put(out, BLOCK_LABEL, swap);
  put(out + 4, LABEL_BLOCK_LENGTH, swap);
  const body = out + LABEL_BLOCK_BODY;
  put(body + LABEL_IS, load<u32>(from, LABEL_IS), swap);
  put(body + LABEL_NUMBER, load<u32>(from, LABEL_NUMBER), swap);
  store<u64>(body, load<u64>(from, LABEL_ADDRESS), LABEL_ADDRESS);
  store<u64>(body, load<u64>(from, LABEL_ADDRESS + 8), LABEL_ADDRESS + 8);
  put(out + LABEL_BLOCK_LENGTH - 4, LABEL_BLOCK_LENGTH, swap);
  return out + LABEL_BLOCK_LENGTH;
}

function put(at: usize, value: u32, swap: bool): void {
  store<u32>(at, swap ? bswap<u32>(value) : value);
}
