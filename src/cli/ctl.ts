import { readdirSync } from "node:fs";
import type { Command } from "commander";
import { flag } from "../core/fields.ts";
import { fileError } from "../platform/file-error.ts";
import { UsageError } from "./failures.ts";
import { addFieldOptions, fileName, optionsOf, type Parsed, type Rows } from "./options.ts";
import { print } from "./print.ts";
import { ask } from "./vtep-control.ts";
import { type Answers, isQuestion, QUESTIONS } from "./vtep-state.ts";
import { TEXTS } from "./vtep-text.ts";

interface CtlOptions {
  readonly control?: string;
  readonly json?: boolean;
}

const OPTIONS: Rows = {
  control: {
    ...fileName(),
    flag: "--control <PATH>",
    help: "where the VTEP listens, as its configuration says; by default the only frameferry-*.sock in /run",
  },
  json: { ...flag(), flag: "--json", help: "print the answer as one JSON object" },
};

const EXAMPLES = `
Examples:
  frameferry ctl ports                     what is plugged in, and how it stands with it
  frameferry ctl fdb                       what was learned, and where
  frameferry ctl counters                  frames in all, and by bridge domain
  frameferry ctl drops --json              where frames were lost, and why
  frameferry ctl --control /run/frameferry-ff0-10.1.5.8.sock ports`;

const FOLDER = "/run";

export function defineCtl(command: Command): void {
  command.argument("<WHAT>", `what to ask a running vtep: ${Object.keys(QUESTIONS).join(", ")}`);
  addFieldOptions(command, OPTIONS).addHelpText("after", EXAMPLES).action(runCommand);
}

async function runCommand(what: string, parsed: Parsed): Promise<void> {
  const { control, json }: CtlOptions = optionsOf(OPTIONS, parsed);
  if (!isQuestion(what))
    throw new UsageError(`WHAT: expected ${Object.keys(QUESTIONS).join(", ")}, got ${JSON.stringify(what)}`);
  const path = control ?? onlyControl();
  const line = await answered(path, what);
  if (json) await print(line, "programs");
  else await print(textOf(what, JSON.parse(line) as Answers));
}

function textOf<K extends keyof Answers>(what: K, answers: Pick<Answers, K>): string {
  return TEXTS[what](answers[what]);
}

function onlyControl(): string {
  const names = readdirSync(FOLDER).filter((name) => /^frameferry-.*\.sock$/.test(name));
  const [first, ...more] = names.map((name) => `${FOLDER}/${name}`);
  if (first === undefined)
    throw new UsageError(`--control: there is no frameferry-*.sock in ${FOLDER}: say where the VTEP listens`);
  if (more.length > 0) throw new UsageError(`--control: say which of ${[first, ...more].join(", ")}`);
  return first;
}

async function answered(path: string, what: string): Promise<string> {
  let line: string;
  try {
    line = await ask(path, what);
  } catch (error) {
    throw fileError("read", path, error);
  }
  if (line === "") throw new UsageError(`${path}: it has not answered`);
  return line;
}
