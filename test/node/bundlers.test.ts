// The packed package in the projects of test/bundlers/, built by each bundler and run in Node and in Chromium:
// the recipes of docs/bundlers.md are the code of these projects.
import { createHash } from "node:crypto";
import { cpSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { flowHash } from "frameferry/wire";
import type { Browser } from "playwright";
import { createServer } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type BundlerName, build, layOut, readHeaders } from "../support/bundled-projects.ts";
import { type InstalledPackage, installPackage, root } from "../support/installed-package.ts";
import { launchChromium, ride } from "../support/page-ride.ts";
import { run } from "../support/run-program.ts";
import { serveFolder } from "../support/serve-folder.ts";

const { isolated: ISOLATED, strict: STRICT } = readHeaders();
/** As without headers, for a server whose configuration has them. */
const NOT_ISOLATED = Object.fromEntries(Object.keys(ISOLATED).map((name) => [name, "unsafe-none"]));
const ALL_BACK = { workers: 2, received: 1000, identical: 1000 };
/** How the page opens the dataplane: see test/bundlers/web/app.js. */
const MODES = ["?inline", "?files"] as const;
type Mode = (typeof MODES)[number];

let installed: InstalledPackage;
let browser: Browser;
const built = new Map<BundlerName, string>();

beforeAll(async () => {
  installed = installPackage();
  // Two at a time.
  const names: BundlerName[] = ["webpack", "static", "vite", "esbuild", "rollup"];
  const builder = async (): Promise<void> => {
    for (let name = names.shift(); name !== undefined; name = names.shift())
      built.set(name, await build(installed, name));
  };
  await Promise.all([builder(), builder()]);
  browser = await launchChromium();
}, 600_000);
afterAll(async () => {
  await browser?.close();
  installed?.remove();
});

test("the frames are of flows for both workers", async () => {
  const { makeFrames } = await import(join(root, "test/bundlers/ferry.js"));
  const frames: Uint8Array[] = makeFrames();
  const first = frames.filter((frame) => flowHash(frame) < 2 ** 31).length;
  expect(first).toBeGreaterThan(400);
  expect(first).toBeLessThan(600);
});

test.each(["./inline.js", "./files.js"])("Node runs %s", (module) => {
  const { status, stdout, output } = run(process.execPath, ["app.js", module], layOut(installed, "node"));
  expect(status, output).toBe(0);
  expect(JSON.parse(stdout)).toEqual({ ...ALL_BACK, transport: "shared" });
});

/** Loads a page and expects all frames back, and the kernels and the workers from where they should be. */
async function expectRide(url: string, mode: Mode, transport: string): Promise<void> {
  const { result, workers, kernels, errors } = await ride(browser, `${url}/${mode}`);
  expect(result).toEqual({ ...ALL_BACK, transport });
  expect(errors).toEqual([]);
  expect(kernels).toHaveLength(mode === "?files" ? 1 : 0);
  expect(workers).toHaveLength(2);
  for (const worker of workers) expect(worker).toMatch(mode === "?files" ? /^http:.*\.js\b/ : /^blob:/);
}

/** Loads a page that cannot do what it should, and expects an error that says why. */
async function expectError(url: string, mode: Mode, error: RegExp): Promise<void> {
  const { result, errors } = await ride(browser, `${url}/${mode}`);
  expect(result).toEqual({ error: expect.stringMatching(error) });
  expect(errors).toEqual([]);
}

async function served<T>(
  folder: string,
  headers: Readonly<Record<string, string>>,
  visit: (url: string) => Promise<T>,
): Promise<T> {
  const server = await serveFolder(folder, headers);
  try {
    return await visit(server.url);
  } finally {
    await server.close();
  }
}

describe.each(["static", "vite", "webpack", "esbuild", "rollup"] as const)("%s, as served", (name) => {
  test.each(MODES)("%s, cross-origin isolated: frames in shared memory", async (mode) => {
    await served(built.get(name)!, ISOLATED, (url) => expectRide(url, mode, "shared"));
  });

  test.each(MODES)("%s, not isolated: frames by transfer", async (mode) => {
    await served(built.get(name)!, {}, (url) => expectRide(url, mode, "transfer"));
  });

  test("under a strict content policy the files work, and the inline worker fails with a reason", async () => {
    const folder = built.get(name)!;
    const policy = { ...ISOLATED, ...withImportMap(STRICT, folder) };
    await served(folder, policy, async (url) => {
      await expectRide(url, "?files", "shared");
      await expectError(
        url,
        "?inline",
        /^WorkerDiedError: worker [01] died: .* content policy .* spawnWorker/,
      );
    });
  });
});

/** An import map is a script inside the page, which a policy must name by its hash. */
function withImportMap(policy: Readonly<Record<string, string>>, folder: string): Record<string, string> {
  const html = readFileSync(join(folder, "index.html"), "utf8");
  const map = html.match(/<script type="importmap">(.*?)<\/script>/s)?.[1];
  if (map === undefined) return policy;
  const hash = createHash("sha256").update(map).digest("base64");
  return Object.fromEntries(
    Object.entries(policy).map(([name, text]) => [
      name,
      text.replace("script-src", `script-src 'sha256-${hash}'`),
    ]),
  );
}

describe("a page that is not served as it should be", () => {
  test.each([
    ["frameferry.wasm", /^RangeError: wasm: http:.*frameferry\.wasm answered 404$/],
    ["worker.js", /^WorkerDiedError: worker [01] died: its script could not be loaded: .* missing/],
  ])("%s was left behind", async (file, error) => {
    const folder = join(installed.folder, `without-${file}`);
    cpSync(built.get("rollup")!, folder, { recursive: true });
    rmSync(join(folder, file));
    await served(folder, ISOLATED, (url) => expectError(url, "?files", error));
  });

  test.each([
    ["?inline", /^CompileError: .*Content Security/],
    ["?files", /^RangeError: wasm: cannot be compiled: .*Content Security/],
  ] as const)("%s, and the policy forbids WebAssembly", async (mode, error) => {
    const policy = { "Content-Security-Policy": "script-src 'self'" };
    await served(built.get("rollup")!, policy, (url) => expectError(url, mode, error));
  });
});

describe("vite's development server", () => {
  test.each(MODES)("%s, with the recipe's headers and without", async (mode) => {
    const project = join(installed.folder, "vite");
    for (const [headers, transport] of [
      [{}, "shared"],
      [NOT_ISOLATED, "transfer"],
    ] as const) {
      const server = await createServer({
        root: project,
        logLevel: "silent",
        server: { host: "127.0.0.1", port: 0, headers },
      });
      try {
        await server.listen();
        const { port } = server.httpServer!.address() as { port: number };
        await expectRide(`http://127.0.0.1:${port}`, mode, transport);
      } finally {
        await server.close();
      }
    }
  });
});
