// The soak: chapters of every kind in turn until the time is over, with memory, handles and speed after each.

import { numbers } from "../stress/litmus-task.ts";
import { type Fault, sentenceOf } from "../trial/report.ts";
import { callChapter } from "./call-chapter.ts";
import { captureChapter } from "./capture-chapter.ts";
import { channelChapter } from "./channel-chapter.ts";
import type { Chapter, ChapterTally } from "./chapter.ts";
import { type Held, held } from "./meter.ts";
import { switchChapter } from "./switch-chapter.ts";

export interface SoakOptions {
  readonly seconds: number;
  readonly seed: number;
  /** Called after each chapter. */
  readonly onChapter?: (told: ChapterReport) => void;
  /** Only chapters whose name has this in it. */
  readonly only?: string | undefined;
}

export interface ChapterReport extends ChapterTally, Held {
  readonly name: string;
  readonly seed: number;
  /** Since the beginning. */
  readonly atSeconds: number;
  readonly seconds: number;
}

export interface SoakReport {
  readonly seed: number;
  readonly seconds: number;
  readonly frames: number;
  readonly copies: number;
  readonly pauses: number;
  readonly changes: number;
  readonly deaths: number;
  readonly chapters: readonly ChapterReport[];
  readonly faults: readonly Fault[];
}

/** Switches come most often: most can go wrong there. */
const CHAPTERS: readonly Chapter[] = [
  switchChapter({ workers: 1, carrier: 4 }),
  channelChapter({ workers: 1, transport: "shared" }),
  switchChapter({ workers: 1, carrier: 6 }),
  captureChapter({ workers: 2, transport: "shared" }),
  callChapter(0),
  switchChapter({ workers: 2, carrier: 4 }),
  channelChapter({ workers: 2, transport: "shared" }),
  switchChapter({ workers: 2, carrier: 6 }),
  channelChapter({ workers: 1, transport: "transfer" }),
  switchChapter({ workers: 0, carrier: 4 }),
  captureChapter({ workers: 1, transport: "transfer" }),
  callChapter(1),
  channelChapter({ workers: 0, transport: "shared" }),
  captureChapter({ workers: 0, transport: "shared" }),
];
const CHAPTER_SECONDS = 20;
const GRACE_SECONDS = 60;

export async function runSoak({ seconds, seed, onChapter, only }: SoakOptions): Promise<SoakReport> {
  const begin = performance.now();
  const end = begin + seconds * 1000;
  const wanted = CHAPTERS.filter(({ name }) => only === undefined || name.includes(only));
  if (wanted.length === 0) throw new RangeError(`only: no chapter's name has "${only}" in it`);
  const faults: Fault[] = [];
  const chapters: ChapterReport[] = [];
  const each = Math.min(CHAPTER_SECONDS, seconds / wanted.length);
  // Every chapter once, however short the time is.
  for (let index = 0; index < wanted.length || performance.now() < end; index++) {
    const chapter = wanted[index % wanted.length] as Chapter;
    const chapterSeed = (seed + index * 0x9e3779b1) >>> 0;
    const started = performance.now();
    const fault = (what: string): void => {
      // One that comes at every pause is told often enough.
      if (faults.length < 100)
        faults.push({
          ...{ seed: chapterSeed, where: chapter.name, what },
          atSeconds: (performance.now() - begin) / 1000,
        });
    };
    let tally: ChapterTally = { frames: 0, copies: 0, pauses: 0, changes: 0, deaths: 0 };
    try {
      const context = { seed: chapterSeed, next: numbers(chapterSeed), end: started + each * 1000, fault };
      tally = await inTime(chapter.run(context), each + GRACE_SECONDS);
    } catch (error) {
      fault(sentenceOf(error));
    }
    const told = {
      ...{ name: chapter.name, seed: chapterSeed },
      ...{ atSeconds: (started - begin) / 1000, seconds: (performance.now() - started) / 1000 },
      ...tally,
      ...(await held()),
    };
    chapters.push(told);
    onChapter?.(told);
  }
  faults.push(...growth(chapters, seed));
  const sum = (field: "frames" | "copies" | "pauses" | "changes" | "deaths"): number =>
    chapters.reduce((all, chapter) => all + chapter[field], 0);
  return {
    seed,
    seconds: (performance.now() - begin) / 1000,
    frames: sum("frames"),
    copies: sum("copies"),
    pauses: sum("pauses"),
    changes: sum("changes"),
    deaths: sum("deaths"),
    chapters,
    faults,
  };
}

/** Rejects if it takes longer: something waits for ever. */
function inTime<T>(work: Promise<T>, seconds: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`it has not come to an end after ${seconds} s`)),
      seconds * 1000,
    );
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

const FIRST_SECONDS = 600;
const GROWTH = 1.02;
/** What tables of the engine and code that was compiled later may take. */
const HEAP_SLACK = 3_000_000;
const RSS_SLACK = 96_000_000;

/** What is held in the last third of the time against the first ten minutes, or the first third of a short run. */
function growth(chapters: readonly ChapterReport[], seed: number): Fault[] {
  const last = chapters.at(-1);
  if (last === undefined || chapters.length < 6) return [];
  const firstEnd = Math.min(FIRST_SECONDS, last.atSeconds / 3);
  const first = chapters.filter(({ atSeconds }) => atSeconds <= firstEnd);
  const late = chapters.filter(({ atSeconds }) => atSeconds >= (last.atSeconds * 2) / 3);
  const found: Fault[] = [];
  for (const [what, slack] of [
    ["heap", HEAP_SLACK],
    ["rss", RSS_SLACK],
    ["handles", 0],
  ] as const) {
    const before = Math.max(...first.map((chapter) => chapter[what]));
    const after = median(late.map((chapter) => chapter[what]));
    if (after > before * GROWTH + slack)
      found.push({
        seed,
        where: "the whole run",
        atSeconds: last.atSeconds,
        what: `${what}: at most ${before} at first, ${after} at last`,
      });
  }
  return found;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >>> 1] as number;
}
