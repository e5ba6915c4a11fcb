import type { Command } from "commander";
import { RATE_FIELDS, type RateOptions, rate } from "../ready/rate.ts";
import { UsageError } from "./failures.ts";
import { addTransformOptions, naming, optionsOf, type Parsed, type Rows } from "./options.ts";
import { transform } from "./transform.ts";

const EXAMPLES = `
Examples:
  frameferry rate busy.pcap -o calm.pcap --frames-per-second 1000
  frameferry rate busy.pcap -o fair.pcap --bits-per-second 1000000 --burst-bytes 15000 --by source
  frameferry rate *.pcap.gz -o calm.pcapng --frames-per-second 100 --by flow --capacity 65536

It goes by the times in the captures, whenever that is. With --workers each piece of a capture begins with a whole burst.`;

const OPTIONS: Rows = RATE_FIELDS as unknown as Rows;

export function defineRate(command: Command): void {
  addTransformOptions(command, OPTIONS).addHelpText("after", EXAMPLES).action(run);
}

async function run(inputs: readonly string[], parsed: Parsed): Promise<void> {
  const options = optionsOf(OPTIONS, parsed) as RateOptions;
  if (options.framesPerSecond === undefined && options.bitsPerSecond === undefined)
    throw new UsageError("no limit: give --frames-per-second, --bits-per-second or both");
  const stage = naming(OPTIONS, [], () => rate(options));
  await transform("rate", inputs, parsed, [stage], OPTIONS);
}
