// Errors about arguments, as values: what is wrong has a code, a path that says where, and a sentence for people.
// Nobody reads a message to find out; whoever knows more about where something stands puts that in front of the path.

import type { ErrorCode } from "./error-codes.ts";

/** The steps to a place in what was given: names of properties and indices of arrays. */
export type ErrorPath = readonly (string | number)[];

/** What is thrown for arguments that cannot be. It is a TypeError or a RangeError as well. */
export interface ArgumentError extends Error {
  /** What kind of mistake it is; see `errorCodes`. */
  readonly code: ErrorCode;
  /** Where it is, as `stages[0].options[0].data`; empty where there is no name for it. */
  readonly path: string;
  /** The same, step by step. */
  readonly steps: ErrorPath;
  /** What is wrong, without the path. The message is the path, a colon and the sentence. */
  readonly sentence: string;
}

/** An ArgumentError for a value of a wrong type, for what is missing, unknown or closed. */
export class ArgumentTypeError extends TypeError implements ArgumentError {
  readonly code: ErrorCode;
  readonly path: string;
  readonly steps: ErrorPath;
  readonly sentence: string;

  constructor(code: ErrorCode, at: string | ErrorPath, sentence: string, options?: ErrorOptions) {
    super(sentenceAt(at, sentence), options);
    const place = placeOf(at, sentence);
    this.code = code;
    this.steps = place.steps;
    this.path = place.path;
    this.sentence = place.sentence;
  }
}

/** An ArgumentError for a value of the right type that cannot be. */
export class ArgumentRangeError extends RangeError implements ArgumentError {
  readonly code: ErrorCode;
  readonly path: string;
  readonly steps: ErrorPath;
  readonly sentence: string;

  constructor(code: ErrorCode, at: string | ErrorPath, sentence: string, options?: ErrorOptions) {
    super(sentenceAt(at, sentence), options);
    const place = placeOf(at, sentence);
    this.code = code;
    this.steps = place.steps;
    this.path = place.path;
    this.sentence = place.sentence;
  }
}

/** Whether an error is about arguments, and so has a code and a path. */
export function isArgumentError(error: unknown): error is ArgumentError {
  return error instanceof ArgumentTypeError || error instanceof ArgumentRangeError;
}

/** Whether memory that was planned does not suffice; the sentence says by how much to raise `memoryBytes`. */
export function isOutOfMemory(error: unknown): error is ArgumentError & { readonly code: "out-of-memory" } {
  return isArgumentError(error) && error.code === "out-of-memory";
}

/** The same error at `before` and its own path behind: a new one, because a stack keeps the message it began with. */
export function errorUnder(before: ErrorPath, error: ArgumentError): ArgumentError {
  return argumentErrorLike(error, [...before, ...error.steps], error.sentence);
}

function argumentErrorLike(error: ArgumentError, steps: ErrorPath, sentence: string): ArgumentError {
  const Class = error instanceof ArgumentTypeError ? ArgumentTypeError : ArgumentRangeError;
  return new Class(error.code, steps, sentence, "cause" in error ? { cause: error.cause } : undefined);
}

/**
 * Runs `action`; an error about arguments that it throws is thrown on with `before` in front of its path. Memory that
 * does not suffice has no place in what was given, and is thrown on as it is.
 */
export function under<T>(before: ErrorPath, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw isArgumentError(error) && !isOutOfMemory(error) ? errorUnder(before, error) : error;
  }
}

/**
 * The same for what was made of `item`: an argument that is none of its properties has no place of its own there, and
 * stays in the sentence.
 */
export function placed<T>(before: ErrorPath, item: object, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (!isArgumentError(error) || isOutOfMemory(error)) throw error;
    const [name] = error.steps;
    if (name !== undefined && name in item) throw errorUnder(before, error);
    throw argumentErrorLike(error, before, error.message);
  }
}

/** `ports[2].vlans.5000`; what is no plain name stands in brackets, as in `vlans["a b"]`. */
export function pathText(path: ErrorPath): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else if (!/^[\w$-]+$/.test(step)) text += `[${JSON.stringify(step)}]`;
    else text += text === "" ? step : `.${step}`;
  }
  return text;
}

/** Where it is, and what is said there: a place that stands in code as text may begin the sentence, as `zones: racks` does. */
function placeOf(
  at: string | ErrorPath,
  sentence: string,
): { readonly path: string; readonly steps: ErrorPath; readonly sentence: string } {
  if (typeof at !== "string") return { path: pathText(at), steps: at, sentence };
  const colon = at.indexOf(": ");
  if (colon < 0) return { path: at, steps: stepsOf(at), sentence };
  const path = at.slice(0, colon);
  return { path, steps: stepsOf(path), sentence: sentenceAt(at.slice(colon + 2), sentence) };
}

/** The steps of a path that stands in code as text, as `options[0].data` does. */
function stepsOf(path: string): ErrorPath {
  return (path.match(/\[\d+\]|[^.[\]]+/g) ?? []).map((step) =>
    step.startsWith("[") ? Number(step.slice(1, -1)) : step,
  );
}

/** A sentence behind where it applies: `ports[2].name: sentence`. */
export function sentenceAt(at: string | ErrorPath, sentence: string): string {
  const path = typeof at === "string" ? at : pathText(at);
  return path === "" ? sentence : `${path}: ${sentence}`;
}
