// What became of a capture, as a table for people or as JSON for programs.

import { dropReasons } from "../core/drop-reasons.ts";
import type { DataplaneCaptureSummary } from "../dataplane/dataplane.ts";
import { nameOf } from "./failures.ts";

/** One run of a command over a capture. */
export interface Run {
  readonly command: string;
  readonly input: string;
  readonly output: string;
  readonly outputFormat: "pcap" | "pcapng";
  readonly summary: DataplaneCaptureSummary;
}

export function summaryText({ input, output, outputFormat, summary }: Run): string {
  const { received, forwarded, dropped, changed, drops } = summary;
  const rows: [string, number, string][] = [
    ["received", received, `${grouped(summary.frameBytesIn)} bytes in frames`],
    ["changed", changed.reduce((most, count) => Math.max(most, count), 0), ""],
    ["written", forwarded, `${grouped(summary.frameBytesOut)} bytes in frames`],
    ["dropped", dropped, ""],
  ];
  for (const { name, sentence } of dropReasons) {
    const count = drops[name];
    if (count !== undefined) rows.push([`  ${name}`, count, sentence]);
  }
  for (const { worker, frames, pieces } of summary.workers) {
    rows.push([`worker ${worker}`, frames, `in ${grouped(pieces)} pieces of the file`]);
  }
  const name = Math.max(...rows.map((row) => row[0].length));
  const count = Math.max(...rows.map((row) => grouped(row[1]).length));
  const from = nameOf(input, "standard input");
  const to = nameOf(output, "standard output");
  const lines = rows.map(([label, frames, note]) =>
    `  ${label.padEnd(name)}  ${grouped(frames).padStart(count)}  ${note}`.trimEnd(),
  );
  return `${from} (${summary.format}) -> ${to} (${outputFormat}), frames:\n${lines.join("\n")}\n`;
}

export function summaryJson({ command, input, output, outputFormat, summary }: Run): string {
  const { damage } = summary;
  const object = {
    command,
    input,
    output,
    inputFormat: summary.format,
    outputFormat,
    received: summary.received,
    forwarded: summary.forwarded,
    dropped: summary.dropped,
    changed: summary.changed.reduce((most, count) => Math.max(most, count), 0),
    drops: summary.drops,
    frameBytesIn: summary.frameBytesIn,
    frameBytesOut: summary.frameBytesOut,
    fileBytesIn: summary.fileBytesIn,
    fileBytesOut: summary.fileBytesOut,
    workers: summary.workers,
    damage: damage === undefined ? null : { offset: damage.offset, reason: damage.reason },
  };
  return `${JSON.stringify(object)}\n`;
}

/** 1234567 as 1,234,567. Not `toLocaleString`, which takes 20 ms the first time: measured. */
export function grouped(value: number): string {
  return String(value).replace(/\B(?=(?:[0-9]{3})+$)/g, ",");
}
