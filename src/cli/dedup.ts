import type { Command } from "commander";
import { DEDUP_FIELDS, type DedupOptions, dedup } from "../ready/dedup.ts";
import { addTransformOptions, optionsOf, type Parsed, type Rows } from "./options.ts";
import { transform } from "./transform.ts";

const EXAMPLES = `
Examples:
  frameferry dedup mirrored.pcap -o once.pcap
  frameferry dedup port1.pcap port2.pcap -o once.pcapng --window 1024

Frames are the same if all their bytes are. Each of several workers knows only the frames that came to it, so that with
--workers some copies stay.`;

const OPTIONS: Rows = DEDUP_FIELDS as unknown as Rows;

export function defineDedup(command: Command): void {
  addTransformOptions(command, OPTIONS).addHelpText("after", EXAMPLES).action(run);
}

async function run(inputs: readonly string[], parsed: Parsed): Promise<void> {
  const stage = dedup(optionsOf(OPTIONS, parsed) as DedupOptions);
  await transform("dedup", inputs, parsed, [stage], OPTIONS);
}
