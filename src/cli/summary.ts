// What became of a capture, as a table for people or as JSON for programs.

import { dropReasons } from "../core/drop-reasons.ts";
import { linkTypeName } from "../core/link-type-names.ts";
import { linkOf } from "../core/link-types.ts";
import type { DataplaneCaptureSummary } from "../dataplane/dataplane.ts";
import type { StageCounts } from "../index.ts";
import { LINK_OTHER } from "../layout/link.layout.ts";
import type { CaptureFormat } from "../pcap.ts";
import { flagOfKey } from "../pipeline/count-stage.ts";
import { type DamagedInput, nameOf, namesOf } from "./failures.ts";
import { notFiltered } from "./filter-option.ts";
import type { SplitFile } from "./split-output.ts";
import { textTable } from "./text-table.ts";

/** What has been read, and what became of it. */
export interface Told {
  readonly inputs: readonly string[];
  /** Of each input; undefined for one that is no capture. */
  readonly formats: readonly (CaptureFormat | undefined)[];
  /** The first input that was damaged. */
  readonly damage: DamagedInput | undefined;
  readonly summary: DataplaneCaptureSummary;
}

/** One run of a command from captures into another. */
export interface Run extends Told {
  readonly command: string;
  readonly output: string;
  readonly outputFormat: CaptureFormat;
  /** Where the output was split. */
  readonly files: readonly SplitFile[] | undefined;
}

/** Captures that people are told at most: programs are told all. */
const FILES_TOLD = 20;
/** Keys that people are told at most where they did not say how many. */
const KEYS_TOLD = 10;

export function summaryText(run: Run): string {
  const { output, outputFormat, summary } = run;
  const { received, forwarded, dropped } = summary;
  const rows: [string, number, string][] = [
    ["received", received, `${grouped(summary.frameBytesIn)} bytes in frames`],
    ["changed", summary.changed[0] ?? 0, ""],
    ["written", forwarded, `${grouped(summary.frameBytesOut)} bytes in frames`],
    ["dropped", dropped, ""],
  ];
  if (summary.joined > 0) rows.splice(1, 0, ["joined", summary.joined, joinedNote(summary)]);
  rows.push(...dropRows(summary));
  if (summary.checkSequencesLeftOut > 0) rows.push(["without FCS", summary.checkSequencesLeftOut, LEFT_OUT]);
  for (const { worker, frames, pieces } of summary.workers) {
    rows.push([`worker ${worker}`, frames, `in ${grouped(pieces)} pieces of the file`]);
  }
  const name = Math.max(...rows.map((row) => row[0].length));
  const count = Math.max(...rows.map((row) => grouped(row[1]).length));
  const to = nameOf(output, "standard output");
  const lines = rows.map(([label, frames, note]) =>
    `  ${label.padEnd(name)}  ${grouped(frames).padStart(count)}  ${note}`.trimEnd(),
  );
  const counts = summary.counts.filter(({ frames }) => frames > 0).map((count) => countText(count));
  return `${inputsText(run)} -> ${to} (${outputFormat}), frames:\n${lines.join("\n")}\n${counts.join("")}${filesText(run)}${linkTypeNote(summary)}${filterNote(summary)}`;
}

/** What has been read, with its formats: `a.pcap and 2 more (pcap, pcapng)`. */
export function inputsText({ inputs, formats }: Told): string {
  const known = new Set(formats.filter((format) => format !== undefined));
  return `${namesOf(inputs)} (${[...known].join(", ")})`;
}

/** The beginning of every summary as JSON: of one input a value, of several a list. */
export function inputsJson({ inputs, formats }: Told): { input: unknown; inputFormat: unknown } {
  if (inputs.length === 1) return { input: inputs[0], inputFormat: formats[0] };
  return { input: inputs, inputFormat: formats.map((format) => format ?? null) };
}

const LEFT_OUT = "check sequences left out: a pcap declares one for all frames or none, a pcapng for each";

/** Fragments that are not written for themselves: each packet takes the place of one of its own. */
function joinedNote({ reassembled }: DataplaneCaptureSummary): string {
  return `fragments put together with another, ${grouped(reassembled)} packets in all`;
}

