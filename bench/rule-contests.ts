// Tables of rules beside DPDK's rte_acl, which has the same rules: ns a packet of 64 bytes, bursts of 256. The frames are
// 16,384 others, so that no branch is foreseen for having been there before; what decides is compared before.

import { FrameBatch, type Kernels, Pipeline } from "../src/index.ts";
import { DESCRIPTOR_LENGTH } from "../src/layout/descriptor.layout.ts";
import { type Rule, ruleCounts, ruleTable } from "../src/stages.ts";
import type { Contest } from "./contests.ts";
import { Random } from "./frames.ts";
import type { NativePeers } from "./native-peers.ts";
import { contender } from "./rounds.ts";
import { type PlainRule, plainRules, RULE_SETS, type RuleSet, TRAFFIC } from "./rule-sets.ts";

export const RULES = "rule tables";
const BURST = 256;
const FRAMES = 16_384;
const FRAME = 64;

export async function* ruleContests(
  kernels: Kernels,
  native: NativePeers | undefined,
  wanted: (group: string) => boolean,
): AsyncGenerator<Contest> {
  if (!wanted(RULES)) return;
  for (const set of Object.keys(RULE_SETS) as RuleSet[])
    for (const count of [1000, 10_000]) {
      const rules = plainRules(set, count);
      const stage = ruleTable(rules.map(ruleOf));
      for (const [kind, frameOf] of Object.entries(TRAFFIC)) {
        const random = new Random(7);
        const frames = Array.from({ length: FRAMES }, () => frameOf(random, rules));
        using pipeline = new Pipeline(kernels, [stage]);
        const batches = batchesOf(kernels, frames);
        try {
          let next = 0;
          const renew = (): void => {
            next = (next + 1) % batches.length;
            const { start, fresh } = batches[next] as Batch;
            kernels.words.set(fresh, start);
          };
          const name = `${set}, ${count} rules, ${kind === "rules" ? "frames within rules" : "frames anywhere"}`;
          const contenders = [
            contender(`${name}`, BURST, () => void pipeline.run((batches[next] as Batch).batch), renew),
          ];
          const peer = native?.rteAcl;
          if (peer !== undefined && (await native?.loadRules(rulesFile(rules, frames)))) {
            await assertSameCounts(native as NativePeers, rules.length, pipeline, batches, kernels);
            contenders.push(peer.contender(`${name}, rte_acl`, BURST, "classify"));
          }
          yield { group: RULES, bytes: FRAME, contenders };
        } finally {
          for (const { batch } of batches) batch.close();
        }
      }
    }
}

interface Batch {
  readonly batch: FrameBatch;
  /** Where its descriptors lie, in words, and what they were. */
  readonly start: number;
  readonly fresh: Uint32Array;
}

function batchesOf(kernels: Kernels, frames: readonly Uint8Array[]): Batch[] {
  const batches: Batch[] = [];
  for (let at = 0; at < frames.length; at += BURST) {
    const batch = new FrameBatch(kernels, { frames: BURST, frameBytes: FRAME, headroom: 0 });
    batch.fill(frames.slice(at, at + BURST));
    const start = batch.descriptors >>> 2;
    batches.push({
      batch,
      start,
      fresh: kernels.words.slice(start, start + (BURST * DESCRIPTOR_LENGTH) / 4),
    });
  }
  return batches;
}

async function assertSameCounts(
  native: NativePeers,
  count: number,
  pipeline: Pipeline,
  batches: readonly Batch[],
  kernels: Kernels,
): Promise<void> {
  pipeline.resetCounters();
  for (const { batch, start, fresh } of batches) {
    pipeline.run(batch);
    kernels.words.set(fresh, start);
  }
  const [counts] = pipeline.counters().modules;
  const { rules, unmatched } = ruleCounts(counts as NonNullable<typeof counts>);
  const theirs = new Uint32Array(count + 1);
  for (const rule of await native.ruleAnswers()) theirs[rule] = (theirs[rule] as number) + 1;
  const at = [unmatched, ...rules].findIndex(({ frames }, rule) => frames !== theirs[rule]);
  if (at >= 0) throw new Error(`rule tables: rte_acl disagrees with frameferry about rule ${at - 1}`);
}

function ruleOf({ source, destination, protocol, sourcePort, destinationPort, drops }: PlainRule): Rule {
  const text = ([network, length]: readonly [number, number]): string =>
    `${[24, 16, 8, 0].map((shift) => (network >>> shift) & 255).join(".")}/${length}`;
  const isAny = ([first, last]: readonly [number, number]): boolean => first === 0 && last === 65535;
  return {
    ...(source[1] > 0 && { source: text(source) }),
    ...(destination[1] > 0 && { destination: text(destination) }),
    ...(protocol > 0 && { protocol }),
    ...(!isAny(sourcePort) && { sourcePort }),
    ...(!isAny(destinationPort) && { destinationPort }),
    verdict: drops ? "drop" : "forward",
  };
}

/** What bench/native/rte-acl.c loads. */
function rulesFile(rules: readonly PlainRule[], frames: readonly Uint8Array[]): Uint8Array {
  const [head, each] = [64, 32];
  const bytes = new Uint8Array(head + each * rules.length + FRAME * frames.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, rules.length, true);
  view.setUint32(4, frames.length, true);
  rules.forEach((rule, index) => {
    const at = head + each * index;
    [...rule.source, ...rule.destination].forEach((value, i) => {
      view.setUint32(at + 4 * i, value, true);
    });
    [...rule.sourcePort, ...rule.destinationPort].forEach((value, i) => {
      view.setUint16(at + 16 + 2 * i, value, true);
    });
    view.setUint32(at + 24, rule.protocol, true);
    view.setUint32(at + 28, rule.drops ? 1 : 0, true);
  });
  frames.forEach((frame, index) => {
    bytes.set(frame, head + each * rules.length + FRAME * index);
  });
  return bytes;
}
