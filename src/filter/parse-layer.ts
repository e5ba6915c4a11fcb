// The words beyond libpcap's: positions, what stands between layers, sets. They are no reserved words, since they stand
// only where libpcap would not go on.

import { dropReasons } from "../core/drop-reasons.ts";
import { VERDICT_DROP, VERDICT_FORWARD } from "../layout/descriptor.layout.ts";
import type { Reader } from "./reader.ts";
import { expected, syntaxError } from "./syntax-error.ts";
import type { Position, Range, Tree } from "./tree.ts";
import { TUNNEL_KINDS } from "./words.ts";

const VNI_MOST = 0xffffff;
const NUMBER_MOST = 0xffffffff;
const LAYERS_MOST = 64;
const RANGE = /^[0-9]+-[0-9]+$/;

const POSITIONS: ReadonlyMap<string, Position> = new Map([
  ["outer", { which: 0, text: "outer" }],
  ["inner", { which: -1, text: "inner" }],
  ["any", { which: "any", text: "any" }],
]);

/** What may have become of a frame, by the names that the package has for it. */
const FATES: Readonly<
  Record<"verdict" | "reason", { readonly what: string; readonly codes: ReadonlyMap<string, number> }>
> = {
  verdict: {
    what: "forward or drop",
    codes: new Map([
      ["forward", VERDICT_FORWARD],
      ["drop", VERDICT_DROP],
    ]),
  },
  reason: {
    what: "the name of a drop reason, such as filtered",
    codes: new Map(dropReasons.map(({ name, code }) => [name, code])),
  },
};

/** Whether the next token is one of these words. */
export function atWord(reader: Reader, ...words: readonly string[]): boolean {
  const { type, text } = reader.token;
  return type === "name" && words.includes(text);
}

/** A position that stands in front of a term; undefined if there is none. */
export function parsePosition(reader: Reader): Position | undefined {
  if (atWord(reader, "layer")) {
    reader.take();
    const sign = reader.taken("-") ? -1 : 1;
    const which = sign * reader.number("the number of a layer", LAYERS_MOST);
    return { which: which === 0 ? 0 : which, text: `layer ${which}` };
  }
  const position = reader.token.type === "name" ? POSITIONS.get(reader.token.text) : undefined;
  if (position === undefined) return undefined;
  reader.take();
  // Another object each time: terms that share one stand in one list.
  return { ...position };
}

/** Whether a position stands alone: nothing follows that could be a term. */
export function standsAlone(reader: Reader): boolean {
  return reader.token.type === "end" || reader.at(")", "and", "or");
}

/** What is asked of layers and descriptors; undefined if none of these words stands here. */
export function parseExtension(reader: Reader): Tree | undefined {
  const { at, type, text } = reader.token;
  if (type !== "name") return undefined;
  switch (text) {
    case "vni":
      reader.take();
      return { kind: "number", number: "vni", ranges: parseNumbers(reader, "a VNI", VNI_MOST), at };
    case "gre": {
      reader.take();
      if (!atWord(reader, "key")) throw reader.unexpected('"key"');
      reader.take();
      return { kind: "number", number: "gre key", ranges: parseNumbers(reader, "a key", NUMBER_MOST), at };
    }
    case "tunnel": {
      reader.take();
      const kind = reader.take();
      if ((kind.type !== "name" && kind.type !== "word") || !TUNNEL_KINDS.has(kind.text))
        throw expected(`one of ${[...TUNNEL_KINDS.keys()].join(", ")}`, kind.at, kind.text);
      return { kind: "tunnel", tunnel: kind.text, at };
    }
    case "mark":
    case "depth": {
      // A relation is read elsewhere.
      reader.take();
      const terms = parseNumbers(reader, `what ${text} has to be`, NUMBER_MOST).map((range) =>
        relations(text, range, at),
      );
      return terms.length === 1 ? (terms[0] as Tree) : { kind: "any", terms };
    }
    case "verdict":
    case "reason": {
      reader.take();
      const fates = FATES[text];
      const one = (): string => nameOf(reader, fates.what, fates.codes);
      const names = atWord(reader, "in") ? parseSet(reader, one) : [one()];
      const codes = names.map((name) => fates.codes.get(name) as number);
      return { kind: "fate", asks: text, names, codes, at };
    }
    default:
      return undefined;
  }
}

function nameOf(reader: Reader, what: string, known: ReadonlyMap<string, number>): string {
  const { type, text } = reader.token;
  if ((type !== "name" && type !== "word") || !known.has(text)) throw reader.unexpected(what);
  reader.take();
  return text;
}

function relations(kind: "mark" | "depth", { first, last }: Range, at: number): Tree {
  const relation = (operator: "=" | ">=" | "<=", value: number): Tree => ({
    kind: "relation",
    operator,
    left: { kind },
    right: { kind: "number", value },
    at,
  });
  if (first === last) return relation("=", first);
  return { kind: "all", terms: [relation(">=", first), relation("<=", last)] };
}

/** One number, or a set of numbers and ranges. */
export function parseNumbers(reader: Reader, what: string, most: number): Range[] {
  if (!atWord(reader, "in")) {
    const number = reader.number(what, most);
    return [{ first: number, last: number }];
  }
  return parseSet(reader, () => {
    const { type, text, at } = reader.token;
    if (type !== "name" || !RANGE.test(text)) {
      const number = reader.number(what, most);
      return { first: number, last: number };
    }
    reader.take();
    const [first, last] = text.split("-").map(Number) as [number, number];
    if (first > last || last > most)
      throw syntaxError(at, `expected a range of numbers up to ${most}, got ${text}`);
    return { first, last };
  });
}

/** `in {`, members with commas between, `}`. */
export function parseSet<T>(reader: Reader, member: () => T): T[] {
  reader.take();
  reader.expect("{");
  const members: T[] = [];
  do members.push(member());
  while (reader.taken(","));
  if (!reader.taken("}")) throw reader.unexpected('"," or "}"');
  return members;
}
