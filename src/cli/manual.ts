// The manual page, in roff, made of the description of all commands.

import type { Command } from "commander";
import { print } from "./print.ts";
import { type CommandDescription, describe, named, type OptionDescription } from "./whole-program.ts";

const EXAMPLES = `
Examples:
  frameferry man | man -l -
  frameferry man > ~/.local/share/man/man1/frameferry.1`;

export function defineManual(command: Command, whole: () => Promise<Command>, after: string): void {
  command.addHelpText("after", EXAMPLES).action(async () => {
    await print(page(describe(await whole()), after), "programs");
  });
}

function page(program: CommandDescription, after: string): string {
  const [, ...commands] = named(program);
  return [
    '.TH FRAMEFERRY 1 "" "frameferry" "User Commands"',
    ".SH NAME",
    `frameferry \\- ${escaped(program.summary)}`,
    ".SH SYNOPSIS",
    ".B frameferry",
    "COMMAND [OPTIONS]",
    ".SH OPTIONS",
    ...program.options.flatMap(optionLines),
    ".SH COMMANDS",
    ...commands.flatMap(([name, command]) => commandLines(name, command)),
    ".SH NOTES",
    ".nf",
    ...after.trim().split("\n").map(escaped),
    ".fi",
    "",
  ].join("\n");
}

function commandLines(name: string, { summary, args, options, commands }: CommandDescription): string[] {
  const usage = [...args, ...(commands.length > 0 ? ["COMMAND"] : [])].map(escaped).join(" ");
  return [`.SS ${escaped(name)} ${usage}`.trimEnd(), escaped(summary), ...options.flatMap(optionLines)];
}

function optionLines({ long, short, value, help }: OptionDescription): string[] {
  const flags = [short, long].filter((flag) => flag !== undefined).map((flag) => `\\fB${escaped(flag)}\\fR`);
  const of = value === undefined ? "" : ` \\fI${escaped(value)}\\fR`;
  return [".TP", `${flags.join(", ")}${of}`, escaped(help)];
}

/** What roff would take for a command of its own, or for a hyphen of text. */
function escaped(text: string): string {
  return text
    .replace(/\\/g, "\\e")
    .replace(/-/g, "\\-")
    .replace(/^(?=[.'])/gm, "\\&");
}
