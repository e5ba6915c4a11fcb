// `frameferry/stages`: ready stages for pipelines, which run as stages of one's own do.

export type { ModuleStage } from "./pipeline/stages.ts";
export type { FrameMatcher } from "./port/mirror.ts";
export { type AnonymiseOptions, anonymise } from "./ready/anonymise.ts";
export type { Change, NumberRange } from "./ready/change.ts";
export { type DedupOptions, dedup } from "./ready/dedup.ts";
export { type MarkOptions, mark } from "./ready/mark.ts";
export {
  type MirrorStageOptions,
  mirrorStage,
  StageMirror,
} from "./ready/mirror-stage.ts";
export { type RateCounts, type RateKey, type RateOptions, rate, rateCounts } from "./ready/rate.ts";
export { type Changes, type RewriteOptions, rewrite } from "./ready/rewrite.ts";
export { type TruncateOptions, truncate } from "./ready/truncate.ts";
export type { RuleMatch, RuleProtocol } from "./rules/rule-match.ts";
export {
  type Rule,
  type RuleCount,
  type RuleCounts,
  type RuleTableOptions,
  ruleCounts,
  ruleTable,
} from "./rules/rule-table.ts";
