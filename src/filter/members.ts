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
  const { yes } = chain[0] as Decision;
  const { no } = chain.at(-1) as Decision;
  const read = new Set<string>();
  const joined: Decision[] = [];
  let others = new Map<string, Test[]>();
  const flush = (): void => {
    for (const tests of others.values()) {
      const test = tests[0] as Test;
      const values = [...new Set(tests.map(({ value }) => value))];
      joined.push({ leaf: values.length === 1 ? test : { kind: "member", test, values }, yes, no });
    }
    others = new Map();
  };
  for (const decision of chain) {
    const test = equality(decision) as Test;
    const { key } = test.load;
    if (!read.has(key)) {
      // What was asked before this field was read still is.
      flush();
      read.add(key);
      joined.push(decision);
      continue;
    }
    const name = `${key}&${test.mask}`;
    const same = others.get(name);
    if (same === undefined) others.set(name, [test]);
    else same.push(test);
  }
  flush();
  for (const [index, decision] of joined.entries()) decision.no = joined[index + 1] ?? no;
}
