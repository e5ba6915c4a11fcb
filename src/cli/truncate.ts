import type { Command } from "commander";
import { TRUNCATE_FIELDS, type TruncateOptions, truncate } from "../ready/truncate.ts";
import { addTransformOptions, optionsOf, type Parsed, type Rows } from "./options.ts";
import { transform } from "./transform.ts";

const EXAMPLES = `
Examples:
  frameferry truncate long.pcap -o headers.pcap --bytes 96
  frameferry truncate *.pcap.gz -o headers.pcapng --bytes 128 --filter "tcp port 443"

The lengths that frames had on the wire stay as they were.`;

const OPTIONS: Rows = TRUNCATE_FIELDS as unknown as Rows;

export function defineTruncate(command: Command): void {
  addTransformOptions(command, OPTIONS).addHelpText("after", EXAMPLES).action(run);
}

async function run(inputs: readonly string[], parsed: Parsed): Promise<void> {
  const stage = truncate(optionsOf(OPTIONS, parsed) as unknown as TruncateOptions);
  await transform("truncate", inputs, parsed, [stage], OPTIONS);
}
