// The page of examples/browser on a capture of 100 MB, as its user runs it: how fast it is, and how often and how long it
// stands still meanwhile. Browsers report every task of more than 50 ms, which people begin to notice.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright";
import { makeCapture } from "./capture-maker.ts";
import { inChromium } from "./chromium-browser.ts";
import { type Figures, figures } from "./rounds.ts";

export const PAGE = "page, a capture of 100 MB decapsulated, in Chromium";
const BYTES = 100e6;

/** As the page has them to choose: whether it is isolated, and its workers. */
const WAYS: readonly (readonly [isolation: boolean, workers: string])[] = [
  [true, "2"],
  [true, "1"],
  [true, "0, this thread"],
  [false, "1"],
];

export interface PageResult {
  readonly transport: string;
  readonly workers: number;
  readonly runs: number;
  /** Nanoseconds of a frame, the file read and its result put together. */
  readonly nsPerFrame: Figures;
  /** Tasks of the page's own thread over 50 ms in all runs, and the longest of them; undefined if none is reported. */
  readonly longTasks: { readonly count: number; readonly longestMs: number } | undefined;
}

interface PageRun {
  readonly milliseconds: number;
  readonly transport: string;
  readonly workers: number;
  readonly summary: { readonly received: number };
  readonly longTasks: { readonly count: number; readonly longestMs: number } | undefined;
}

interface PageGlobals {
  readonly frameferryPage: { lastRun(): PageRun };
}

export async function measurePage(runs: number, write: (line: string) => void): Promise<PageResult[]> {
  const folder = await mkdtemp(join(tmpdir(), "frameferry-page-"));
  try {
    const capture = join(folder, "capture.pcap");
    await makeCapture(capture, BYTES, "vxlan");
    const measured = await inChromium(write, (browser) => measureWays(browser, capture, runs));
    if (measured === undefined) return [];
    write(`\n${PAGE}`);
    for (const { transport, workers, nsPerFrame, longTasks } of measured) {
      const still =
        longTasks === undefined
          ? "long tasks are not reported"
          : `${longTasks.count} tasks over 50 ms in ${runs} runs${longTasks.count > 0 ? `, the longest ${longTasks.longestMs.toFixed(0)} ms` : ""}`;
      const { median, min } = nsPerFrame;
      write(
        `  ${`${transport}, ${workers} workers`.padEnd(24)}${median.toFixed(0).padStart(6)} ns a frame (best ${min.toFixed(0)}); ${still}`,
      );
    }
    return measured;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function measureWays(browser: Browser, capture: string, runs: number): Promise<PageResult[]> {
  const server = new URL("../../../scripts/serve-page.mjs", import.meta.url).href;
  const { servePage } = (await import(server)) as typeof import("../scripts/serve-page.mjs");
  const results: PageResult[] = [];
  for (const [isolation, workers] of WAYS) {
    const { url, close } = await servePage({ port: 0, isolation });
    const page = await browser.newPage();
    try {
      await page.goto(url);
      await page.getByLabel("Workers").selectOption(workers);
      await page.getByLabel("Choose a file").setInputFiles(capture);
      const found: PageRun[] = [];
      // One more, which warms up.
      for (let run = -1; run < runs; run++) {
        await page.getByRole("button", { name: "Run" }).click();
        await page.getByRole("button", { name: "Download" }).waitFor();
        const last = await page.evaluate(() =>
          (globalThis as unknown as PageGlobals).frameferryPage.lastRun(),
        );
        if (run >= 0) found.push(last);
      }
      results.push(resultOf(found));
    } finally {
      await page.close();
      await close();
    }
  }
  return results;
}

function resultOf(runs: readonly PageRun[]): PageResult {
  const [{ transport, workers }] = runs as [PageRun];
  const long = runs.flatMap(({ longTasks }) => (longTasks === undefined ? [] : [longTasks]));
  return {
    transport,
    workers,
    runs: runs.length,
    nsPerFrame: figures(runs.map(({ milliseconds, summary }) => (milliseconds * 1e6) / summary.received)),
    longTasks:
      long.length === 0
        ? undefined
        : {
            count: long.reduce((sum, { count }) => sum + count, 0),
            longestMs: Math.max(...long.map(({ longestMs }) => longestMs)),
          },
  };
}
