import type { Command } from "commander";
import type { ProcessCaptureOptions } from "../capture/process-capture.ts";
import { SPLIT_FIELDS } from "../capture/split-capture.ts";
import { type Field, flag } from "../core/fields.ts";
import { DECAPSULATE_ANY, type DecapsulateAny } from "../tunnel/any.ts";
import { UsageError } from "./failures.ts";
import { addTransformOptions, optionsOf, type Parsed, type Rows } from "./options.ts";
import { portsByKind } from "./ports-option.ts";
import type { Split } from "./split-output.ts";
import { transform } from "./transform.ts";

const EXAMPLES = `
Examples:
  frameferry decap overlay.pcap -o passengers.pcap
  frameferry decap overlay.pcap -o passengers.pcapng --vni 5001 --vni 5002 --depth all
  frameferry decap flannel.pcap -o pods.pcap --kind vxlan --port 8473 --keep-others
  frameferry decap mirror.pcap -o mirrored.pcap --kind erspan --kind tzsp
  frameferry decap mobile.pcap -o users.pcapng --kind gtp-u --link raw
  frameferry decap cloud.pcap -o tenants/ --split-by vni
  frameferry decap fabric.pcap -o from-{}.pcapng.gz --split-by remote
  frameferry decap ovn.pcap -o passengers.pcap --kind geneve --take-critical
  tcpdump -U -w - udp port 4789 | frameferry decap - -o - | tcpdump -n -r -

Without --kind whatever is known is taken off: docs/wrappings.md says what that is. What is dropped is counted by reason,
what is taken off by kind, VNI and key. Timestamps, interfaces and comments are kept.`;

const { stage: _, kind: __, label, ...STAGE_OPTIONS } = DECAPSULATE_ANY as unknown as Rows;

/** What concerns the capture, and not the stage. It is true unless the flag, which negates, is given. */
const CAPTURE_OPTIONS: Rows = {
  reassembly: {
    ...flag(),
    flag: "--no-reassembly",
    help: "leave fragments of outer IP packets as they are, instead of putting them together first",
  },
};

/** What is written is told apart by the label of the stage. */
const SPLIT: Rows = {
  label: {
    ...(label as Field<unknown>),
    flag: "--split-by <KEY>",
    help: "write a pcapng for each vni, kind or remote address: OUT is a folder, or a name with {} where that stands",
  },
  most: {
    ...(SPLIT_FIELDS.most as Field<unknown>),
    flag: "--split-most <N>",
    help: "with --split-by: captures to write at most; frames beyond go into the one called others",
  },
};

export function defineDecap(command: Command): void {
  addTransformOptions(command, { ...STAGE_OPTIONS, ...CAPTURE_OPTIONS, ...SPLIT })
    .addHelpText("after", EXAMPLES)
    .action(decap);
}

async function decap(inputs: readonly string[], parsed: Parsed): Promise<void> {
  const { ports, ...options } = optionsOf(STAGE_OPTIONS, parsed) as Partial<DecapsulateAny>;
  const { reassembly } = optionsOf(CAPTURE_OPTIONS, parsed) as Pick<ProcessCaptureOptions, "reassembly">;
  const { label: by, most } = optionsOf(SPLIT, parsed) as Split & Pick<DecapsulateAny, "label">;
  if (by === undefined && most !== undefined)
    throw new UsageError("--split-by: missing; --split-most is about what it writes");
  const stage: DecapsulateAny = {
    stage: "decapsulate",
    kind: "any",
    ...options,
    ports: portsByKind(ports, options.kinds),
    label: by,
  };
  await transform("decap", inputs, parsed, [stage], STAGE_OPTIONS, {
    split: by && { most },
    capture: { reassembly },
  });
}
