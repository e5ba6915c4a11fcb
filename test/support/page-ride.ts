// One load of a page of test/bundlers/ in Chromium, and what came of it.
import { type Browser, chromium } from "playwright";
import { findChromium } from "../../scripts/find-chromium.mjs";

/** What the page says (see ferry.js), and what the browser saw. */
export interface Ride {
  readonly result: unknown;
  /** The addresses of the scripts that workers were started from. */
  readonly workers: readonly string[];
  /** The names of the files of kernels that were fetched. */
  readonly kernels: readonly string[];
  /** Errors that nobody caught. */
  readonly errors: readonly string[];
}

export async function launchChromium(): Promise<Browser> {
  return await chromium.launch({
    executablePath: await findChromium(),
    // Chromium refuses to sandbox root.
    chromiumSandbox: process.getuid?.() !== 0,
    args: ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
    timeout: 120_000,
  });
}

export async function ride(browser: Browser, url: string): Promise<Ride> {
  const page = await browser.newPage();
  const workers: string[] = [];
  const kernels: string[] = [];
  const errors: string[] = [];
  page.on("worker", (worker) => workers.push(worker.url()));
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("request", (request) => {
    const name = new URL(request.url()).pathname.split("/").at(-1) ?? "";
    if (name.endsWith(".wasm")) kernels.push(name);
  });
  try {
    await page.goto(url);
    await page.waitForFunction(() => "ferried" in globalThis, undefined, { timeout: 30_000 });
    const result = await page.evaluate(() => {
      const { ferried } = globalThis as unknown as { ferried: Promise<unknown> };
      const late = new Promise((resolve) => setTimeout(resolve, 30_000, "no end after 30 seconds"));
      return Promise.race([ferried, late]);
    });
    return { result, workers, kernels, errors };
  } finally {
    await page.close();
  }
}
