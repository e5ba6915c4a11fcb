// The options of many kinds as one table, for whoever lets people choose the kind.

import { isArgumentError } from "../core/argument-error.ts";
import type { Field } from "../core/fields.ts";
import type { FieldRows } from "./tunnel-kind.ts";

/** A kind, by its title, and its options. */
export type FieldsOfKind = readonly [title: string, fields: FieldRows];

/** All options of `kinds` but those named in `without`. */
export function mergedFields(kinds: readonly FieldsOfKind[], without: readonly string[]): FieldRows {
  const names = new Set(kinds.flatMap(([, fields]) => Object.keys(fields)));
  for (const name of without) names.delete(name);
  return Object.fromEntries([...names].map((name) => [name, mergedOption(kinds, name)]));
}

function mergedOption(kinds: readonly FieldsOfKind[], name: string): Field<unknown> {
  const having = kinds.filter(([, fields]) => Object.hasOwn(fields, name));
  const fields = having.map(([, rows]) => rows[name] as Field<unknown>);
  const [first] = fields as [Field<unknown>];
  const { required, fallback, help, parse, ...option } = first;
  const anyParse =
    parse && ((path: string, text: string, before?: unknown) => parsed(fields, path, text, before));
  const text = together((field) => field.help ?? "");
  const merged = { ...option, parse: anyParse };
  if (fields.every((field) => field.fallback === fallback))
    return { ...merged, ...(fallback !== undefined && { fallback }), help: text };
  return { ...merged, help: `${text} (default: ${together(({ fallback: own }) => String(own ?? "none"))})` };

  /** What the first kind says; and what others say, if it is something else. */
  function together(tell: (field: Field<unknown>) => string): string {
    const titles = new Map<string, string[]>();
    having.forEach(([title], index) => {
      const said = tell(fields[index] as Field<unknown>);
      const saying = titles.get(said);
      if (saying === undefined) titles.set(said, [title]);
      else saying.push(title);
    });
    const [[usual] = [""], ...others] = titles;
    return [usual, ...others.map(([words, of]) => `of ${of.join(", ")} ${words}`)].join("; ");
  }
}

/** What stands on a command line before the kind is known: good if it is for any of them. The stage's own check is behind. */
function parsed(fields: readonly Field<unknown>[], path: string, text: string, before: unknown): unknown {
  let refusal: unknown;
  for (const { parse } of fields) {
    try {
      return parse?.(path, text, before);
    } catch (error) {
      if (!isArgumentError(error)) throw error;
      refusal ??= error;
    }
  }
  throw refusal;
}
