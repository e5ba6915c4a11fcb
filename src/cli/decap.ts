import type { Command } from "commander";
import type { Field } from "../core/fields.ts";
import type { DecapsulateStage } from "../pipeline/stages.ts";
import { optionsOfAnyKind } from "../tunnel/kinds.ts";
import { addTransformOptions, optionsOf, type Parsed, type Rows } from "./options.ts";
import { transform } from "./transform.ts";

const EXAMPLES = `
Examples:
  frameferry decap overlay.pcap -o passengers.pcap
  frameferry decap overlay.pcap -o passengers.pcapng --vni 5001 --depth all
  frameferry decap flannel.pcap -o pods.pcap --port 8472 --keep-others
  frameferry decap gre.pcap -o passengers.pcap --kind gre --key 77
  frameferry decap ovn.pcap -o passengers.pcap --kind geneve --take-critical
  tcpdump -U -w - udp port 4789 | frameferry decap - -o - | tcpdump -n -r -

What is dropped is counted by reason, and what is written by VNI. Timestamps, interfaces and comments are kept.`;

const { kind, ...ROWS } = optionsOfAnyKind("decapsulate");

const OPTIONS: Rows = { kind: { ...(kind as Field<unknown>), fallback: "vxlan" }, ...ROWS };

export function defineDecap(command: Command): void {
  addTransformOptions(command, OPTIONS).addHelpText("after", EXAMPLES).action(decap);
}

async function decap(input: string, parsed: Parsed): Promise<void> {
  // Whether the options belong to the kind is checked where all stages are.
  const stage = { stage: "decapsulate", kind: "vxlan", ...optionsOf(OPTIONS, parsed) } as DecapsulateStage;
  await transform("decap", input, parsed, [stage, { stage: "count", by: "vni" }], OPTIONS);
}
