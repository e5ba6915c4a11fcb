// The stage that filters by an expression. The compiler is an entry of its own: who brings compiled filters, or none, does
// not load it, and who wants to write text into stages says so.

import { ArgumentRangeError, ArgumentTypeError } from "../core/argument-error.ts";
import { wrongType } from "../core/arguments.ts";
import { choice, type Kind, notFor } from "../core/fields.ts";
import {
  CODE_ID,
  CODE_ID_HIGH,
  CODE_LENGTH,
  FILTER_STATE_LENGTH,
  OPERATION_FILTER,
} from "../layout/stage.layout.ts";
import { type StageKind, stageKind } from "./stage-kind.ts";
import type { CompiledFilter, FilterStage } from "./stages.ts";

export type FilterCompiler = (
  expression: string,
  options: { readonly scope?: "and" | "text" | undefined },
) => CompiledFilter;

let compiler: FilterCompiler | undefined;

/** From now on stages may hold text. */
export function setFilterCompiler(compile: FilterCompiler): void {
  compiler = compile;
}

/** What is counted of every stage. */
const COUNTED = 8;

export const FILTER_STAGE: StageKind = stageKind<"filter", "expression">(
  "filter",
  OPERATION_FILTER,
  {
    expression: {
      ...expression(),
      required: true,
      flag: "--filter <EXPRESSION>",
      help: "only frames that match, in tcpdump's language",
    },
    scope: {
      ...choice("and", "text"),
      flag: "--scope <SCOPE>",
      help: "how far vlan, mpls and tunnels shift what follows: and (default), or text as in tcpdump",
    },
  },
  ({ expression, scope }, record) => {
    if (typeof expression !== "string" && scope !== undefined) throw notFor("scope", "a compiled filter");
    const { code, id } = typeof expression === "string" ? compiled(expression, scope) : expression;
    record.setUint32(CODE_LENGTH, code.length, true);
    record.setUint32(CODE_ID, id[0] as number, true);
    record.setUint32(CODE_ID_HIGH, id[1] as number, true);
    return { state: { length: FILTER_STATE_LENGTH, counted: COUNTED }, code };
  },
);

function compiled(expression: string, scope: FilterStage["scope"]): CompiledFilter {
  if (compiler === undefined)
    throw new ArgumentTypeError(
      "unsupported",
      "expression",
      "text needs the compiler: call useFilterText() of frameferry/filter first, or give compileFilter(text)",
    );
  return compiler(expression, { scope });
}

/** @throws ArgumentError at `path` if the filter asks what has become of frames: stages look at those that go on. */
export function expectNoFate(path: string, filter: CompiledFilter): CompiledFilter {
  if (!filter.asksFate) return filter;
  const sentence =
    "verdict and reason are asked of frames that have been through a pipeline: with matching(batch)";
  throw new ArgumentRangeError("unsupported", path, sentence);
}

function expression(): Kind<string | CompiledFilter> {
  const expected = "text or a compiled filter";
  const check = (path: string, value: unknown): string | CompiledFilter => {
    if (typeof value === "string") return value;
    const { code, id } = (value ?? {}) as Partial<CompiledFilter>;
    if (!(code instanceof Uint8Array) || !Array.isArray(id) || id.length !== 2)
      throw wrongType(path, expected, value);
    return expectNoFate(path, value as CompiledFilter);
  };
  return { expected, check, parse: (_path, text) => text };
}