/** Names link types whose frames were dropped because they are not opened here. */
export function linkTypeNote({ drops, linkTypes }: DataplaneCaptureSummary): string {
  if (drops["link-type"] === undefined) return "";
  const unknown = linkTypes.filter((number) => linkOf(number) === LINK_OTHER);
  const named = unknown.map((number) => `${number} (${linkTypeName(number) ?? "without a name here"})`);
  return `  not opened: link type ${named.join(", ")}; --keep-others keeps such frames as they are, in a pcapng\n`;
}

/** What was written, where that is several captures. */
function filesText({ files }: Run): string {
  if (files === undefined) return "";
  const told = files
    .slice(0, FILES_TOLD)
    .map(({ output, frames }) => [nameOf(output, "standard output"), grouped(frames)]);
  const rest = files.slice(FILES_TOLD);
  if (rest.length > 0)
    told.push([`${rest.length} others`, grouped(rest.reduce((sum, { frames }) => sum + frames, 0))]);
  return textTable([["written", "frames"], ...told], [1]);
}

/** Says that what a filter dropped was no Ethernet, if there was such. */
function filterNote({ drops, linkTypes }: DataplaneCaptureSummary): string {
  const note = "filtered" in drops ? notFiltered(linkTypes) : undefined;
  return note === undefined ? "" : `  ${note}\n`;
}

/** A row for each reason for which frames were dropped: name, count, sentence. */
export function dropRows({ drops }: Pick<DataplaneCaptureSummary, "drops">): [string, number, string][] {
  return dropReasons.flatMap(({ name, sentence }) => {
    const count = drops[name];
    return count === undefined ? [] : [[`  ${name}`, count, sentence]];
  });
}

/** What was counted by key, as a table; the others in a line of their own. */
export function countText({ by, entries, others, complete }: StageCounts, most: number = KEYS_TOLD): string {
  const told = entries.slice(0, most);
  // Of VNI and key kinds have one or none: what nobody has is no column.
  const keys = by.includes("kind")
    ? by.filter((key) => entries.some((entry) => entry[key] !== undefined))
    : by;
  const rest = entries
    .slice(most)
    .reduce((sum, { frames, bytes }) => ({ frames: sum.frames + frames, bytes: sum.bytes + bytes }), others);
  const rows = told.map((entry) => [
    ...keys.map((key) => String(entry[key] ?? "none")),
    grouped(entry.frames),
    grouped(entry.bytes),
  ]);
  if (rest.frames > 0)
    rows.push(["others", ...keys.slice(1).map(() => ""), grouped(rest.frames), grouped(rest.bytes)]);
  const note = complete ? "" : "  there was no room for all keys: what is told of one may be too little\n";
  return (
    textTable([[...keys.map(flagOfKey), "frames", "bytes"], ...rows], [keys.length, keys.length + 1]) + note
  );
}

export function summaryJson(run: Run): string {
  const { command, output, outputFormat, summary } = run;
  const { input, inputFormat } = inputsJson(run);
  const object = {
    command,
    input,
    output,
    ...(run.files && { outputs: run.files }),
    inputFormat,
    outputFormat,
    received: summary.received,
    forwarded: summary.forwarded,
    dropped: summary.dropped,
    joined: summary.joined,
    reassembled: summary.reassembled,
    changed: summary.changed[0] ?? 0,
    drops: summary.drops,
    counts: countsJson(summary),
    frameBytesIn: summary.frameBytesIn,
    frameBytesOut: summary.frameBytesOut,
    fileBytesIn: summary.fileBytesIn,
    fileBytesOut: summary.fileBytesOut,
    linkTypes: summary.linkTypes,
    checkSequencesLeftOut: summary.checkSequencesLeftOut,
    workers: summary.workers,
    damage: damageJson(run),
  };
  return `${JSON.stringify(object)}\n`;
}

/** 1234567 as 1,234,567. Not `toLocaleString`, which takes 20 ms the first time: measured. */
export function grouped(value: number): string {
  return String(value).replace(/\B(?=(?:[0-9]{3})+$)/g, ",");
}

/** What was counted by key, without the number of the stage: there is no pipeline that anybody wrote. */
export function countsJson({ counts }: DataplaneCaptureSummary): Omit<StageCounts, "stage">[] {
  return counts.map(({ stage: _, ...count }) => count);
}

export function damageJson({
  damage,
}: Pick<Told, "damage">): { input: string; offset: number; reason: string } | null {
  if (damage === undefined) return null;
  const { input, offset, reason } = damage;
  return { input, offset, reason };
}
