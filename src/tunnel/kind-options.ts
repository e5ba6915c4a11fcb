// The options of all kinds of tunnels that switches have as one table, for whoever does not know the kind yet.

import { alternatives, oneOf } from "../core/arguments.ts";
import { type Part, TUNNEL_KINDS, TUNNEL_ROWS, type TunnelKind } from "./kinds.ts";
import { mergedFields } from "./merged-fields.ts";
import type { FieldRows } from "./tunnel-kind.ts";

/** The options of a part that any kind has: each as the first kind with it has it, told what the others say of it. */
export function optionsOfAnyKind(part: Part): FieldRows {
  const check = (path: string, value: unknown): TunnelKind => oneOf(path, value, TUNNEL_KINDS);
  const expected = alternatives(TUNNEL_KINDS);
  const kind = { expected, check, parse: check, flag: "--kind <KIND>", help: `kind of tunnel: ${expected}` };
  const kinds = TUNNEL_ROWS.map((row) => [row.title, row[part]] as const);
  return { kind, ...mergedFields(kinds, ["kind"]) };
}
