// What `frameferry stats` tells, for programs: one object. Of each table all rows, unless fewer were asked for.

import type { StageCounts } from "../index.ts";
import type { Conversation, Conversations } from "./conversations.ts";
import type { Ends, StatsTold } from "./stats-told.ts";
import { damageJson, inputsJson } from "./summary.ts";
import { binTime, secondsText } from "./times.ts";

/** Bins of time at most, where nobody said how long one is. */
const BINS_TOLD = 1000;
const MILLION = 1e6;

export function statsJson(all: StatsTold, top: number | undefined): string {
  const { told, records } = all;
  const { summary } = told;
  const { frames, bytes, least, most, times } = records;
  const { width, bins } = times.told(BINS_TOLD);
  const { span } = times;
  const object = {
    command: "stats",
    ...inputsJson(told),
    frames,
    bytes,
    sizes: { least, most, classes: records.sizes },
    from: span === undefined ? null : binTime(span.from / 1000n),
    to: span === undefined ? null : binTime(span.to / 1000n),
    seconds: span === undefined ? null : Number(secondsText(span.to - span.from)),
    timeless: times.timeless,
    overTime: {
      seconds: width / MILLION,
      steps: bins.map(({ start, frames, bytes }) => ({ from: binTime(BigInt(start)), frames, bytes })),
      others: times.others,
    },
    protocols: { rows: records.protocols, others: records.others },
    tunnels: tableJson(all.tunnels, top),
    conversations: endsJson(all.outer, top),
    inTunnels: endsJson(all.inner, top),
    drops: summary.drops,
    fileBytesIn: summary.fileBytesIn,
    linkTypes: summary.linkTypes,
    workers: summary.workers,
    damage: damageJson(told),
  };
  return `${JSON.stringify(object)}\n`;
}

function tableJson(
  { frames, bytes, entries, others, complete }: StageCounts,
  top: number | undefined,
): unknown {
  return { frames, bytes, count: entries.length, entries: entries.slice(0, top), others, complete };
}

function endsJson({ pairs, flows }: Ends, top: number | undefined): unknown {
  return { pairs: conversationsJson(pairs, top), flows: conversationsJson(flows, top) };
}

function conversationsJson(
  { all, without, others, complete, frames, bytes }: Conversations,
  top: number | undefined,
): unknown {
  const told: readonly Conversation[] = all.slice(0, top);
  return { frames, bytes, count: all.length, entries: told, others, without, complete };
}
