import type { Command } from "commander";
import type { ProcessCaptureOptions } from "../capture/process-capture.ts";
import { flag } from "../core/fields.ts";
import { DECAPSULATE_ANY, type DecapsulateAny, NO_KIND, type WrappingPorts } from "../tunnel/any.ts";
import { addTransformOptions, optionsOf, type Parsed, type Rows } from "./options.ts";
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

const { stage: _, kind: __, ...STAGE_OPTIONS } = DECAPSULATE_ANY as unknown as Rows;

/** What concerns the capture, and not the stage. It is true unless the flag, which negates, is given. */
const CAPTURE_OPTIONS: Rows = {
  reassembly: {
    ...flag(),
    flag: "--no-reassembly",
    help: "leave fragments of outer IP packets as they are, instead of putting them together first",
  },
};

export function defineDecap(command: Command): void {
  addTransformOptions(command, { ...STAGE_OPTIONS, ...CAPTURE_OPTIONS })
    .addHelpText("after", EXAMPLES)
    .action(decap);
}

async function decap(inputs: readonly string[], parsed: Parsed): Promise<void> {
  const { ports, ...options } = optionsOf(STAGE_OPTIONS, parsed) as Partial<DecapsulateAny>;
  const { reassembly } = optionsOf(CAPTURE_OPTIONS, parsed) as Pick<ProcessCaptureOptions, "reassembly">;
  const stage: DecapsulateAny = {
    stage: "decapsulate",
    kind: "any",
    ...options,
    ...(ports && { ports: withKind(ports, options.kinds) }),
  };
  await transform("decap", inputs, parsed, [stage], STAGE_OPTIONS, { reassembly });
}

/** Ports that were given without a kind are those of the only one, or of VXLAN. */
function withKind(ports: WrappingPorts, kinds: DecapsulateAny["kinds"] = []): WrappingPorts {
  const byKind = new Map(Object.entries(ports) as [string, readonly number[]][]);
  const nobodys = byKind.get(NO_KIND);
  if (nobodys === undefined) return ports;
  const whose = (kinds.length === 1 && kinds[0]) || "vxlan";
  byKind.delete(NO_KIND);
  return Object.fromEntries(byKind.set(whose, [...nobodys, ...(byKind.get(whose) ?? [])]));
}
