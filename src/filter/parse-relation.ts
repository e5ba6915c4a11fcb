// The grammar of arithmetic and of relations between numbers. Operators bind as in libpcap: `|` weakest, then `&`,
// shifts, sums, products. `%` and `^` take one operand on their left and all that follows on their right.

import type { Reader } from "./reader.ts";
import { expected, syntaxError } from "./syntax-error.ts";
import type { ArithmeticOperator, Operator, Tree, Value } from "./tree.ts";
import { PROTOCOLS } from "./words.ts";

const RELATIONS: readonly string[] = ["=", "!=", ">", ">=", "<", "<="];

/** From the weakest on. */
const LEVELS: readonly (readonly string[])[] = [["|"], ["&"], ["<<", ">>"], ["+", "-"], ["*", "/"]];

/** Whether a number begins here: it is the left side of a relation then. */
export function startsValue(reader: Reader): boolean {
  const { type, text } = reader.token;
  if (type === "number") return true;
  if (type === "name") return (text === "mark" || text === "depth") && reader.operatorFollows;
  if (type === "symbol") return text === "-" || text === "(";
  if (type !== "word") return false;
  return text === "len" || (PROTOCOLS.has(text) && isBracket(reader));
}

export function parseRelation(reader: Reader): Tree {
  const { at } = reader.token;
  const left = numberOf(reader, 0);
  if (!reader.at(...RELATIONS)) throw reader.unexpected("a comparison such as =");
  const operator = reader.take().text as Operator;
  const right = numberOf(reader, 0);
  return { kind: "relation", operator, left, right, at };
}

function numberOf(reader: Reader, level: number): Value {
  const operators = LEVELS[level];
  if (operators === undefined) return operandOf(reader);
  let left = numberOf(reader, level + 1);
  while (reader.at(...operators)) {
    const operator = reader.take().text as ArithmeticOperator;
    const { at } = reader.token;
    left = binary(operator, left, numberOf(reader, level + 1), at);
  }
  return left;
}

function operandOf(reader: Reader): Value {
  const left = reader.deeper(() => atomOf(reader));
  if (!reader.at("%", "^")) return left;
  const operator = reader.take().text as ArithmeticOperator;
  const { at } = reader.token;
  return binary(
    operator,
    left,
    reader.deeper(() => numberOf(reader, 0)),
    at,
  );
}

function binary(operator: ArithmeticOperator, left: Value, right: Value, at: number): Value {
  if (right.kind === "number") {
    if ((operator === "/" || operator === "%") && right.value === 0)
      throw syntaxError(at, "division by zero");
    if ((operator === "<<" || operator === ">>") && right.value > 31)
      throw syntaxError(at, `expected a shift by at most 31 bits, got ${right.value}`);
  }
  return { kind: "binary", operator, left, right };
}

function atomOf(reader: Reader): Value {
  const token = reader.token;
  if (token.type === "number") {
    reader.take();
    return { kind: "number", value: token.value };
  }
  if (reader.taken("len")) return { kind: "len" };
  if (token.type === "name" && (token.text === "mark" || token.text === "depth")) {
    reader.take();
    return { kind: token.text };
  }
  if (reader.taken("-")) return { kind: "negate", of: reader.deeper(() => atomOf(reader)) };
  if (reader.taken("(")) {
    const value = reader.deeper(() => numberOf(reader, 0));
    reader.expect(")");
    return value;
  }
  const isProtocol = token.type === "word" && PROTOCOLS.has(token.text);
  if (!isProtocol || !isBracket(reader)) throw reader.unexpected("a number");
  reader.take();
  reader.expect("[");
  const index = reader.deeper(() => numberOf(reader, 0));
  const size = reader.taken(":") ? sizeOf(reader) : 1;
  reader.expect("]");
  return { kind: "field", protocol: token.text, index, size, at: token.at };
}

function sizeOf(reader: Reader): 1 | 2 | 4 {
  const { at, text } = reader.token;
  const size = reader.number("1, 2 or 4", 0xffffffff);
  if (size !== 1 && size !== 2 && size !== 4) throw expected("1, 2 or 4", at, text);
  return size;
}

function isBracket(reader: Reader): boolean {
  const { type, text } = reader.ahead(1);
  return type === "symbol" && text === "[";
}
