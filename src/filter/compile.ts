// From text to a module: parser, tree, formula, graph, code.

import { ArgumentRangeError } from "../core/argument-error.ts";
import { wrongType } from "../core/arguments.ts";
import { checkFields, choice, type Fields } from "../core/fields.ts";
import { decide } from "./decide.ts";
import { emit } from "./emit.ts";
import { YES } from "./formula.ts";
import { type Lowered, lower, type Scope } from "./lower.ts";
import { joinMembers } from "./members.ts";
import { parse } from "./parser.ts";
import type { Tree } from "./tree.ts";

export interface FilterOptions {
  /**
   * How far `vlan`, `mpls`, `pppoes` and tunnels shift what stands behind them. `"and"`, the default: only what is and-ed
   * behind them, and not beyond `or` and `not`. `"text"`: all text behind them, as in tcpdump.
   */
  readonly scope?: Scope | undefined;
}

export const FILTER_FIELDS: Fields<FilterOptions, "scope"> = {
  scope: { ...choice("and", "text"), fallback: "and" },
};

export interface Compiled {
  /** Undefined for a text that says nothing, which every frame matches. */
  readonly tree: Tree | undefined;
  readonly code: Uint8Array<ArrayBuffer>;
}

/** @throws ArgumentError that says where in the text something else was expected. */
export function compile(expression: string, options: FilterOptions): Compiled {
  if (typeof expression !== "string") throw wrongType("expression", "a string", expression);
  const { scope } = checkFields<FilterOptions, "scope">("options", FILTER_FIELDS, options);
  const tree = parse(expression);
  const { formula, registers }: Lowered =
    tree === undefined ? { formula: YES, registers: 0 } : lower(tree, scope);
  const root = decide(formula);
  if (root === undefined)
    throw new ArgumentRangeError("full", "expression", "it asks too many questions for one filter");
  joinMembers(root);
  return { tree, code: emit(root, registers) };
}
