// Tables of rules: ordered, each with a verdict, a mark and counters. A table is data, good for any thread; who wants other
// rules makes another table.

import { ArgumentTypeError, under } from "../core/argument-error.ts";
import { checkFields, choice, type Fields, given, list, object, text, whole } from "../core/fields.ts";
import { bytesOfHex } from "../core/hex.ts";
import { RULES_COUNTER_LENGTH, RULES_COUNTERS } from "../layout/rules.layout.ts";
import type { ModuleStage } from "../pipeline/stages.ts";
import { askedOf, MATCH_NAMES, type RuleMatch } from "./rule-match.ts";
import { matchOfText } from "./rule-text.ts";
import { RULE_MODULE } from "./rules.generated.ts";
import { type WrittenRule, writeTable } from "./write-table.ts";

export interface Rule extends RuleMatch {
  /** The same as text, in place of the other fields: `"src net 10.0.0.0/8 and tcp dst port 80"`. */
  readonly match?: string | undefined;
  /** What becomes of the frame: it goes on, or is dropped as `rule`. Default `"forward"`. */
  readonly verdict?: "forward" | "drop" | undefined;
  /** The mark that the frame gets, 0 to 2^32 - 1. Default: it keeps the one that it has. */
  readonly mark?: number | undefined;
  /** Rules of higher priority are asked first, 0 to 65,535; those of one priority in the order of the list. Default 0. */
  readonly priority?: number | undefined;
}

export interface RuleTableOptions {
  /** What becomes of frames that no rule matches. Default `"forward"`. */
  readonly otherwise?: "forward" | "drop" | undefined;
  /** What the stage is called in errors. Default `"rule-table"`. */
  readonly name?: string | undefined;
}

/** Frames, and their bytes as they were on the wire. */
export interface RuleCount {
  readonly frames: number;
  readonly bytes: number;
}

export interface RuleCounts {
  /** Of each rule, in the order of the list. A frame is counted by the rule that decided, and by no other. */
  readonly rules: readonly RuleCount[];
  /** Of frames that no rule matched. */
  readonly unmatched: RuleCount;
}

const RULES_MAXIMUM = 65536;

const RULE_FIELDS: Fields<Rule, "verdict" | "priority"> = {
  match: text(),
  source: given("an address or a prefix"),
  destination: given("an address or a prefix"),
  protocol: given("the name of a protocol, or a number"),
  sourcePort: given("a port, or the first and the last"),
  destinationPort: given("a port, or the first and the last"),
  sourceMac: given("a MAC address"),
  destinationMac: given("a MAC address"),
  etherType: given("a type"),
  vlan: given("a VLAN"),
  verdict: { ...choice("forward", "drop"), fallback: "forward" },
  mark: whole(0, 0xffffffff),
  priority: { ...whole(0, 65535), fallback: 0 },
};

const OPTIONS_FIELDS: Fields<RuleTableOptions, "otherwise" | "name"> = {
  otherwise: { ...choice("forward", "drop"), fallback: "forward" },
  name: { ...text(), fallback: "rule-table" },
};

const RULES = list(object<Rule, "verdict" | "priority">(RULE_FIELDS), RULES_MAXIMUM);

let code: Uint8Array<ArrayBuffer> | undefined;
/** Of the code, not of a table: a thread that gets another table in the place of one goes on with the instance it has. */
let codeId: readonly number[] | undefined;

/**
 * A stage that looks for the first rule which matches a frame, and does what it says.
 * @throws ArgumentError that names the rule (from 0) and its field.
 */
export function ruleTable(rules: readonly Rule[], options: RuleTableOptions = {}): ModuleStage {
  const { otherwise, name } = checkFields<RuleTableOptions, "otherwise" | "name">(
    "options",
    OPTIONS_FIELDS,
    options,
  );
  const checked = RULES.check("rules", rules);
  const written = checked.map((rule, number): WrittenRule & { readonly priority: number } => {
    const { verdict, mark, priority = 0 } = rule;
    const asked = under(["rules", number], () => askedOf(matchOf(rule)));
    return { asked, drops: verdict === "drop", mark, number, priority };
  });
  // Sorting is stable.
  written.sort((a, b) => b.priority - a.priority);
  const countedBytes = RULES_COUNTERS + rules.length * RULES_COUNTER_LENGTH;
  const scratch = Math.ceil(countedBytes / 16) * 16;
  code ??= bytesOfHex(RULE_MODULE);
  codeId ??= [...crypto.getRandomValues(new Uint32Array(2))];
  const { data, scratchLength } = writeTable(written, otherwise === "drop", scratch);
  return {
    stage: "module",
    name,
    code,
    id: codeId,
    data,
    stateBytes: scratch + scratchLength,
    countedBytes,
  };
}

function matchOf(rule: Rule): RuleMatch {
  const { match } = rule;
  if (match === undefined) return rule;
  const other = MATCH_NAMES.find((name) => rule[name] !== undefined);
  if (other !== undefined)
    throw new ArgumentTypeError("contradiction", other, "what a rule is about is said by match already");
  return matchOfText("match", match);
}

/**
 * What the rules of a table have counted, summed over all threads: `modules` of the counters of a pipeline or a channel, or of
 * the summary of a capture, has what each stage of one's own has counted.
 */
export function ruleCounts({ values }: { readonly values: readonly number[] }): RuleCounts {
  const at = (index: number): RuleCount => ({
    frames: values[2 * index] ?? 0,
    bytes: values[2 * index + 1] ?? 0,
  });
  const rules = Array.from({ length: values.length / 2 - 1 }, (_, index) => at(index + 1));
  return { rules, unmatched: at(0) };
}
