// What is wrong with a text: where, what was expected, and what stands there.

import { ArgumentRangeError } from "../core/argument-error.ts";

/** Characters of a text that an error shows. */
const SHOWN = 24;

/** An error about the text at `at`, counted from 0. */
export function syntaxError(at: number, sentence: string): ArgumentRangeError {
  return new ArgumentRangeError("malformed", "expression", `at ${at}: ${sentence}`);
}

/** The same for a place where something else should stand. */
export function expected(what: string, at: number, found: string): ArgumentRangeError {
  return syntaxError(at, `expected ${what}, got ${quoted(found)}`);
}

/** Text as errors show it; none is the end. */
export function quoted(text: string): string {
  if (text === "") return "the end";
  return JSON.stringify(text.length <= SHOWN ? text : `${text.slice(0, SHOWN)}...`);
}
