// What `frameferry stats` tells, for people: tables with bars behind them.

import { ipProtocolText } from "../wire.ts";
import { bar } from "./bars.ts";
import type { Conversation, Conversations } from "./conversations.ts";
import type { StatsTold } from "./stats-told.ts";
import { countText, dropRows, grouped, inputsText } from "./summary.ts";
import { textTable } from "./text-table.ts";
import { binTime, secondsText } from "./times.ts";

/** How it is told. */
export interface Style {
  /** Rows of a table at most. */
  readonly top: number;
  /** Bars of blocks, for a terminal. */
  readonly fine: boolean;
}

/** Columns of the longest bar. */
const BAR = 32;
/** Bins of time at most, where nobody said how long one is. */
const BINS_TOLD = 24;
/** Bins without frames are shown where that are no more rows than these. */
const GAPS_MAXIMUM = 200;

/** In the order in which they are told. */
const SECTIONS: readonly ((told: StatsTold, style: Style) => string)[] = [
  head,
  sizes,
  overTime,
  protocols,
  tunnels,
  ({ outer }, { top }) => conversations("conversations", outer.pairs, top),
  ({ outer }, { top }) => conversations("by ports", outer.flows, top),
  ({ inner }, { top }) => conversations("in tunnels", inner.pairs, top),
  ({ inner }, { top }) => conversations("in tunnels, by ports", inner.flows, top),
  notOpened,
];

export function statsText(told: StatsTold, style: Style): string {
  return SECTIONS.map((section) => section(told, style))
    .filter((text) => text !== "")
    .join("\n");
}

function head({ told, records }: StatsTold): string {
  const { frames, bytes, least, most, times } = records;
  const rows = [["frames", grouped(frames), `${grouped(bytes)} bytes`]];
  if (frames > 0) {
    const mean = Math.round(bytes / frames);
    rows.push(["size", grouped(mean), `from ${grouped(least)} to ${grouped(most)} bytes`]);
  }
  if (times.span !== undefined) {
    const { from, to } = times.span;
    rows.push(["seconds", secondsText(to - from), `from ${binTime(from / 1000n)}`]);
  }
  if (times.timeless > 0) rows.push(["no time", grouped(times.timeless), "frames that have none"]);
  return `${inputsText(told)}:\n${textTable(rows, [1])}`;
}

function sizes({ records }: StatsTold, { fine }: Style): string {
  if (records.frames === 0) return "";
  const most = Math.max(...records.sizes.map(({ frames }) => frames));
  const rows = records.sizes.map(({ from, to, frames, bytes }) => [
    to === undefined ? `${from} and more` : `${from} to ${to - 1}`,
    grouped(frames),
    grouped(bytes),
    bar(frames, most, BAR, fine),
  ]);
  return textTable([["bytes", "frames", "bytes in all", ""], ...rows], [1, 2]);
}

function overTime({ records: { times } }: StatsTold, { fine }: Style): string {
  const { width, bins } = times.told(BINS_TOLD);
  const [first] = bins;
  const last = bins.at(-1);
  if (first === undefined || last === undefined) return "";
  const span = (last.start - first.start) / width + 1;
  const known = new Map(bins.map((bin) => [bin.start, bin]));
  const shown =
    span > GAPS_MAXIMUM
      ? bins
      : Array.from({ length: span }, (_, index) => {
          const start = first.start + index * width;
          return known.get(start) ?? { start, frames: 0, bytes: 0 };
        });
  const most = Math.max(...shown.map(({ bytes }) => bytes));
  const rows = shown.map(({ start, frames, bytes }) => [
    binTime(BigInt(start)),
    grouped(frames),
    grouped(bytes),
    bar(bytes, most, BAR, fine),
  ]);
  if (times.others.frames > 0)
    rows.push(["others", grouped(times.others.frames), grouped(times.others.bytes), ""]);
  const title = `from, for ${secondsText(BigInt(Math.round(width * 1000)))} s`;
  return textTable([[title, "frames", "bytes", ""], ...rows], [1, 2]);
}

function protocols({ records }: StatsTold, { top, fine }: Style): string {
  const rows = records.protocols;
  if (rows.length === 0) return "";
  // A tree is not cut off within a stack for being long: rows with few frames are left out, wherever they are.
  const least = rows.map(({ frames }) => frames).sort((a, b) => b - a)[3 * top - 1] ?? 0;
  const shown = rows.filter(({ frames }) => frames >= least).slice(0, 6 * top);
  const most = Math.max(...rows.map(({ frames }) => frames));
  const lines = shown.map(({ layers, frames, bytes }) => [
    `${"  ".repeat(layers.length - 1)}${layers.at(-1)}`,
    grouped(frames),
    grouped(bytes),
    bar(frames, most, BAR, fine),
  ]);
  const { frames, bytes } = records.others;
  if (frames > 0) lines.push(["others", grouped(frames), grouped(bytes), ""]);
  const left = rows.length - shown.length;
  if (left > 0) lines.push([`${left} more`, "", "", ""]);
  return textTable([["layers", "frames", "bytes", ""], ...lines], [1, 2]);
}

function tunnels({ tunnels: counts }: StatsTold, { top }: Style): string {
  return counts.frames === 0 ? "" : countText(counts, top);
}

function conversations(
  title: string,
  { all, without, others, complete }: Conversations,
  top: number,
): string {
  if (all.length === 0) return "";
  const rows = all
    .slice(0, top)
    .map((one) => [
      endText(one.a, one.aPort),
      endText(one.b, one.bPort),
      protocolText(one),
      grouped(one.frames),
      grouped(one.bytes),
      grouped(one.sent.frames),
      grouped(one.received.frames),
    ]);
  const rest = all.slice(top);
  const sum = (part: "frames" | "bytes"): string =>
    grouped(rest.reduce((total, one) => total + one[part], 0));
  if (rest.length > 0)
    rows.push([`${grouped(rest.length)} more`, "", "", sum("frames"), sum("bytes"), "", ""]);
  if (others.frames > 0) rows.push(["others", "", "", grouped(others.frames), grouped(others.bytes), "", ""]);
  if (without.frames > 0)
    rows.push(["no IP packet", "", "", grouped(without.frames), grouped(without.bytes), "", ""]);
  const note = complete ? "" : "  there was no room for all: what is told of one may be too little\n";
  const heads = [title, "with", "", "frames", "bytes", "sent", "received"];
  return textTable([heads, ...rows], [3, 4, 5, 6]) + note;
}

function endText(address: string, port: number | undefined): string {
  if (port === undefined) return address;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

function protocolText({ protocol }: Conversation): string {
  return protocol === undefined ? "" : ipProtocolText(protocol);
}

function notOpened({ told }: StatsTold): string {
  const rows = dropRows(told.summary)
    .filter(([name]) => !NO_LOSS.has(name.trim()))
    .map(([name, frames, sentence]) => [`not opened: ${name.trim()}`, grouped(frames), sentence]);
  return textTable(rows, [1]);
}

/** Reasons for which a frame is in no inner table, and nothing is wrong with it. */
const NO_LOSS: ReadonlySet<string> = new Set(["not-tunnel", "filtered"]);
