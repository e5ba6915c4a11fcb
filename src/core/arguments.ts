// Checks of arguments. A wrong type is a TypeError, a wrong value a RangeError; both are ArgumentErrors that name the
// argument, say what may stand there and what does.

import { ArgumentRangeError, ArgumentTypeError } from "./argument-error.ts";

/** Characters of a value that an error shows. */
const SHOWN = 40;

/** Returns `value` if it is a whole number from `minimum` to `maximum`, both included. */
export function wholeNumber(name: string, value: unknown, minimum: number, maximum: number): number {
  if (typeof value !== "number")
    throw wrongType(name, `a whole number from ${minimum} to ${maximum}`, value, "a number");
  if (!Number.isInteger(value) || value < minimum || value > maximum) {
    throw new ArgumentRangeError(
      "out-of-range",
      name,
      `expected a whole number from ${minimum} to ${maximum}, got ${value}`,
    );
  }
  return value;
}

/** Returns `value` if it is one of `allowed`. */
export function oneOf<const T extends string>(name: string, value: unknown, allowed: readonly T[]): T {
  if (typeof value !== "string") throw wrongType(name, alternatives(allowed), value, "a string");
  const found = allowed.find((candidate) => candidate === value);
  if (found === undefined) {
    throw new ArgumentRangeError(
      "not-one-of",
      name,
      `expected ${alternatives(allowed)}, got ${JSON.stringify(value)}`,
    );
  }
  return found;
}

/** Returns `value` if it is a boolean. */
export function trueOrFalse(name: string, value: unknown): boolean {
  if (typeof value !== "boolean") throw wrongType(name, "true or false", value);
  return value;
}

/** Returns `value` if it is a Uint8Array. */
export function byteArray(name: string, value: unknown): Uint8Array {
  if (!(value instanceof Uint8Array)) throw wrongType(name, "a Uint8Array", value);
  return value;
}

/** The error for an option that does not exist. */
export function unknownOption(name: string, key: string, known: readonly string[]): ArgumentTypeError {
  const names = known.length === 0 ? "none" : known.join(", ");
  const sentence = `unknown option ${JSON.stringify(key)} (known: ${names})`;
  return new ArgumentTypeError("unknown-option", name, sentence);
}

/**
 * The error for a value of a wrong type, and for none at all: `expected` says in full what may stand there, `type` only
 * of which type it is.
 */
export function wrongType(
  name: string,
  expected: string,
  value: unknown,
  type: string = expected,
): ArgumentTypeError {
  if (value === undefined) return new ArgumentTypeError("missing", name, `missing; expected ${expected}`);
  return new ArgumentTypeError("wrong-type", name, `expected ${type}, got ${describe(value)}`);
}

/** Returns `value` if it is a function. */
export function aFunction<T>(name: string, value: T): T {
  if (typeof value !== "function") throw wrongType(name, "a function", value);
  return value;
}

/** The error for what has been closed. */
export function closed(name: string): ArgumentTypeError {
  return new ArgumentTypeError("closed", name, "it has been closed");
}

/** `a or b`, `a, b or c`. */
export function alternatives(names: readonly string[]): string {
  const last = names.at(-1) ?? "nothing";
  return names.length < 2 ? last : `${names.slice(0, -1).join(", ")} or ${last}`;
}

/** Of which type a value is, and which value it is where that is short. */
function describe(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "function") return "a function";
  if (typeof value === "object") return `an object (${value.constructor?.name ?? "no class"})`;
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return `${typeof value} ${text.length <= SHOWN ? text : `${text.slice(0, SHOWN)}...`}`;
}
