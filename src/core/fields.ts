// Options described once. A table has a row for each option: how it is checked, what may stand there, what is used where
// nothing is given, and how the command line calls it. Checks, sentences of errors, flags and help come from there.

import { ArgumentRangeError, ArgumentTypeError } from "./argument-error.ts";
import {
  alternatives,
  byteArray,
  oneOf,
  trueOrFalse,
  unknownOption,
  wholeNumber,
  wrongType,
} from "./arguments.ts";

/** What may stand in one place. */
export interface Kind<T> {
  /** In words, for errors and documents: `a whole number from 0 to 255`. */
  readonly expected: string;
  /** Returns `value` as it is used; throws an ArgumentError at `path`. */
  readonly check: (path: string, value: unknown) => T;
  /**
   * Reads it from a command line; throws an ArgumentError at `path`. What has none cannot stand there. `before` is what
   * has come of the same option earlier on the line.
   */
  readonly parse?: ((path: string, text: string, before?: unknown) => T) | undefined;
  /** A command line may give it several times; anything else but that is an error. */
  readonly repeats?: true;
  /** Rows of the options within, where it is an object of such. */
  readonly fields?: Readonly<Record<string, Field<unknown>>>;
}

/** A row: one option of a table. */
export interface Field<T> extends Kind<T> {
  /** It has to be there. */
  readonly required?: true;
  /** What is used where nothing is given. */
  readonly fallback?: T;
  /** How the command line calls it and its value: `--dst-port <P>`; one without a value says true, or what `says` says. */
  readonly flag?: string;
  readonly says?: T;
  /** Another flag, which says false: `--no-dei`. */
  readonly off?: { readonly flag: string; readonly help: string };
  /** What the command line's help says of it. */
  readonly help?: string;
}

/** A row for each option of `O`; those named in `D` are always there after the check. */
export type Fields<O extends object, D extends keyof O = never> = {
  readonly [K in keyof O]-?: K extends D
    ? Field<NonNullable<O[K]>> & ({ readonly fallback: NonNullable<O[K]> } | { readonly required: true })
    : Field<NonNullable<O[K]>>;
};

/** Options after the check: those named in `D` are there. */
export type Checked<O extends object, D extends keyof O = never> = Omit<O, D> & {
  readonly [K in D]-?: NonNullable<O[K]>;
};

/**
 * Checks all options and puts in what is used where nothing is given. `name` is what errors about the object itself say;
 * `before` stands in front of the options' names, as `vtep.`.
 * @throws ArgumentError that names the option.
 */
export function checkFields<O extends object, D extends keyof O = never>(
  name: string,
  fields: Fields<O, D>,
  options: unknown,
  before = "",
): Checked<O, D> {
  const rows = fields as Readonly<Record<string, Field<unknown>>>;
  onlyFields(name, rows, options);
  const checked: Record<string, unknown> = {};
  for (const key in rows) {
    const value = checkField(rows, key, (options as Readonly<Record<string, unknown>>)[key], before);
    if (value !== undefined) checked[key] = value;
  }
  return checked as Checked<O, D>;
}

/** Checks one option of a table: what is not given is what its row says. */
export function checkField(
  rows: Readonly<Record<string, Field<unknown>>>,
  key: string,
  value: unknown,
  before = "",
): unknown {
  const { check, expected, required, fallback } = rows[key] as Field<unknown>;
  if (value !== undefined) return check(before + key, value);
  if (required) throw wrongType(before + key, expected, undefined);
  return fallback;
}

/** What stands behind a row: there for certain where it is required or something is used instead. */
type ValueOf<F> =
  F extends Field<infer T>
    ? F extends { readonly fallback: unknown } | { readonly required: true }
      ? T
      : T | undefined
    : never;

/**
 * The value of one option, checked, or what is used where it is not given. Nothing is made for it: where thousands of
 * things are added a second, options are checked one by one, behind `onlyFields`.
 */
export function fieldOf<F extends object, K extends keyof F & string>(
  fields: F,
  options: { readonly [P in K]?: unknown },
  key: K,
): ValueOf<F[K]> {
  return checkField(fields as Readonly<Record<string, Field<unknown>>>, key, options[key]) as ValueOf<F[K]>;
}

/** Throws for what is no object, and for the first option that is not in the table: one misspelt must not be ignored. */
export function onlyFields(name: string, rows: object, options: unknown): void {
  if (typeof options !== "object" || options === null) throw wrongType(name, "an object", options);
  for (const key of Object.keys(options))
    if (!Object.hasOwn(rows, key)) throw unknownOption(name, key, Object.keys(rows));
}

/** A whole number, both bounds included; on a command line decimal or as 0x... */
export function whole(minimum: number, maximum: number): Kind<number> {
  const expected = `a whole number from ${minimum} to ${maximum}`;
  return {
    expected,
    check: (path, value) => wholeNumber(path, value, minimum, maximum),
    parse: (path, text) => {
      const value = /^(?:[0-9]+|0x[0-9a-f]+)$/i.test(text) ? Number(text) : Number.NaN;
      if (value >= minimum && value <= maximum) return value;
      throw new ArgumentRangeError("out-of-range", path, `expected ${expected}, got ${JSON.stringify(text)}`);
    },
  };
}

