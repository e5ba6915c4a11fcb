// `npm run soak -- --minutes 30 --seed 7`: a changing switch under load, channels, captures and calls, for as long as that.
// Books are compared at every pause, memory and handles after every chapter. `--only switches` picks chapters by
// their name, `--json` prints the report as JSON.

import { grouped, tellFaults, trialOptions } from "../trial/report.ts";
import { type ChapterReport, runSoak } from "./soak.ts";

const DEFAULT_MINUTES = 10;

const { json, ...options } = trialOptions("soak", DEFAULT_MINUTES);

function made(copies: number): string {
  return copies > 0 ? ` and ${grouped(copies)} that switches made of them` : "";
}

function tell(chapter: ChapterReport): void {
  const { name, seconds, frames, copies, pauses, changes, deaths, heap, rss, handles, seed } = chapter;
  const rate = frames > 0 ? `, ${(frames / seconds / 1e6).toFixed(2)} million a second` : "";
  const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  console.log(`${chapter.atSeconds.toFixed(0).padStart(6)} s  ${name} (seed ${seed})`);
  console.log(
    `          ${grouped(frames)} frames${rate}${made(copies)}, ${grouped(changes)} changes, ${deaths} deaths, ` +
      `${grouped(pauses)} pauses; heap ${mebibytes(heap)}, process ${mebibytes(rss)}, ${handles} handles`,
  );
}

const report = await runSoak({ ...options, ...(json ? {} : { onChapter: tell }) });
if (json) {
  console.log(JSON.stringify(report, undefined, 2));
  if (report.faults.length > 0) process.exitCode = 1;
} else {
  const { frames, copies, pauses, changes, deaths, seconds, faults, seed } = report;
  console.log(
    `seed ${seed}: ${grouped(frames)} frames${made(copies)}, ${grouped(changes)} changes and calls, ${deaths} dead workers, ` +
      `${grouped(pauses)} pauses in ${Math.round(seconds)} s: ${faults.length === 0 ? "all books balance, nothing is left behind" : `${faults.length} faults`}`,
  );
  tellFaults(faults, console.log);
}
// A worker that hangs must not keep the process.
setTimeout(() => process.exit(), 2000).unref();
