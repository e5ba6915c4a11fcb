// Results as data, and as tables for people.

import type { Contest } from "./contests.ts";
import { FRAMEFERRY } from "./contests.ts";
import type { Figures, Standing } from "./rounds.ts";

export interface TaskResult {
  readonly name: string;
  readonly group: string;
  readonly peer: string;
  /** Bytes of a frame; 0 where frames have none. */
  readonly bytes: number;
  readonly entries?: number;
  readonly frames?: number;
  readonly nsPerFrame: Figures;
  readonly samples: number;
  /** This peer's median as a multiple of the package's: above 1 the package is faster. */
  readonly ratio: number;
}

export function results(contest: Contest, standings: readonly Standing[]): TaskResult[] {
  const ours = standings.find((standing) => standing.peer === FRAMEFERRY);
  const { group, bytes, entries, frames } = contest;
  return standings.map(({ peer, nsPerFrame, samples }) => ({
    name: `${group}${sizeOf(contest)}: ${peer}`,
    group,
    peer,
    bytes,
    ...(entries === undefined ? {} : { entries }),
    ...(frames === undefined ? {} : { frames }),
    nsPerFrame,
    samples,
    ratio: nsPerFrame.median / (ours ?? standings[0]!).nsPerFrame.median,
  }));
}

/** One contest as a table: lines without their ends. */
export function table(contest: Contest, found: readonly TaskResult[]): string[] {
  const width = Math.max(...found.map((result) => result.peer.length)) + 2;
  const column = (value: number): string => value.toFixed(value < 100 ? 2 : 0).padStart(10);
  return [
    "",
    `${contest.group}${sizeOf(contest)}`,
    `  ${"ns each".padEnd(width)}${["min", "median", "p99", "ratio"].map((head) => head.padStart(10)).join("")}`,
    ...found.map(
      ({ peer, nsPerFrame: { min, median, p99 }, ratio }) =>
        `  ${peer.padEnd(width)}${column(min)}${column(median)}${column(p99)}${`${ratio.toFixed(2)}x`.padStart(10)}`,
    ),
  ];
}

function sizeOf({ bytes, entries, frames }: Contest): string {
  const parts: string[] = [];
  if (bytes > 0) parts.push(`${bytes} bytes`);
  if (entries !== undefined) parts.push(`${entries} entries`);
  if (frames !== undefined) parts.push(`${frames} frames in memory`);
  return parts.length === 0 ? "" : `, ${parts.join(", ")}`;
}
