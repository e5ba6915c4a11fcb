// How a run ends, and the one line on standard error that says why.

import { CommanderError } from "commander";
import { isArgumentError, isOutOfMemory } from "../core/argument-error.ts";
import { CaptureError } from "../pcap/capture-error.ts";
import { FileError } from "../platform/file-error.ts";
import { oneLine } from "./printable.ts";

export const EXIT_GOOD = 0;
/** A file that cannot be read or written, is no capture, is damaged, or says what cannot be. */
export const EXIT_BAD_FILE = 1;
export const EXIT_BAD_USAGE = 2;

/** An option or argument that cannot be; the message names it first. */
export class UsageError extends Error {}

/** A capture that is damaged or none at all, with the name of its file. */
export class DamagedInput extends Error {
  readonly input: string;
  /** Where it cannot be read any more, in bytes, and why. */
  readonly offset: number;
  readonly reason: string;

  /** `consequence` is what has become of the rest, and is said behind what is wrong. */
  constructor(input: string, cause: Error, consequence = "") {
    super(`${nameOf(input, "standard input")}: ${cause.message}${consequence}`, { cause });
    this.input = input;
    const { offset, reason } = cause instanceof CaptureError ? cause : { offset: 0, reason: cause.message };
    this.offset = offset;
    this.reason = reason;
  }
}

/** The error as which people are told of one that reading `input` has ended with; others are as they were. */
export function readingError(input: string, error: unknown, consequence = ""): unknown {
  if (error instanceof CaptureError) return new DamagedInput(input, error, consequence);
  // The platform does not know what it is packed in.
  if (isArgumentError(error) && error.code === "unsupported")
    return new DamagedInput(input, new Error(error.sentence));
  return error;
}

/** A configuration that cannot be, with the name of its file; the message names the place in it first. */
export class BadConfiguration extends Error {
  constructor(file: string, message: string) {
    super(`${nameOf(file, "standard input")}: ${message}`);
  }
}

/** A file as people are told of it. */
export function nameOf(path: string, standard: "standard input" | "standard output"): string {
  return path === "-" ? standard : oneLine(path);
}

/** Captures as people are told of them. */
export function namesOf(inputs: readonly string[]): string {
  const [first = "-"] = inputs;
  const more = inputs.length - 1;
  return nameOf(first, "standard input") + (more === 0 ? "" : ` and ${more} more`);
}

/** Says why `command` (`frameferry decap`, say) failed and returns the exit code; other errors are our own and thrown on. */
export function explain(error: unknown, command: string): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return EXIT_GOOD;
    // Commander has printed its help already where no command was named.
    if (error.code !== "commander.help") sayUsage(command, error.message.replace(/^error: /, ""));
    return EXIT_BAD_USAGE;
  }
  if (error instanceof UsageError) {
    sayUsage(command, error.message);
    return EXIT_BAD_USAGE;
  }
  // Whoever read our output has seen enough: no failure, as with other filters.
  if (error instanceof FileError && error.code === "EPIPE" && error.path === "-") return EXIT_GOOD;
  if (error instanceof FileError || error instanceof DamagedInput || error instanceof BadConfiguration) {
    say(`${command}: ${error.message}`);
    return EXIT_BAD_FILE;
  }
  // What somebody asked for, and nobody has found the option for: it is said without one.
  if (isArgumentError(error)) {
    say(`${command}: ${error.message}`);
    return isOutOfMemory(error) ? EXIT_BAD_FILE : EXIT_BAD_USAGE;
  }
  throw error;
}

function sayUsage(command: string, message: string): void {
  // Commander's messages may have several lines.
  say(`${command}: ${message.trim().replace(/\s*\n\s*/g, " ")} (${command} --help tells more)`);
}

/** Puts one line on standard error, whatever stands in `message`: all that a command says of errors goes through here. */
export function say(message: string): void {
  process.stderr.write(`${oneLine(message.trimEnd())}\n`);
}
