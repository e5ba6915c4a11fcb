// What a capture holds, in one pass. Addresses and tunnels are counted by the kernels, whoever runs them; sizes, times and
// layers are read on this thread from the same bytes on their way there.

import type { Command } from "commander";
import { ArgumentRangeError } from "../core/argument-error.ts";
import { type Field, type Kind, text, whole } from "../core/fields.ts";
import type { CountStage, Stage, StageCounts } from "../index.ts";
import { DECAPSULATE_ANY, type WrappingPorts } from "../tunnel/any.ts";
import { conversationsOf } from "./conversations.ts";
import { say } from "./failures.ts";
import { filterOf, matcherOf, notFiltered } from "./filter-option.ts";
import {
  addFieldOptions,
  addInputs,
  JSON_SUMMARY,
  optionsOf,
  type Parsed,
  type Rows,
  SELECTION_OPTIONS,
  selectionOf,
  TRANSFORM_OPTIONS,
} from "./options.ts";
import { portsByKind } from "./ports-option.ts";
import { print } from "./print.ts";
import { RecordStats } from "./record-stats.ts";
import { statsJson } from "./stats-json.ts";
import { statsText } from "./stats-text.ts";
import type { Ends, StatsTold } from "./stats-told.ts";
import type { Told } from "./summary.ts";
import { work } from "./transform.ts";

const EXAMPLES = `
Examples:
  frameferry stats capture.pcap
  frameferry stats overlay.pcapng.gz --top 20 --workers 2
  frameferry stats *.pcap --interval 60 --json
  tcpdump -U -w - -c 10000 | frameferry stats -

Conversations are those of the outermost IP header, and those of the innermost where a frame came through tunnels; a is the
end that sent more. Bytes are those that frames had on the wire. Sizes, times and layers are of all frames. All is counted
in one pass and in memory that does not grow: what found no room is told as "others".`;

/** Conversations that each table has room for, if nobody says another number. */
const CAPACITY = 16384;
const TOP = 10;
const MICROSECONDS = 1e6;

const { workers: WORKERS } = TRANSFORM_OPTIONS as Required<typeof TRANSFORM_OPTIONS>;

const OWN: Rows = {
  top: {
    ...whole(1, 65536),
    flag: "--top <N>",
    help: `rows of each table; ${TOP} for people and all with --json, if nobody says so`,
  },
  interval: {
    ...seconds(),
    flag: "--interval <SECONDS>",
    help: "how long each step over time is; by default it fits the capture",
  },
  capacity: {
    ...whole(1, 65536),
    fallback: CAPACITY,
    flag: "--capacity <N>",
    help: "conversations to have room for in each table; the frames of further ones are told together",
  },
  ports: {
    ...(DECAPSULATE_ANY.ports as Field<unknown>),
    help: "UDP destination port of a kind in place of the usual ones; may be given several times, without KIND of VXLAN",
  },
  filter: {
    ...text(),
    flag: "--filter <EXPRESSION>",
    help: "only frames that match, in tcpdump's language",
  },
  workers: WORKERS as NonNullable<typeof WORKERS>,
  json: JSON_SUMMARY,
};

interface StatsOptions {
  readonly top?: number;
  readonly interval?: number;
  readonly capacity?: number;
  readonly ports?: WrappingPorts;
  readonly filter?: string;
  readonly workers?: number;
  readonly json?: boolean;
}

export function defineStats(command: Command): void {
  addInputs(command);
  addFieldOptions(command, { ...OWN, ...SELECTION_OPTIONS })
    .addHelpText("after", EXAMPLES)
    .action(stats);
}

async function stats(inputs: readonly string[], parsed: Parsed): Promise<void> {
  const options = optionsOf(OWN, parsed) as StatsOptions;
  const { top, interval, capacity = CAPACITY, workers = 0, json = false } = options;
  const ports = portsByKind(options.ports);
  const filter = options.filter === undefined ? undefined : await filterOf(options.filter);
  const matcher = filter && matcherOf(filter);
  const records = new RecordStats(ports, matcher?.matches, interval && Math.round(interval * MICROSECONDS));
  const filters: readonly Stage[] = filter === undefined ? [] : [filter.stage];
  const stages: readonly Stage[] = [
    ...filters,
    ...countStages(capacity),
    // Whoever goes on behind it came out of a tunnel.
    { stage: "decapsulate", kind: "any", depth: "all", link: "raw", ports },
    ...countStages(capacity),
  ];
  await work(inputs, stages, {
    workers,
    // Innermost packets may be of another link type than the capture.
    format: "pcapng",
    selection: selectionOf(parsed),
    quiet: false,
    // Each fragment is a frame of its own here.
    capture: { reassembly: false },
    watch: (chunk) => records.push(chunk),
    open: async () => ({ write: async () => {}, close: async () => {}, abort: async () => {} }),
    onDamage: "deliver",
    report: async (told) => {
      const all = statsTold(told, records, filters.length);
      if (json) await print(statsJson(all, top), "programs");
      else await print(statsText(all, { top: top ?? TOP, fine: process.stdout.isTTY === true }));
      const note = matcher && notFiltered(matcher.passedOver);
      if (note !== undefined) say(`frameferry stats: ${note}`);
    },
  });
}

const PAIR: CountStage["by"] = ["source", "destination"];
const FLOW: CountStage["by"] = ["source", "destination", "protocol", "sourcePort", "destinationPort"];

function countStages(capacity: number): readonly CountStage[] {
  return [PAIR, FLOW].map((by) => ({ stage: "count", by, capacity }));
}

/** What was counted by the stages, of which the first `before` only chose frames. */
function statsTold(told: Told, records: RecordStats, before: number): StatsTold {
  const at = (stage: number): StageCounts =>
    told.summary.counts.find((counts) => counts.stage === before + stage) ?? NOTHING_COUNTED;
  const ends = (stage: number): Ends => ({
    pairs: conversationsOf(at(stage)),
    flows: conversationsOf(at(stage + 1)),
  });
  return { told, records, outer: ends(0), tunnels: at(2), inner: ends(3) };
}

const NOTHING_COUNTED: StageCounts = {
  stage: 0,
  by: [],
  frames: 0,
  bytes: 0,
  entries: [],
  others: { frames: 0, bytes: 0 },
  complete: true,
};

/** Seconds, to a microsecond. */
function seconds(): Kind<number> {
  const expected = "seconds from 0.000001 to 1000000000";
  const check = (path: string, value: unknown): number => {
    if (typeof value === "number" && value >= 1e-6 && value <= 1e9)
      return Math.round(value * MICROSECONDS) / MICROSECONDS;
    throw new ArgumentRangeError("out-of-range", path, `expected ${expected}, got ${JSON.stringify(value)}`);
  };
  return {
    expected,
    check,
    parse: (path, text) => check(path, /^\d+(\.\d+)?$/.test(text) ? Number(text) : text),
  };
}
