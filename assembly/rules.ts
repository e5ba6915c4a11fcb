// A rule table: the first rule that matches says what becomes of a frame.
//
// Chunks of a burst go through one step after the other: keys, tuples that can match, slots, rules, what they say. Every frame
// of a chunk is in the same step at once.

import { DESCRIPTOR_LENGTH, DESCRIPTOR_MARK, DESCRIPTOR_WIRE_LENGTH } from "../src/layout/descriptor.layout";
import { DROP_RULE } from "../src/layout/drop.layout";
import {
  CHUNK,
  FOUND_LENGTH,
  KEY_BEST,
  KEY_DESCRIPTOR,
  KEY_LENGTH,
  RULE_COUNTER,
  RULE_DROPS,
  RULE_LENGTH,
  RULE_MARK,
  RULE_MARKS,
  RULE_VERDICT,
  RULES_ASK_OTHERS,
  RULES_CROWD_BLOCKS,
  RULES_OTHERWISE,
  RULES_ROOT,
  RULES_RULES,
  RULES_SCRATCH,
  SCRATCH_FOUND,
  SCRATCH_STACK,
} from "../src/layout/rules.layout";
import { drop } from "./frameferry";
import { beginCrowd, endCrowd } from "./rule-crowd";
import { readKeys } from "./rule-key";
import { firstRule } from "./rule-search";
import { askCells, probeTuples, pruneTuples } from "./rule-tuples";

/** Where the data lies, from the parameters on, is said so far in front of them. */
const DATA_WORD: usize = 16;

/** What a pipeline calls once a burst: docs/own-stages.md. The bytes of frames stay as they are: none counts as changed. */
export function run(descriptors: usize, count: u32, parameters: usize, state: usize, counters: usize): void {
  const data: usize = parameters + load<u32>(parameters - DATA_WORD);
  const scratch: usize = state + load<u32>(data, RULES_SCRATCH);
  const all = load<u32>(data, RULES_ASK_OTHERS) !== 0;
  const otherwise = load<u32>(data, RULES_OTHERWISE);
  const end: usize = descriptors + count * DESCRIPTOR_LENGTH;
  for (let chunk = descriptors; chunk < end; chunk += CHUNK * DESCRIPTOR_LENGTH) {
    const last = min<usize>(end, chunk + CHUNK * DESCRIPTOR_LENGTH);
    const frames = readKeys(chunk, last, scratch, all, otherwise);
    decide(data, scratch, frames);
    apply(data, state, scratch, frames, counters);
  }
}

/** Writes the number of the deciding rule into each key. */
function decide(data: usize, scratch: usize, frames: u32): void {
  const rules: usize = data + load<u32>(data, RULES_RULES);
  const root = load<u32>(data, RULES_ROOT);
  const stack: usize = scratch + SCRATCH_STACK;
  if (root !== 0) {
    const end: usize = scratch + <usize>frames * KEY_LENGTH;
    for (let key = scratch; key < end; key += KEY_LENGTH) {
      const best = load<u32>(key, KEY_BEST * 4);
      store<u32>(key, firstRule(data, root, rules, key, stack, best), KEY_BEST * 4);
    }
    return;
  }
  const crowded = load<u32>(data, RULES_CROWD_BLOCKS) !== 0;
  if (crowded) beginCrowd(data, scratch, frames);
  pruneTuples(data, scratch, frames);
  if (crowded) endCrowd(data, scratch, frames);
  const cells = probeTuples(data, scratch, frames);
  const list: usize = scratch + SCRATCH_FOUND + <usize>cells * FOUND_LENGTH;
  const nodes = askCells(data, rules, scratch, cells, list);
  const end: usize = list + <usize>nodes * FOUND_LENGTH;
  for (let at = list; at < end; at += FOUND_LENGTH) {
    const key: usize = load<u32>(at);
    const best = load<u32>(key, KEY_BEST * 4);
    store<u32>(key, firstRule(data, load<u32>(at, 4), rules, key, stack, best), KEY_BEST * 4);
  }
}

/** Counts, marks, and drops: what is dropped is listed first, so that the loop over all frames calls nothing. */
function apply(data: usize, state: usize, scratch: usize, frames: u32, counters: usize): void {
  const rules: usize = data + load<u32>(data, RULES_RULES);
  const keysEnd: usize = scratch + <usize>frames * KEY_LENGTH;
  const list: usize = scratch + SCRATCH_FOUND;
  let end = list;
  for (let key = scratch; key < keysEnd; key += KEY_LENGTH) {
    const d: usize = load<u32>(key, KEY_DESCRIPTOR * 4);
    const rule: usize = rules + <usize>load<u32>(key, KEY_BEST * 4) * RULE_LENGTH;
    const counter: usize = state + load<u32>(rule, RULE_COUNTER);
    store<u64>(counter, load<u64>(counter) + 1);
    store<u64>(counter, load<u64>(counter, 8) + <u64>load<u32>(d, DESCRIPTOR_WIRE_LENGTH), 8);
    const verdict = load<u32>(rule, RULE_VERDICT);
    const mark = load<u32>(d, DESCRIPTOR_MARK);
    store<u32>(d, select(load<u32>(rule, RULE_MARK), mark, (verdict & RULE_MARKS) !== 0), DESCRIPTOR_MARK);
    store<u32>(end, <u32>d);
    end += (<usize>(verdict & RULE_DROPS)) << 2;
  }
  for (let at = list; at < end; at += 4) drop(load<u32>(at), DROP_RULE, counters);
}
