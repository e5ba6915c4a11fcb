import type { Command } from "commander";
import { alternatives } from "../core/arguments.ts";
import { choice, type Field, list } from "../core/fields.ts";
import type { CountStage } from "../index.ts";
import { compileStages } from "../pipeline/compile.ts";
import { COUNT_STAGE } from "../pipeline/count-stage.ts";
import { DECAPSULATE_ANY, type DecapsulateAny } from "../tunnel/any.ts";
import { WRAPPING_KINDS, type WrappingKind } from "../tunnel/wrappings.ts";
import { UsageError } from "./failures.ts";
import {
  addFieldOptions,
  addInputs,
  JSON_SUMMARY,
  naming,
  optionsOf,
  type Parsed,
  type Rows,
  SELECTION_OPTIONS,
  selectionOf,
  TRANSFORM_OPTIONS,
} from "./options.ts";
import { portsByKind } from "./ports-option.ts";
import { print } from "./print.ts";
import {
  countsJson,
  countText,
  damageJson,
  dropRows,
  grouped,
  inputsJson,
  inputsText,
  type Told,
} from "./summary.ts";
import { textTable } from "./text-table.ts";
import { work } from "./transform.ts";

const EXAMPLES = `
Examples:
  frameferry count capture.pcap --by source,destination --top 20
  frameferry count overlay.pcap --decap any --by vni
  frameferry count overlay.pcap --decap geneve --by vni,source,destination --json
  tcpdump -U -w - udp port 4789 | frameferry count - --by source

Bytes are those that the frames had on the wire. All is counted in one pass, and in memory that does not grow.`;

const COUNT: Rows = COUNT_STAGE.fields ?? {};
/** Of the decapsulation in front of the count. */
const DECAP: Rows = {
  kinds: {
    ...list(choice("any", ...WRAPPING_KINDS)),
    flag: "--decap <KIND>",
    help: `take wrappings of this kind off first, and count what was in them; may be given several times: any, ${alternatives(WRAPPING_KINDS)}`,
  },
  ports: {
    ...(DECAPSULATE_ANY.ports as Field<unknown>),
    help: "with --decap: UDP destination port of a kind in place of the usual ones; may be given several times, without KIND of the only --decap, or of VXLAN",
  },
  others: {
    ...choice("drop", "keep"),
    flag: "--keep-others",
    says: "keep",
    help: "with --decap: count frames that hold nothing of these kinds, too",
  },
};
const { workers: WORKERS } = TRANSFORM_OPTIONS as { readonly workers: Rows[string] };
const OWN: Rows = { workers: WORKERS, json: JSON_SUMMARY };

type Decapsulation = Pick<DecapsulateAny, "ports" | "others"> & {
  readonly kinds?: readonly (WrappingKind | "any")[];
};

export function defineCount(command: Command): void {
  addInputs(command);
  addFieldOptions(command, { ...COUNT, ...DECAP, ...SELECTION_OPTIONS, ...OWN })
    .addHelpText("after", EXAMPLES)
    .action(count);
}

async function count(inputs: readonly string[], parsed: Parsed): Promise<void> {
  const stage = { stage: "count", ...optionsOf(COUNT, parsed) } as CountStage;
  const { kinds: named, ports, ...others } = optionsOf(DECAP, parsed) as Decapsulation;
  const { workers = 0, json = false } = optionsOf(OWN, parsed) as { workers?: number; json?: boolean };
  naming(COUNT, ["stages", 0], () => compileStages([stage]));
  if (named === undefined && Object.keys(optionsOf(DECAP, parsed)).length > 0)
    throw new UsageError("--decap: missing; --port and --keep-others are about what it takes off");
  const kinds = named?.includes("any") ? undefined : (named as DecapsulateAny["kinds"]);
  const decap = {
    stage: "decapsulate",
    kind: "any",
    kinds,
    ports: portsByKind(ports, kinds),
    ...others,
  } as const;
  const stages = named === undefined ? [stage] : [decap, stage];
  naming(DECAP, ["stages", 0], () => compileStages(stages));
  // Of what is taken off is counted by kind, too: that is not what was asked for.
  const asked = (told: Told): Told => {
    const counts = told.summary.counts.filter((count) => count.stage === stages.length - 1);
    return { ...told, summary: { ...told.summary, counts } };
  };
  await work(inputs, stages, {
    workers,
    format: "same",
    selection: selectionOf(parsed),
    quiet: false,
    // What comes out of the stages is of no use here.
    open: async () => ({ write: async () => {}, close: async () => {}, abort: async () => {} }),
    onDamage: "deliver",
    report: (told) => print(json ? countJson(asked(told)) : countSummary(asked(told), stage)),
  });
}

function countSummary(told: Told, { top }: CountStage): string {
  const { summary } = told;
  const head = `${inputsText(told)}, ${grouped(summary.received)} frames:\n`;
  const drops = dropRows(summary).map(([name, frames, sentence]) => [
    `not counted: ${name.trim()}`,
    grouped(frames),
    sentence,
  ]);
  return head + summary.counts.map((told) => countText(told, top)).join("") + textTable(drops, [1]);
}

function countJson(told: Told): string {
  const { summary } = told;
  const { received, dropped, drops, frameBytesIn, fileBytesIn, workers } = summary;
  const object = {
    command: "count",
    ...inputsJson(told),
    received,
    dropped,
    drops,
    counts: countsJson(summary),
    frameBytesIn,
    fileBytesIn,
    workers,
    damage: damageJson(told),
  };
  return `${JSON.stringify(object)}\n`;
}
