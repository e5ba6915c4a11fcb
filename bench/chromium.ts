// The dataplane in headless Chromium: the same passes through a channel as in Node, one mode after the other in turns.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser } from "playwright";
import type { createDataplane, DataplaneOptions } from "../src/index.ts";
import type { channelPasses } from "./channel-passes.ts";
import { inChromium } from "./chromium-browser.ts";
import { CHANNEL, ENCAPSULATE, IDLE, MODES, ROUND_TRIPS, WAKE } from "./dataplane-contests.ts";
import { makeFrames, OUTER_LENGTH } from "./frames.ts";
import { results, type TaskResult, table } from "./report.ts";
import { figures } from "./rounds.ts";

const root: string = fileURLToPath(new URL("../../../", import.meta.url));
/** What of the project the page sees. */
const FOLDERS = ["/dist/", "/build/js/bench/"];
const TYPES: Record<string, string> = { js: "text/javascript", wasm: "application/wasm" };
/** Bursts of 256 frames in a pass. */
const BURSTS = 128;
const PAGE = `<!doctype html><title>frameferry</title><script type="module">
import { createDataplane } from "/dist/index.js";
import { channelPasses } from "/build/js/bench/channel-passes.js";
globalThis.bench = { createDataplane, channelPasses };
</script>`;

/** What the page's script puts where the program that is sent to it finds it. */
interface Page {
  readonly bench?: {
    readonly createDataplane: typeof createDataplane;
    readonly channelPasses: typeof channelPasses;
  };
}

/** Says through `write` if there is no Chromium, and returns nothing then. */
export async function measureInChromium(
  rounds: number,
  write: (line: string) => void,
): Promise<TaskResult[]> {
  const server = createServer(async (request, response) => {
    const path = normalize(new URL(request.url ?? "/", "http://localhost").pathname);
    const isolation = {
      "Cross-Origin-Opener-Policy": "same-origin",
      "Cross-Origin-Embedder-Policy": "require-corp",
    };
    const type = path === "/" ? "text/html" : TYPES[path.slice(path.lastIndexOf(".") + 1)];
    const seen = path === "/" || FOLDERS.some((folder) => path.startsWith(folder));
    const content =
      path === "/" ? PAGE : seen ? await readFile(join(root, path)).catch(() => undefined) : undefined;
    if (content === undefined || type === undefined) response.writeHead(404).end();
    else response.writeHead(200, { ...isolation, "Content-Type": type }).end(content);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  try {
    return (await inChromium(write, (browser) => measureChannels(browser, url, rounds, write))) ?? [];
  } finally {
    server.close();
  }
}

async function measureChannels(
  browser: Browser,
  url: string,
  rounds: number,
  write: (line: string) => void,
): Promise<TaskResult[]> {
  const page = await browser.newPage();
  await page.goto(url);
  await page.waitForFunction(() => (globalThis as Page).bench !== undefined);
  const measured = await page.evaluate(measureInPage, {
    modes: MODES,
    stage: ENCAPSULATE,
    growth: OUTER_LENGTH,
    frames: makeFrames(256, 64).map((frame) => [...frame]),
    bursts: BURSTS,
    idle: IDLE,
    roundTrips: ROUND_TRIPS,
    rounds,
  });
  const version = browser.version();
  return (["wakes", "streams"] as const).flatMap((kind) => {
    const group = `${kind === "wakes" ? WAKE : CHANNEL}, in Chromium`;
    const contest = { group, bytes: 64, contenders: [] };
    const standings = measured
      .filter((mode) => mode[kind].length > 0)
      .map((mode) => ({ peer: mode.name, nsPerFrame: figures(mode[kind]), samples: mode[kind].length }));
    const found = results(contest, standings);
    for (const line of table(contest, found)) write(line === group ? `${line} ${version}` : line);
    return found;
  });
}

/** Runs in the page, where it sees nothing of this file. */
async function measureInPage(what: {
  readonly modes: readonly (readonly [string, DataplaneOptions])[];
  readonly stage: typeof ENCAPSULATE;
  readonly growth: number;
  readonly frames: readonly number[][];
  readonly bursts: number;
  readonly idle: number;
  readonly roundTrips: number;
  readonly rounds: number;
}): Promise<{ name: string; wakes: number[]; streams: number[] }[]> {
  const { createDataplane, channelPasses } = (globalThis as Page).bench!;
  if (!globalThis.crossOriginIsolated) throw new Error("the page is not isolated");
  const frames = what.frames.map((frame) => Uint8Array.from(frame));
  const modes = await Promise.all(
    what.modes.map(async ([name, options]) => {
      const dataplane = await createDataplane(options);
      const passes = channelPasses(await dataplane.open([what.stage]), what.growth);
      return { name, dataplane, passes, wakes: [] as number[], streams: [] as number[] };
    }),
  );
  const perPass = frames.length * what.bursts;
  // What there is no way around: the page sleeps, and a task comes.
  const { port1, port2 } = new MessageChannel();
  const toItself = {
    name: "a message of the page to itself",
    wakes: [] as number[],
    streams: [] as number[],
  };
  const postToItself = async (): Promise<number> => {
    await new Promise((resolve) => setTimeout(resolve, what.idle));
    const arrived = new Promise((resolve) => {
      port1.onmessage = resolve;
    });
    const start = performance.now();
    port2.postMessage(0);
    await arrived;
    return (performance.now() - start) * 1e6;
  };
  for (const { passes } of modes) {
    for (let i = 0; i < what.roundTrips; i++) await passes.roundTrip(frames.slice(0, 1));
  }
  // Two rounds to warm up.
  for (let round = -2; round < what.rounds; round++) {
    for (const { dataplane, passes, wakes, streams } of modes) {
      const start = performance.now();
      await passes.stream(frames, what.bursts);
      const took = ((performance.now() - start) * 1e6) / perPass;
      if (round >= 0) streams.push(took);
      if (dataplane.transport === "inline") continue;
      for (let i = 0; i < 10; i++) {
        const wake = await passes.wake(frames.slice(0, 1), what.idle);
        if (round >= 0) wakes.push(wake);
      }
    }
    for (let i = 0; i < 10; i++) {
      const wake = await postToItself();
      if (round >= 0) toItself.wakes.push(wake);
    }
  }
  port1.close();
  await Promise.all(modes.map(({ dataplane }) => dataplane.close()));
  return [...modes, toItself].map(({ name, wakes, streams }) => ({ name, wakes, streams }));
}
