// All commands with all their options, as commander has them: the one description that help, completions and the manual
// page are made of.

import type { Command } from "commander";

/** An option, as it is written on a line. */
export interface OptionDescription {
  readonly long: string;
  readonly short: string | undefined;
  /** What stands for its value; undefined if it has none. */
  readonly value: string | undefined;
  readonly help: string;
}

/** A command with all that is below it. */
export interface CommandDescription {
  readonly name: string;
  readonly summary: string;
  /** What stands for its arguments: `<IN>`. */
  readonly args: readonly string[];
  readonly options: readonly OptionDescription[];
  readonly commands: readonly CommandDescription[];
}

/** What commander has been told of a command. */
export function describe(command: Command): CommandDescription {
  const options = command.options.map(({ long, short, flags, description }) => ({
    long: long ?? "",
    short,
    value: /<[^>]*>/.exec(flags)?.[0],
    help: description,
  }));
  const args = command.registeredArguments.map((argument) =>
    argument.required ? `<${argument.name()}>` : `[${argument.name()}]`,
  );
  return {
    name: command.name(),
    summary: command.description(),
    args,
    options: [...options, { long: "--help", short: "-h", value: undefined, help: "print help" }],
    commands: command.commands.map(describe),
  };
}

/** A command and those below it, with their whole names: `vlan push`. The program itself has none. */
export function named(command: CommandDescription, name = ""): [string, CommandDescription][] {
  return [
    [name, command],
    ...command.commands.flatMap((below) => named(below, `${name} ${below.name}`.trim())),
  ];
}