/** A power of two, both bounds included: they are powers of two themselves. */
export function powerOfTwo(minimum: number, maximum: number): Kind<number> {
  const expected = `a power of two from ${minimum} to ${maximum}`;
  return {
    expected,
    check: (path, value) => {
      const number = wholeNumber(path, value, minimum, maximum);
      if ((number & (number - 1)) === 0) return number;
      throw new ArgumentRangeError("out-of-range", path, `expected a power of two, got ${number}`);
    },
  };
}

/** One of a few names. */
export function choice<const T extends string>(...names: readonly T[]): Kind<T> {
  const check = (path: string, value: unknown): T => oneOf(path, value, names);
  return { expected: alternatives(names), check, parse: check };
}

/** True or false; on a command line the flag itself says true. */
export function flag(): Kind<boolean> {
  return { expected: "true or false", check: trueOrFalse };
}

/** Bytes. */
export function bytes(): Kind<Uint8Array> {
  return { expected: "a Uint8Array", check: byteArray };
}

/** Text. */
export function text(): Kind<string> {
  const check = (path: string, value: unknown): string => {
    if (typeof value !== "string") throw wrongType(path, "a string", value);
    return value;
  };
  return { expected: "a string", check, parse: check };
}

/** A bigint. */
export function bigint(): Kind<bigint> {
  const check = (path: string, value: unknown): bigint => {
    if (typeof value !== "bigint") throw wrongType(path, "a bigint", value);
    return value;
  };
  return { expected: "a bigint", check };
}

/** A bigint that 64 bits hold, without a sign. */
export function uint64(): Kind<bigint> {
  const expected = "a bigint from 0 to 2^64 - 1";
  const check = (path: string, value: unknown): bigint => {
    if (typeof value !== "bigint") throw wrongType(path, expected, value, "a bigint");
    if (BigInt.asUintN(64, value) === value) return value;
    throw new ArgumentRangeError("out-of-range", path, `expected ${expected}, got ${value}`);
  };
  return { expected, check };
}

/** Something of a class. */
export function instance<T>(Class: abstract new (...args: never[]) => T, expected: string): Kind<T> {
  const check = (path: string, value: unknown): T => {
    if (!(value instanceof Class)) throw wrongType(path, expected, value);
    return value;
  };
  return { expected, check };
}

/** A function of any kind. */
export function callback<T extends (...args: never[]) => unknown>(): Kind<T> {
  const check = (path: string, value: unknown): T => {
    if (typeof value !== "function") throw wrongType(path, "a function", value);
    return value as T;
  };
  return { expected: "a function", check };
}

/** A signal that ends something. */
export function signal(): Kind<AbortSignal> {
  return instance(AbortSignal, "an AbortSignal");
}

/** What is checked by whoever uses it; `expected` says what that is. */
export function given<T>(expected: string): Kind<T> {
  return { expected, check: (_path, value) => value as T };
}

/** An array, each item of which is of one kind; a command line names one item after the other. */
export function list<T>(item: Kind<T>, maximum: number = Number.POSITIVE_INFINITY): Kind<readonly T[]> {
  const { parse } = item;
  const expected = `an array, each item ${item.expected}`;
  return {
    expected,
    repeats: true,
    parse:
      parse && ((path, text, before = []): readonly T[] => [...(before as readonly T[]), parse(path, text)]),
    check: (path, value) => {
      if (!Array.isArray(value)) throw wrongType(path, expected, value, "an array");
      if (value.length > maximum)
        throw new ArgumentRangeError("full", path, `expected at most ${maximum}, got ${value.length}`);
      // Not map: it leaves out holes.
      return Array.from(value, (each, index) => item.check(`${path}[${index}]`, each));
    },
  };
}

/** One item, or several in an array; always an array after the check. */
export function several<T>(item: Kind<T>, maximum: number): Kind<T | readonly T[]> {
  const all = list(item, maximum);
  return {
    expected: `${item.expected}, or an array of such`,
    repeats: true,
    check: (path, value) => (Array.isArray(value) ? all.check(path, value) : [item.check(path, value)]),
    parse: all.parse && ((path, text, before) => all.parse?.(path, text, before) as readonly T[]),
  };
}

/** An object with a table of its own. */
export function object<O extends object, D extends keyof O = never>(fields: Fields<O, D>): Kind<O> {
  return {
    expected: "an object",
    check: (path, value) => checkFields<O, D>(path, fields, value, `${path}.`) as unknown as O,
    fields: fields as Readonly<Record<string, Field<unknown>>>,
  };
}

/** The error for an option that exists, but not for `what`: `a tunnel of kind gre`. */
export function notFor(path: string, what: string): ArgumentTypeError {
  return new ArgumentTypeError("not-for-this", path, `${what} has no such option`);
}
