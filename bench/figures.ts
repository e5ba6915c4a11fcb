// The figures to reach, and whether this run reaches them. Nothing here ends a run with an error: machines differ.

import { availableParallelism } from "node:os";
import { CAPTURE_64, ONE_SEES, ONE_THREAD, TWO_SEE, TWO_THREADS } from "./capture-contests.ts";
import { C, FRAMEFERRY, TYPED_ARRAY } from "./contests.ts";
import { CHANNEL, ONE_WORKER, WAKE } from "./dataplane-contests.ts";
import type { EndToEnd } from "./end-to-end.ts";
import { FDB_SIZES, RTE_HASH } from "./fdb-contests.ts";
import type { TaskResult } from "./report.ts";
import { RING_ONE_THREAD, RING_TWO_THREADS, RTE_RING } from "./ring-contests.ts";
import type { Figures } from "./rounds.ts";
import { STATIONS, SWITCH_BACK, SWITCH_OUT, TEMPLATE_PAIR } from "./switch-contests.ts";
import {
  PARTS_ELSEWHERE,
  PARTS_NONE,
  SOURCE_KNOWN,
  SOURCE_NEW,
  SWITCH_NEW,
  SWITCH_UNUSED,
} from "./switch-costs.ts";

export interface FigureToReach {
  readonly figure: string;
  /** Undefined where it was not measured, or where the figure is stated and nothing is asked of it. */
  readonly reached: boolean | undefined;
  /** Undefined where it was not measured, or a peer is missing. */
  readonly measured: string | undefined;
}

