import type { Command } from "commander";
import { alternatives } from "../core/arguments.ts";
import { choice, whole } from "../core/fields.ts";
import type { CountStage, DecapsulateStage } from "../index.ts";
import { compileStages } from "../pipeline/compile.ts";
import { COUNT_STAGE } from "../pipeline/count-stage.ts";
import { TUNNEL_KINDS } from "../tunnel/kinds.ts";
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
  frameferry count overlay.pcap --decap vxlan --by vni
  frameferry count overlay.pcap --decap geneve --by vni,source,destination --json
  tcpdump -U -w - udp port 4789 | frameferry count - --by source

Bytes are those that the frames had on the wire. All is counted in one pass, and in memory that does not grow.`;

const COUNT: Rows = COUNT_STAGE.fields ?? {};
/** Of the decapsulation in front of the count. */
const DECAP: Rows = {
  kind: {
    ...choice(...TUNNEL_KINDS),
    flag: "--decap <KIND>",
    help: `take tunnels of this kind off first, and count what was in them: ${alternatives(TUNNEL_KINDS)}`,
  },
  port: { ...whole(1, 65535), flag: "--port <P>", help: "with --decap: UDP destination port of the tunnel" },
  others: {
    ...choice("drop", "keep"),
    flag: "--keep-others",
    says: "keep",
    help: "with --decap: count frames that are no packets of this tunnel, too",
  },
};
const { workers: WORKERS } = TRANSFORM_OPTIONS as { readonly workers: Rows[string] };
const OWN: Rows = { workers: WORKERS, json: JSON_SUMMARY };

export function defineCount(command: Command): void {
  addInputs(command);
  addFieldOptions(command, { ...COUNT, ...DECAP, ...SELECTION_OPTIONS, ...OWN })
    .addHelpText("after", EXAMPLES)
    .action(count);
}

async function count(inputs: readonly string[], parsed: Parsed): Promise<void> {
  const stage = { stage: "count", ...optionsOf(COUNT, parsed) } as CountStage;
  const decapsulation = optionsOf(DECAP, parsed) as Partial<DecapsulateStage>;
  const { workers = 0, json = false } = optionsOf(OWN, parsed) as { workers?: number; json?: boolean };
  naming(COUNT, ["stages", 0], () => compileStages([stage]));
  if (decapsulation.kind === undefined && Object.keys(decapsulation).length > 0)
    throw new UsageError("--decap: missing; --port and --keep-others are about what it takes off");
  const stages =
    decapsulation.kind === undefined
      ? [stage]
      : [{ stage: "decapsulate", ...decapsulation } as DecapsulateStage, stage];
  naming(DECAP, ["stages", 0], () => compileStages(stages));
  await work(inputs, stages, {
    workers,
    format: "same",
    selection: selectionOf(parsed),
    quiet: false,
    // What comes out of the stages is of no use here.
    open: async () => ({ write: async () => {}, close: async () => {}, abort: async () => {} }),
    onDamage: "deliver",
    report: (told) => print(json ? countJson(told) : countSummary(told, stage)),
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
