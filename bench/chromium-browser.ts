// A headless Chromium to measure in.

import type { Browser } from "playwright";

/** Lets `measure` have a browser; says through `write` if there is none, and returns undefined then. */
export async function inChromium<T>(
  write: (line: string) => void,
  measure: (browser: Browser) => Promise<T>,
): Promise<T | undefined> {
  const finder = new URL("../../../scripts/find-chromium.mjs", import.meta.url).href;
  const { findChromium } = (await import(finder)) as typeof import("../scripts/find-chromium.mjs");
  const executablePath = await findChromium(write).catch((error: Error) => {
    write(`left out: Chromium: ${error.message}`);
    return undefined;
  });
  if (executablePath === undefined) return undefined;
  const { chromium } = await import("playwright");
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  try {
    return await measure(browser);
  } finally {
    await browser.close();
  }
}
