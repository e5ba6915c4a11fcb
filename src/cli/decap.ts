import type { Command } from "commander";
import { DECAPSULATE_ANY, type DecapsulateAny } from "../tunnel/any.ts";
import { addTransformOptions, optionsOf, type Parsed, type Rows } from "./options.ts";
import { portsByKind } from "./ports-option.ts";
import { transform } from "./transform.ts";

const EXAMPLES = `
Examples:
  frameferry decap overlay.pcap -o passengers.pcap
  frameferry decap overlay.pcap -o passengers.pcapng --vni 5001 --vni 5002 --depth all
  frameferry decap flannel.pcap -o pods.pcap --kind vxlan --port 8473 --keep-others
  frameferry decap mirror.pcap -o mirrored.pcap --kind erspan --kind tzsp
  frameferry decap mobile.pcap -o users.pcapng --kind gtp-u --link raw
  frameferry decap ovn.pcap -o passengers.pcap --kind geneve --take-critical
  tcpdump -U -w - udp port 4789 | frameferry decap - -o - | tcpdump -n -r -

Without --kind whatever is known is taken off: docs/wrappings.md says what that is. What is dropped is counted by reason,
what is taken off by kind, VNI and key. Timestamps, interfaces and comments are kept.`;

const { stage: _, kind: __, ...OPTIONS } = DECAPSULATE_ANY as unknown as Rows;

export function defineDecap(command: Command): void {
  addTransformOptions(command, OPTIONS).addHelpText("after", EXAMPLES).action(decap);
}

async function decap(inputs: readonly string[], parsed: Parsed): Promise<void> {
  const { ports, ...options } = optionsOf(OPTIONS, parsed) as Partial<DecapsulateAny>;
  const stage: DecapsulateAny = {
    stage: "decapsulate",
    kind: "any",
    ...options,
    ports: portsByKind(ports, options.kinds),
  };
  await transform("decap", inputs, parsed, [stage], OPTIONS);
}