export function figuresToReach(
  tasks: readonly TaskResult[],
  endToEnd: EndToEnd | undefined,
): FigureToReach[] {
  const standing = (group: string, peer: string, size: Partial<TaskResult>): Figures | undefined =>
    tasks.find(
      (task) =>
        task.group === group &&
        task.peer === peer &&
        task.bytes === (size.bytes ?? 0) &&
        task.entries === size.entries &&
        task.frames === size.frames,
    )?.nsPerFrame;
  const median = (group: string, peer: string, size: Partial<TaskResult>): number | undefined =>
    standing(group, peer, size)?.median;
  const figures: FigureToReach[] = [];
  const compare = (
    figure: string,
    ours: number | undefined,
    theirs: number | undefined,
    most: number,
  ): void => {
    if (ours === undefined || theirs === undefined) {
      figures.push({ figure, reached: undefined, measured: undefined });
    } else {
      const measured = `${(ours / theirs).toFixed(2)} times its time (${ours.toFixed(2)} ns against ${theirs.toFixed(2)})`;
      figures.push({
        figure,
        reached: most === Number.POSITIVE_INFINITY ? undefined : ours / theirs <= most,
        measured,
      });
    }
  };
  for (const group of ["encapsulate", "decapsulate"]) {
    for (const bytes of [64, 512, 1500]) {
      const ours = median(group, FRAMEFERRY, { bytes });
      compare(`${group}, ${bytes} bytes: at most 1.3 times C`, ours, median(group, C, { bytes }), 1.3);
    }
  }
  const lookup = "fdb lookup, all hit";
  for (const entries of FDB_SIZES) {
    const ours = median(lookup, FRAMEFERRY, { entries });
    const most = entries > 100000 ? 1 : 0.5;
    const wanted = most === 1 ? "faster than rte_hash bulk" : "at least 2 times faster than rte_hash bulk";
    compare(`fdb lookup, ${entries} entries: ${wanted}`, ours, median(lookup, RTE_HASH, { entries }), most);
    compare(`fdb lookup, ${entries} entries: at most 1.3 times C`, ours, median(lookup, C, { entries }), 1.3);
  }
  for (const group of ["encapsulate", "decapsulate"]) {
    for (const bytes of [64, 512, 1500]) {
      const ours = median(group, FRAMEFERRY, { bytes });
      const theirs = median(group, TYPED_ARRAY, { bytes });
      compare(
        `${group}, ${bytes} bytes: beside JavaScript by hand (stated)`,
        ours,
        theirs,
        Number.POSITIVE_INFINITY,
      );
    }
  }
  for (const group of [SWITCH_OUT, SWITCH_BACK]) {
    for (const entries of STATIONS) {
      const size = { bytes: 64, entries };
      const ours = median(group, FRAMEFERRY, size);
      const what = `${group}, ${entries} stations a side`;
      const large = entries > 1000;
      const beside = large ? Number.POSITIVE_INFINITY : 1.3;
      compare(
        `${what}: ${large ? "beside C (stated)" : "at most 1.3 times C"}`,
        ours,
        median(group, C, size),
        beside,
      );
      const most = large ? 9 : 5;
      const pair = median(group, TEMPLATE_PAIR, size);
      compare(`${what}: at most ${most} times C's encapsulation and decapsulation alone`, ours, pair, most);
    }
  }
  for (const entries of STATIONS) {
    const size = { bytes: 64, entries };
    const [fresh, known] = [median(SWITCH_NEW, SOURCE_NEW, size), median(SWITCH_NEW, SOURCE_KNOWN, size)];
    compare(
      `a frame from a new source, ${entries} stations: under 2 times one from a known`,
      fresh,
      known,
      2,
    );
  }
  const used = median(SWITCH_UNUSED, PARTS_ELSEWHERE, { bytes: 64 });
  compare(
    "a switch with parts that are not used: as fast",
    used,
    median(SWITCH_UNUSED, PARTS_NONE, { bytes: 64 }),
    1.03,
  );
  compare(
    "descriptor ring, one thread: at most 1.5 times rte_ring SP/SC bulk",
    median(RING_ONE_THREAD, FRAMEFERRY, {}),
    median(RING_ONE_THREAD, RTE_RING, {}),
    1.5,
  );
  const rate = (figure: string, nanoseconds: number | undefined, least: number): void => {
    const rated = `${figure}: at least ${least} million a second`;
    if (nanoseconds === undefined) figures.push({ figure: rated, reached: undefined, measured: undefined });
    else {
      const millions = 1000 / nanoseconds;
      figures.push({ figure: rated, reached: millions >= least, measured: `${millions.toFixed(1)} million` });
    }
  };
  rate("descriptor ring, thread to thread", median(RING_TWO_THREADS, FRAMEFERRY, {}), 20);
  rate("64-byte frames through one worker and back", median(CHANNEL, ONE_WORKER, { bytes: 64 }), 3);
  rate("64-byte frames of a capture in memory, one worker", median(CAPTURE_64, ONE_WORKER, {}), 8);
  const [one, two, oneThread, twoThreads] = [ONE_SEES, TWO_SEE, ONE_THREAD, TWO_THREADS].map((peer) =>
    standing(CAPTURE_64, peer, {}),
  );
  if (one !== undefined && two !== undefined && oneThread !== undefined && twoThreads !== undefined) {
    const times = (slow: Figures, fast: Figures, by: "median" | "min"): number => slow[by] / fast[by];
    const both = (slow: Figures, fast: Figures): string =>
      `${times(slow, fast, "median").toFixed(2)} times by medians, ${times(slow, fast, "min").toFixed(2)} by minima`;
    const gain = times(one, two, "median");
    figures.push({
      figure: "a capture on a SharedArrayBuffer: two workers at least 1.8 times one, with a core for each",
      // Where two threads that share nothing do not get as much, the machine does not have it.
      reached: gain >= 1.8 ? true : times(oneThread, twoThreads, "median") < 1.8 ? undefined : false,
      measured: `${both(one, two)}; two threads that share nothing ${both(oneThread, twoThreads)}; ${availableParallelism()} cores`,
    });
  }
  for (const place of ["", ", in Chromium"]) {
    const woken = median(`${WAKE}${place}`, ONE_WORKER, { bytes: 64 });
    if (woken === undefined) continue;
    figures.push({
      figure: `${WAKE}${place}: less than 100 µs`,
      reached: woken < 100_000,
      measured: `${(woken / 1000).toFixed(0)} µs`,
    });
  }
  if (endToEnd !== undefined) {
    const { firstFrameMs, decapsulate } = endToEnd;
    if (firstFrameMs !== undefined) {
      figures.push({
        figure: "first frame out: less than 150 ms after await begins",
        reached: firstFrameMs.median < 150,
        measured: `${firstFrameMs.median.toFixed(1)} ms`,
      });
    }
    const pass = decapsulate?.find((run) => run.command === "editcap");
    const ours = decapsulate?.find((run) => run.command === "frameferry decap");
    if (pass !== undefined && ours !== undefined) {
      figures.push({
        figure: "frameferry decap: at least as fast as editcap's pass over the same file",
        reached: ours.seconds.median <= pass.seconds.median,
        measured: `${ours.seconds.median.toFixed(2)} s against ${pass.seconds.median.toFixed(2)} s`,
      });
    }
  }
  return figures;
}
