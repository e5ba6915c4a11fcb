// Chains of questions about the same few fields become one question each: is it one of these? So fifty addresses cost six
// comparisons, and not fifty. The first question about each field stays where it is, since it may be the one that finds
// the frame too short; behind it the field is there, and order no longer matters.

import { type Decision, inOrder, type Target } from "./decide.ts";
import type { Test } from "./formula.ts";

/** Joins what can be joined, in place. */
export function joinMembers(root: Target): void {
  const order = inOrder(root);
  const leads = new Map<Target, number>();
  for (const { yes, no } of order) for (const to of [yes, no]) leads.set(to, (leads.get(to) ?? 0) + 1);
  const taken = new Set<Decision>();
  for (const decision of order) {
    if (taken.has(decision) || equality(decision) === undefined) continue;
    const { yes } = decision;
    const chain = [decision];
    for (let next = decision.no; typeof next !== "string"; next = next.no) {
      if (next.yes !== yes || equality(next) === undefined || leads.get(next) !== 1) break;
      chain.push(next);
      taken.add(next);
    }
    if (chain.length > 2) join(chain);
  }
}

function equality({ leaf }: Decision): Test | undefined {
  return leaf.kind === "test" && leaf.operator === "=" ? leaf : undefined;
}

function join(chain: readonly Decision[]): void {
  const { no } = chain.at(-1) as Decision;
  const read = new Set<string>();
  const firsts: Decision[] = [];
  const others = new Map<string, Test[]>();
  for (const decision of chain) {
    const test = equality(decision) as Test;
    const name = `${test.load.key}&${test.mask}`;
    if (!read.has(test.load.key)) {
      read.add(test.load.key);
      firsts.push(decision);
    } else others.set(name, [...(others.get(name) ?? []), test]);
  }
  const { yes } = chain[0] as Decision;
  let behind: Target = no;
  for (const tests of [...others.values()].reverse()) {
    const test = tests[0] as Test;
    const values = [...new Set(tests.map(({ value }) => value))];
    behind = { leaf: values.length === 1 ? test : { kind: "member", test, values }, yes, no: behind };
  }
  for (const [index, decision] of firsts.entries()) decision.no = firsts[index + 1] ?? behind;
}
