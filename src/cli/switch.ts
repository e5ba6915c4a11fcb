import type { Command } from "commander";
import { flag } from "../core/fields.ts";
import { isStandardOutput } from "../platform/node-output.ts";
import { UsageError } from "./failures.ts";
import { addFieldOptions, fileName, optionsOf, type Parsed, type Rows } from "./options.ts";
import { print } from "./print.ts";
import { buildSwitch } from "./switch-build.ts";
import { EXAMPLE_CONFIG, readSwitchConfig } from "./switch-config.ts";
import { portCaptures, runSwitch } from "./switch-run.ts";
import { switchFdbText, switchJson, switchText } from "./switch-summary.ts";

interface SwitchCommandOptions {
  readonly config?: string;
  readonly example?: boolean;
  readonly fdb?: boolean;
  readonly json?: boolean;
}

const OPTIONS: Rows = {
  config: { ...fileName(), flag: "--config <FILE>", help: "configuration, JSON; - is standard input" },
  example: {
    ...flag(),
    flag: "--example",
    help: "print a configuration to begin with, for the captures of frameferry demo",
  },
  fdb: { ...flag(), flag: "--fdb", help: "print what the switch has learned, too" },
  json: { ...flag(), flag: "--json", help: "print counters and FDB as one JSON object" },
};

const EXAMPLES = `
Examples:
  frameferry switch --config switch.json
  frameferry switch --config switch.json --fdb
  frameferry switch --config switch.json --json
  frameferry switch --example
  frameferry demo -o . && frameferry switch --example > switch.json && frameferry switch --config switch.json

The configuration names bridge domains, ports, tunnels, and for each port the captures that run in and the one to
write of what leaves. Frames are taken in the order of their times, which are the switch's clock, and leave with the
time of the frame that they come from. Files appear under their names when all is done, all of them or none. The
JSON schema is frameferry/switch.schema.json.`;

export function defineSwitch(command: Command): void {
  addFieldOptions(command, OPTIONS).addHelpText("after", EXAMPLES).action(runCommand);
}

async function runCommand(parsed: Parsed): Promise<void> {
  const { config: file, example, fdb, json }: SwitchCommandOptions = optionsOf(OPTIONS, parsed);
  if (example) {
    if (file !== undefined) throw new UsageError("--example: it goes without --config");
    await print(EXAMPLE_CONFIG);
    return;
  }
  if (file === undefined)
    throw new UsageError("--config: name a configuration, or have one printed by --example");
  const config = await readSwitchConfig(file);
  const built = await buildSwitch(file, config);
  const captures = portCaptures(file, config);
  const run = await runSwitch(built, captures);
  const text = json ? switchJson(file, run) : `${switchText(file, run)}${fdb ? switchFdbText(run) : ""}`;
  // The summary keeps out of the way of a capture on standard output.
  const busy = [...captures.values()].some(({ output }) => output !== undefined && isStandardOutput(output));
  if (busy) process.stderr.write(text);
  else await print(text);
}
