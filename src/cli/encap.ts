import type { Command } from "commander";
import type { Field } from "../core/fields.ts";
import { type EncapsulateStage, encapsulateFields, needsAddresses } from "../tunnel/encapsulations.ts";
import { encapsulateOptions } from "./encapsulate-options.ts";
import { UsageError } from "./failures.ts";
import { addTransformOptions, optionsOf, type Parsed, type Rows } from "./options.ts";
import { transform } from "./transform.ts";

const EXAMPLES = `
Examples:
  frameferry encap lan.pcap -o overlay.pcap --kind vxlan --vni 5001 --local 10.1.5.7 --remote 10.1.5.8
  frameferry encap lan.pcap -o overlay.pcap --vni 1 --local 10.0.0.1 --remote 10.0.0.2 --dst-port 8472 --ttl 255
  frameferry encap lan.pcap -o overlay.pcap --vni 7 --local fd00::1 --remote fd00::2
  frameferry encap lan.pcap -o gre.pcap --kind gre --key 77 --local 10.0.0.1 --remote 10.0.0.2
  frameferry encap lan.pcap -o geneve.pcap --kind geneve --vni 7 --geneve-option 0x0102:0x80:00010002 --local fd00::1 --remote fd00::2
  frameferry encap lan.pcap -o mobile.pcap --kind gtp-u --teid 7 --local 10.0.0.1 --remote 10.0.0.2
  frameferry encap lan.pcap -o labels.pcap --kind mpls --label 16 --label 1000 --carries ip
  frameferry encap a.pcap -o - --vni 1 --local 10.0.0.1 --remote 10.0.0.2 | frameferry inspect -

The UDP source port, or the FlowID of NVGRE, is a hash of the passenger's flow. Timestamps, interfaces and comments are kept.
Which kind needs what, and what it carries, stands in docs/wrappings.md.`;

const { kind, ...ROWS } = encapsulateOptions();
const OPTIONS: Rows = { kind: { ...(kind as Field<unknown>), fallback: "vxlan" }, ...ROWS };

/** A packet has two ends: what is written to a capture is never a bare header. */
const ENDS: readonly string[] = ["local", "remote"];

export function defineEncap(command: Command): void {
  addTransformOptions(command, OPTIONS).addHelpText("after", EXAMPLES).action(encap);
}

async function encap(inputs: readonly string[], parsed: Parsed): Promise<void> {
  const stage = { stage: "encapsulate", kind: "vxlan", ...optionsOf(OPTIONS, parsed) } as EncapsulateStage;
  const hasEnds = needsAddresses(stage.kind);
  for (const [name, { required }] of Object.entries(encapsulateFields(stage.kind))) {
    const flag = OPTIONS[name]?.flag;
    if ((required || (hasEnds && ENDS.includes(name))) && flag !== undefined && !Object.hasOwn(stage, name))
      throw new UsageError(`required option '${flag}' not specified`);
  }
  // Whether the options belong to the kind is checked where all stages are.
  await transform("encap", inputs, parsed, [stage], OPTIONS);
}
