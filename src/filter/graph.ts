// From a formula to the graph of decisions that becomes code.

import { ArgumentRangeError } from "../core/argument-error.ts";
import { decide, type Target } from "./decide.ts";
import type { Formula } from "./formula.ts";
import { joinMembers } from "./members.ts";

/** @throws ArgumentError if it would be too large. */
export function graphOf(formula: Formula): Target {
  const root = decide(formula);
  if (root === undefined)
    throw new ArgumentRangeError("full", "expression", "it asks too many questions for one filter");
  joinMembers(root);
  return root;
}
