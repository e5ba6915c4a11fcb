// Options of commands, made of rows: each says how an option is called, what may stand there and how it is checked.
// What is wrong with a value is said before any file is touched, and names the option.

import { type Command, Option } from "commander";
import type { CaptureOutputFormat } from "../capture/capture-run.ts";
import {
  type ArgumentError,
  ArgumentRangeError,
  isArgumentError,
  pathText,
  sentenceAt,
} from "../core/argument-error.ts";
import { choice, type Field, flag, type Kind, text, whole } from "../core/fields.ts";
import { UsageError } from "./failures.ts";
import type { Selection } from "./source-types.ts";
import { time } from "./times.ts";

/** By the names of what the options become: those of a stage's fields, say. */
export type Rows = Readonly<Record<string, Field<unknown>>>;

/** What commander has read, by its own names. */
export type Parsed = Readonly<Record<string, unknown>>;

/** What every command that turns one capture into another gets. */
export interface TransformOptions {
  readonly output: string;
  readonly format?: CaptureOutputFormat | undefined;
  readonly filter?: string | undefined;
  readonly workers?: number | undefined;
  readonly json?: boolean | undefined;
  readonly inPlace?: boolean | undefined;
  readonly quiet?: boolean | undefined;
}

export const JSON_SUMMARY: Field<boolean> = {
  ...flag(),
  flag: "--json",
  help: "print the summary as one JSON object",
};

export const TRANSFORM_OPTIONS: Rows = {
  output: {
    ...fileName(),
    required: true,
    flag: "-o, --output <OUT>",
    help: "capture to write, packed if it ends in .gz or .zst; a folder gets a file for each IN; - is standard output",
  },
  format: {
    ...choice("same", "pcap", "pcapng"),
    flag: "--format <FORMAT>",
    help: "pcap, pcapng or same as IN; by default OUT's ending decides if it is .pcap or .pcapng",
  },
  filter: {
    ...text(),
    flag: "--filter <EXPRESSION>",
    help: "drop frames that do not match, in tcpdump's language, before anything is done to them",
  },
  workers: {
    ...whole(0, 64),
    fallback: 0,
    flag: "--workers <N>",
    help: "worker threads that share the work; 0 works on one thread, which is enough where a disk is the brake",
  },
  json: JSON_SUMMARY,
  quiet: { ...flag(), flag: "-q, --quiet", help: "print no summary and no progress" },
  inPlace: {
    ...flag(),
    flag: "--in-place",
    help: "let OUT be IN itself, which is replaced when all has been written",
  },
};

/** Which frames are read: of every command that works through captures. */
export const SELECTION_OPTIONS: Rows = {
  from: { ...time(), flag: "--from <TIME>", help: "only frames from this time on, UTC unless it has a zone" },
  to: { ...time(), flag: "--to <TIME>", help: "only frames before this time" },
  first: {
    ...whole(1, Number.MAX_SAFE_INTEGER),
    flag: "--first <N>",
    help: "only the first N frames, of those between the times",
  },
  order: {
    ...choice("time", "given"),
    flag: "--order <ORDER>",
    help: "of several IN: frames by time (default), or one capture behind the other; they become one pcapng",
  },
};

export function selectionOf(parsed: Parsed): Selection {
  const { from, to, first, order = "time" } = optionsOf(SELECTION_OPTIONS, parsed) as Partial<Selection>;
  return { from, to, first, order };
}

/** Adds the two captures and what concerns them to a command, and its own options behind. */
export function addTransformOptions(command: Command, own: Rows): Command {
  addInputs(command);
  return addFieldOptions(command, { ...TRANSFORM_OPTIONS, ...SELECTION_OPTIONS, ...own });
}

/** The captures that a command reads. */
export function addInputs(command: Command): Command {
  return command.argument(
    "<IN...>",
    "captures to read, pcap or pcapng, also packed with gzip or zstd; - is standard input",
  );
}

/** Adds an option to `command` for each row that has a flag. */
export function addFieldOptions(command: Command, rows: Rows): Command {
  for (const { flag, help = "", fallback, required, parse, off, repeats } of Object.values(rows)) {
    if (flag === undefined) continue;
    const shown = fallback === undefined ? help : `${help} (default: ${fallback})`;
    const option = new Option(flag, shown).makeOptionMandatory(required === true);
    if (option.required && parse !== undefined) {
      const name = longFlag(flag);
      option.argParser((text, before) => ofUsage(() => parse(name, text, before)));
    }
    command.addOption(option);
    const opposite = off && new Option(off.flag, off.help);
    if (opposite !== undefined) command.addOption(opposite);
    if (repeats !== true) onlyOnce(command, option, opposite);
  }
  return command;
}

/** Makes an option that is given twice, or beside its opposite, an error: the last one must not win in silence. */
function onlyOnce(command: Command, option: Option, opposite: Option | undefined): void {
  let first: Option | undefined;
  for (const each of opposite === undefined ? [option] : [option, opposite]) {
    command.on(`option:${each.name()}`, () => {
      if (first === each) throw new UsageError(`${each.long}: given twice`);
      if (first !== undefined) throw new UsageError(`${each.long}: contradicts ${first.long}`);
      first = each;
    });
  }
}

/** What was given, by the names of the rows: what was not given is not there. */
export function optionsOf(rows: Rows, parsed: Parsed): Record<string, unknown> {
  const given: Record<string, unknown> = {};
  for (const [name, { flag, says }] of Object.entries(rows)) {
    if (flag === undefined) continue;
    const value = parsed[new Option(flag).attributeName()];
    if (value !== undefined) given[name] = value === true && says !== undefined ? says : value;
  }
  return given;
}

/**
 * Runs `action`, which was given what `rows` describe at `before`: what it finds wrong with an argument becomes an error
 * of usage that names the flag. Behind the flag stands where in its value: `--geneve-option[1].data`.
 */
export function naming<T>(rows: Rows, before: readonly (string | number)[], action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw isArgumentError(error) ? new UsageError(withFlag(rows, before.length, error)) : error;
  }
}

function withFlag(rows: Rows, skipped: number, { steps, sentence }: ArgumentError): string {
  const [name = "", ...within] = steps.slice(skipped);
  const flag = Object.hasOwn(rows, name) ? rows[name]?.flag : undefined;
  if (flag === undefined) return sentenceAt(steps, sentence);
  const place = pathText(within);
  const dot = place === "" || place.startsWith("[") ? "" : ".";
  return `${longFlag(flag)}${dot}${place}: ${sentence}`;
}

/** `--output` of `-o, --output <OUT>`. */
function longFlag(flags: string): string {
  return new Option(flags).long ?? flags;
}

/** The name of a file or a folder; `-` where the command says so. */
export function fileName(): Kind<string> {
  const expected = "the name of a file";
  const parse = (path: string, text: string): string => {
    if (text !== "" && !text.includes("\0")) return text;
    throw new ArgumentRangeError("malformed", path, `expected ${expected}, got ${JSON.stringify(text)}`);
  };
  return { expected, check: (path, value) => parse(path, String(value)), parse };
}

/** Makes what a check of arguments throws an error of usage. */
function ofUsage<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw isArgumentError(error) ? new UsageError(error.message) : error;
  }
}
