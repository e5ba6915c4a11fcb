// What the soak, the fuzzer and the planted faults have in common: their options, and faults as they are told.

import { parseArgs } from "node:util";

/** Something that should not have been, and how to see it again. */
export interface Fault {
  /** Of the chapter or the case: the same seed gives the same again, as far as threads allow it. */
  readonly seed: number;
  /** Where it was: a chapter's or a check's name. */
  readonly where: string;
  readonly what: string;
  /** Since the beginning of the run. */
  readonly atSeconds: number;
}

export interface TrialOptions {
  readonly seconds: number;
  readonly seed: number;
  readonly json: boolean;
  /** Only what has this in its name. */
  readonly only: string | undefined;
}

/** `--minutes`, `--seed`, `--only` and `--json`; ends the program with one line where they cannot be. */
export function trialOptions(program: string, defaultMinutes: number): TrialOptions {
  try {
    const { values } = parseArgs({
      options: {
        minutes: { type: "string", default: String(defaultMinutes) },
        seed: { type: "string", default: "1" },
        only: { type: "string" },
        json: { type: "boolean", default: false },
      },
    });
    const minutes = Number(values.minutes);
    const seed = Number(values.seed);
    if (!(minutes > 0 && minutes <= 100_000))
      throw new Error(`--minutes: expected a number above 0, got ${values.minutes}`);
    if (!Number.isInteger(seed) || seed < 0 || seed > 0xffffffff)
      throw new Error(`--seed: expected a whole number from 0 to 4294967295, got ${values.seed}`);
    return { seconds: minutes * 60, seed, json: values.json, only: values.only };
  } catch (error) {
    console.error(`${program}: ${(error as Error).message}`);
    process.exit(2);
  }
}

/** An error as one line of a fault. */
export function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const place = error.stack?.split("\n").find((line) => line.includes("/build/js/"));
  return `${error.name}: ${error.message}${place === undefined ? "" : ` (${place.trim()})`}`;
}

/** A fault without its numbers: two of the same kind have the same name. */
export function kindOfFault({ where, what }: Pick<Fault, "where" | "what">): string {
  return `${where} ${what}`.replace(/[0-9a-f]*\d[0-9a-f]*/g, "#").slice(0, 120);
}

/** Prints the faults, and lets the program end with 1 if there is one. */
export function tellFaults(faults: readonly Fault[], say: (line: string) => void): void {
  for (const { seed, where, what } of faults) say(`FAULT in ${where}, seed ${seed}: ${what}`);
  if (faults.length > 0) process.exitCode = 1;
}

/** 12,345,678 */
export function grouped(count: number): string {
  return Math.round(count)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ",");
}
