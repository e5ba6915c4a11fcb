import type { Command } from "commander";
import type { SampleStage } from "../index.ts";
import { SAMPLE_STAGE } from "../pipeline/sample-stage.ts";
import { addTransformOptions, optionsOf, type Parsed, type Rows } from "./options.ts";
import { transform } from "./transform.ts";

const EXAMPLES = `
Examples:
  frameferry sample long.pcap -o short.pcap --one-in 100
  frameferry sample long.pcap -o some-flows.pcap --one-in 10 --by flow

By frame each of several workers counts for itself. By flow it is the same frames whatever their number.`;

const OPTIONS: Rows = SAMPLE_STAGE.fields ?? {};

export function defineSample(command: Command): void {
  addTransformOptions(command, OPTIONS).addHelpText("after", EXAMPLES).action(sample);
}

async function sample(inputs: readonly string[], parsed: Parsed): Promise<void> {
  const stage = { stage: "sample", ...optionsOf(OPTIONS, parsed) } as SampleStage;
  await transform("sample", inputs, parsed, [stage], OPTIONS);
}
