// A rule table: the first rule that matches says what becomes of a frame.

import {
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_MARK,
  DESCRIPTOR_VERDICT,
  DESCRIPTOR_WIRE_LENGTH,
  VERDICT_FORWARD,
} from "../src/layout/descriptor.layout";
import { DROP_RULE } from "../src/layout/drop.layout";
import {
  RULE_COUNTER,
  RULE_DROPS,
  RULE_LENGTH,
  RULE_MARK,
  RULE_MARKS,
  RULES_OTHERWISE,
  RULES_ROOT,
  RULES_RULES,
  RULES_SCRATCH,
  RULES_UNMATCHED,
} from "../src/layout/rules.layout";
import { drop } from "./frameferry";
import { readKey } from "./rule-key";
import { firstRule, NO_RULE } from "./rule-search";

/** Where the data lies, from the parameters on, is said so far in front of them. */
const DATA_WORD: usize = 16;

/** What a pipeline calls once a burst: docs/own-stages.md. The bytes of frames stay as they are: none counts as changed. */
export function run(descriptors: usize, count: u32, parameters: usize, state: usize, counters: usize): void {
  const data: usize = parameters + load<u32>(parameters - DATA_WORD);
  const rules: usize = data + load<u32>(data, RULES_RULES);
  const root = load<u32>(data, RULES_ROOT);
  const key: usize = state + load<u32>(data, RULES_SCRATCH);
  const dropsOthers = load<u32>(data, RULES_OTHERWISE) !== 0;
  const end: usize = descriptors + count * DESCRIPTOR_LENGTH;
  for (let d = descriptors; d < end; d += DESCRIPTOR_LENGTH) {
    if (load<u8>(d, DESCRIPTOR_VERDICT) !== VERDICT_FORWARD) continue;
    readKey(d, key);
    const number = firstRule(data, root, rules, key);
    const bytes: u64 = load<u32>(d, DESCRIPTOR_WIRE_LENGTH);
    if (number === NO_RULE) {
      countAt(state + RULES_UNMATCHED, bytes);
      if (dropsOthers) drop(d, DROP_RULE, counters);
      continue;
    }
    const rule: usize = rules + number * RULE_LENGTH;
    countAt(state + load<u32>(rule, RULE_COUNTER), bytes);
    if (load<u32>(rule, RULE_MARKS) !== 0) store<u32>(d, load<u32>(rule, RULE_MARK), DESCRIPTOR_MARK);
    if (load<u32>(rule, RULE_DROPS) !== 0) drop(d, DROP_RULE, counters);
  }
}

function countAt(counter: usize, bytes: u64): void {
  store<u64>(counter, load<u64>(counter) + 1);
  store<u64>(counter, load<u64>(counter, 8) + bytes, 8);
}
