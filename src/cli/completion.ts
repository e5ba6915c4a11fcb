// Completions for shells, made of the description of all commands.

import { Argument, type Command } from "commander";
import { print } from "./print.ts";
import { type CommandDescription, describe, named } from "./whole-program.ts";

const SHELLS: Readonly<Record<string, (program: CommandDescription) => string>> = { bash, zsh, fish };

const EXAMPLES = `
Examples:
  frameferry completion bash > ~/.local/share/bash-completion/completions/frameferry
  frameferry completion zsh > "\${fpath[1]}/_frameferry"
  frameferry completion fish > ~/.config/fish/completions/frameferry.fish`;

export function defineCompletion(command: Command, whole: () => Promise<Command>): void {
  command
    .addArgument(new Argument("<SHELL>", "whose completion to print").choices(Object.keys(SHELLS)))
    .addHelpText("after", EXAMPLES)
    .action(async (shell: string) => {
      await print(SHELLS[shell]!(describe(await whole())), "programs");
    });
}

/** What may stand behind a command: names of commands below it, and flags. */
function wordsOf({ options, commands }: CommandDescription): string {
  const flags = options.flatMap(({ long, short }) => (short === undefined ? [long] : [long, short]));
  return [...commands.map(({ name }) => name), ...flags].join(" ");
}

/** The words of the line that name commands, and what may follow each of them. */
function cases(program: CommandDescription): string {
  return named(program)
    .map(([name, command]) => `    "${name}") words="${wordsOf(command)}" ;;`)
    .join("\n");
}

/** Names are found by following them: a file that is called like a command below another is no command. */
function follow(program: CommandDescription): string {
  return named(program)
    .filter(([name]) => name !== "")
    .map(
      ([name, { name: last }]) =>
        `      "${name.slice(0, -last.length).trim()}/${last}") command="${name}" ;;`,
    )
    .join("\n");
}

function bash(program: CommandDescription): string {
  return `# bash completion of frameferry; made by: frameferry completion bash
_frameferry() {
  local current="\${COMP_WORDS[COMP_CWORD]}" command="" words="" word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$command/$word" in
${follow(program)}
    esac
  done
  case "$command" in
${cases(program)}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -o bashdefault -F _frameferry frameferry
`;
}

function zsh(program: CommandDescription): string {
  return `#compdef frameferry
# zsh completion of frameferry; made by: frameferry completion zsh
_frameferry() {
  # $words is the line: what completion gives its functions.
  local command="" found="" word
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$command/$word" in
${follow(program)}
    esac
  done
  case "$command" in
${cases(program).replaceAll(") words=", ") found=")}
  esac
  compadd -- \${=found}
  _files
}
`;
}

function fish(program: CommandDescription): string {
  const lines = ["# fish completion of frameferry; made by: frameferry completion fish"];
  for (const [name, { options, commands }] of named(program)) {
    const words = name.split(" ").filter((word) => word !== "");
    const seen = words.map((word) => `__fish_seen_subcommand_from ${word}`).join("; and ");
    const below = commands.map((command) => command.name).join(" ");
    const none = below === "" ? [] : [`not __fish_seen_subcommand_from ${below}`];
    for (const command of commands) {
      const when = [...(seen === "" ? [] : [seen]), ...none].join("; and ");
      lines.push(`complete -c frameferry -n '${when}' -a ${command.name} -d '${quoted(command.summary)}'`);
    }
    for (const { long, short, value, help } of options) {
      const when = [seen === "" ? "__fish_use_subcommand" : seen, ...(seen === "" ? [] : none)].join(
        "; and ",
      );
      const letter = short === undefined ? "" : ` -s ${short.slice(1)}`;
      lines.push(
        `complete -c frameferry -n '${when}'${letter} -l ${long.slice(2)}${value === undefined ? "" : " -r"} -d '${quoted(help)}'`,
      );
    }
  }
  return `${lines.join("\n")}\n`;
}

function quoted(text: string): string {
  return text.replace(/[\\']/g, "\\$&");
}
