// The page of examples/browser, clicked through in Chromium as people do.
import { spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadKernels, Pipeline, processCapture, type Stage } from "frameferry";
import { compileFilter } from "frameferry/filter";
import { createCaptureFile, openCaptureFile } from "frameferry/node";
import { anonymise, rate, rewrite, ruleTable, truncate } from "frameferry/stages";
import { type Browser, chromium, type Page } from "playwright";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { findChromium } from "../../scripts/find-chromium.mjs";
import { servePage } from "../../scripts/serve-page.mjs";
import { VXLAN } from "../cli/program.ts";

const SERVER = join(import.meta.dirname, "../../scripts/serve-page.mjs");
const PCAP_HEADER = 24;
const BIG = 100_000_000;

let browser: Browser;
let folder: string;
const servers = new Map<boolean, Awaited<ReturnType<typeof servePage>>>();

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "frameferry-page-"));
  for (const isolation of [true, false]) servers.set(isolation, await servePage({ port: 0, isolation }));
  browser = await chromium.launch({
    executablePath: await findChromium(),
    // Chromium refuses to sandbox root.
    chromiumSandbox: process.getuid?.() !== 0,
    args: ["--disable-gpu"],
    timeout: 120_000,
  });
}, 600_000);

afterAll(async () => {
  await browser?.close();
  for (const server of servers.values()) await server.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("in Chromium", () => {
  test("decapsulates the sample and shows what it is", async () => {
    const page = await open();
    await page.getByRole("button", { name: "Ten real packets" }).click();
    await expectText(page, "#capture-name", "vxlan.pcap");
    await expectRow(page, "#vnis", "100 10 –");
    // The boxes stand there before anything is run, and say what the pipeline will do.
    await expectText(page, "#before .carrier > .title", "carrier 148 bytes");
    await expectText(page, "#before .carrier > .tunnel > .title", "tunnel 106 bytes");
    await expectText(page, "#before .carrier > .tunnel > .passenger > .title", "passenger 98 bytes");
    await expectText(page, "#after .frame > .title", "frame 98 bytes");
    await runToTheEnd(page);
    expect(await figures(page)).toEqual(["10", "10", "0"]);
    await expectText(page, "#drops-note", "Nothing was dropped.");
    await expectRow(page, "#vnis", "100 10 0");
    await expectRow(page, "#vnis", "no tunnel 0 10");
    await expectText(page, "#sampled", "All 10 frames are counted.");
    expect(await transport(page)).toBe("shared");
    const { name, bytes } = await download(page);
    expect(name).toBe("vxlan.decapsulate.pcap");
    expectSame(bytes, await inNode(VXLAN, [{ stage: "decapsulate", kind: "vxlan" }]));
  });

  test("chains stages, and drops by reason", async () => {
    const page = await open();
    await page.getByRole("button", { name: "Ten real packets" }).click();
    await page.getByRole("textbox", { name: "VNI" }).fill("7");
    await expectText(page, "#after .gone", "dropped other-vni a VNI that was not asked for");
    await runToTheEnd(page);
    expect(await figures(page)).toEqual(["10", "0", "10"]);
    await expectRow(page, "#drops", "other-vni a VNI that was not asked for 10");

    await page.getByRole("textbox", { name: "VNI" }).fill("100");
    await page.getByRole("button", { name: "VLAN push" }).click();
    await page.getByLabel("VLAN", { exact: true }).fill("77");
    await page.getByRole("button", { name: "Encapsulate", exact: true }).click();
    await page.getByLabel("Local address").fill("2001:db8::1");
    await page.getByLabel("Remote address").fill("2001:db8::2");
    await runToTheEnd(page);
    const { name, bytes } = await download(page);
    expect(name).toBe("vxlan.decapsulate.vlan-push.encapsulate.pcap");
    const stages: Stage[] = [
      { stage: "decapsulate", kind: "vxlan", vni: 100 },
      { stage: "vlan-push", vid: 77 },
      { stage: "encapsulate", kind: "vxlan", vni: 5001, local: "2001:db8::1", remote: "2001:db8::2" },
    ];
    expectSame(bytes, await inNode(VXLAN, stages));
    await page.getByRole("button", { name: "Remove: Push a VLAN tag" }).click();
    await runToTheEnd(page);
    expectSame((await download(page)).bytes, await inNode(VXLAN, [stages[0]!, stages[2]!]));
  });

  test("counts by key, and samples", async () => {
    const page = await open();
    await page.getByRole("button", { name: "Ten real packets" }).click();
    await page.getByRole("button", { name: "Count", exact: true }).click();
    await page.getByRole("button", { name: "Sample", exact: true }).click();
    await page.getByLabel("One in").fill("4");
    await runToTheEnd(page);
    expect(await figures(page)).toEqual(["10", "3", "7"]);
    await expectRow(page, "#counted", "100 10 868");
    await expectRow(page, "#drops", "not-sampled not among the frames of the sample 7");
    await page.getByRole("group", { name: "Count" }).getByLabel("By").selectOption("source");
    await page.getByRole("textbox", { name: "Top" }).fill("1");
    await runToTheEnd(page);
    await expectRow(page, "#counted", "others 6 476");
    await page.getByRole("textbox", { name: "Top" }).fill("0");
    await expectText(page, ".complaint", "expected a whole number from 1 to 65536, got 0");
  });

  test("cuts frames, and takes copies out", async () => {
    const page = await open();
    const twice = join(folder, "twice.pcap");
    const once = readFileSync(VXLAN);
    writeFileSync(twice, Buffer.concat([once, once.subarray(PCAP_HEADER)]));
    await page.getByLabel("Choose a file").setInputFiles(twice);
    await page.getByRole("button", { name: "Cut", exact: true }).click();
    await page.getByLabel("Bytes kept").fill("60");
    await page.getByRole("button", { name: "Take copies out", exact: true }).click();
    await runToTheEnd(page);
    expect(await figures(page)).toEqual(["20", "10", "10"]);
    await expectRow(page, "#drops", "duplicate the same frame as one of those that came before it 10");
    const { name, bytes } = await download(page);
    expect(name).toBe("twice.decapsulate.truncate.dedup.pcap");
    expectSame(
      bytes,
      await inNode(VXLAN, [{ stage: "decapsulate", kind: "vxlan" }, truncate({ bytes: 60 })]),
    );
    await page.getByLabel("Bytes kept").fill("0");
    await expectText(page, ".complaint", "expected a whole number from 1 to 65535, got 0");
  });

  test("rewrites and anonymises", async () => {
    const page = await open();
    await page.getByRole("button", { name: "Ten real packets" }).click();
    await page.getByRole("button", { name: "Rewrite", exact: true }).click();
    await page.getByLabel("Addresses").fill("192.168.203.3=10.7.0.1, 0.0.0.0/0=10.0.0.0/8");
    await page.getByLabel("MACs").first().fill("02:00:00:00:00:09");
    await page.getByLabel("DSCP").fill("0=46");
    await runToTheEnd(page);
    const first = await download(page);
    expect(first.name).toBe("vxlan.decapsulate.rewrite.pcap");
    const decapsulate: Stage = { stage: "decapsulate", kind: "vxlan" };
    const rewritten = rewrite({
      addresses: [
        { from: "192.168.203.3", to: "10.7.0.1" },
        { from: "0.0.0.0/0", to: "10.0.0.0/8" },
      ],
      macs: { to: "02:00:00:00:00:09" },
      dscp: { from: 0, to: 46 },
    });
    expectSame(first.bytes, await inNode(VXLAN, [decapsulate, rewritten]));

    await page.getByRole("button", { name: "Anonymise", exact: true }).click();
    const group = page.getByRole("group", { name: "Anonymise" });
    const made = await group.getByLabel("Key").inputValue();
    expect(made).toMatch(/^[0-9a-f]{32}$/);
    const key = "000102030405060708090a0b0c0d0e0f";
    await group.getByLabel("Key").fill(key);
    await group.getByLabel("MACs").selectOption("keep");
    await group.getByLabel("Keep prefixes").fill("10.0.0.0/8 fd00::/8");
    await runToTheEnd(page);
    const kept = anonymise({ key, macs: "keep", keep: ["10.0.0.0/8", "fd00::/8"] });
    expectSame((await download(page)).bytes, await inNode(VXLAN, [decapsulate, rewritten, kept]));
    await group.getByLabel("Key").fill("0001");
    await expectText(page, ".complaint", "expected 32 hexadecimal digits, got 4 characters");
    await group.getByLabel("Key").fill(key);
    await page.getByLabel("Addresses").fill("10.0.0.0/8=10.0.0.0/8, 10.0.0.0/33=10.0.0.0/8");
    await expectText(page, ".complaint", /^no\. 2: /);
  });

  test("filters in tcpdump's language", async () => {
    const page = await open();
    await page.getByRole("button", { name: "Ten real packets" }).click();
    await page.getByRole("button", { name: "Filter", exact: true }).click();
    await page.getByLabel("Keep what matches").fill("arp or icmp[icmptype] = icmp-echo");
    await runToTheEnd(page);
    const filter = compileFilter("arp or icmp[icmptype] = icmp-echo").stage;
    const { name, bytes } = await download(page);
    expect(name).toBe("vxlan.decapsulate.filter.pcap");
    expectSame(bytes, await inNode(VXLAN, [{ stage: "decapsulate", kind: "vxlan" }, filter]));
    const [, forwarded, dropped] = (await figures(page)).map(Number);
    expect([forwarded! > 0, dropped! > 0]).toEqual([true, true]);
    await page.getByLabel("Keep what matches").fill("tcp port");
    await expectText(page, ".complaint", /expected/);
    await page.getByLabel("Keep what matches").fill("");
    await page.waitForSelector(".complaint", { state: "detached" });
  });

  test("limits rates, by rules and marks", async () => {
    const page = await open();
    await page.getByRole("button", { name: "Ten real packets" }).click();
    await page.getByRole("button", { name: "Rules", exact: true }).click();
    await page.getByLabel("One a line").fill("mark 1 icmp\n\nmark 2 arp");
    await page.getByLabel("Other frames").last().selectOption("drop");
    await page.getByRole("button", { name: "Mark", exact: true }).click();
    await page.getByRole("textbox", { name: "Mark" }).fill("0x100");
    await page.getByLabel("Only these bits").fill("0xff00");
    await page.getByRole("button", { name: "Limit", exact: true }).click();
    await page.getByLabel("Frames a second").fill("1");
    await page.getByLabel("At once").fill("2");
    await page.getByRole("group", { name: "Limit the rate" }).getByLabel("By").selectOption("mark");
    await runToTheEnd(page);
    const { bytes } = await download(page);
    const rules = ruleTable(
      [
        { match: "icmp", mark: 1 },
        { match: "arp", mark: 2 },
      ],
      { otherwise: "drop" },
    );
    const limit = rate({ framesPerSecond: 1, burstFrames: 2, by: "mark" });
    const expected = await inNode(VXLAN, [{ stage: "decapsulate", kind: "vxlan" }, rules, limit]);
    expectSame(bytes, expected);
    const [received, forwarded, dropped] = (await figures(page)).map(Number);
    expect(received).toBe(10);
    expect(dropped).toBeGreaterThan(0);
    await expectRow(
      page,
      "#drops",
      `rate-exceeded more frames, or bits, than may come in that time ${dropped}`,
    );
    expect(forwarded).toBeGreaterThan(0);
    await page.getByLabel("One a line").fill("forward arp\ndeny icmp");
    await expectText(page, ".complaint", 'no. 2: expected forward or drop, got "deny"');
    await page.getByLabel("One a line").fill("drop no such words");
    await expectText(page, ".complaint", /^no\. 1: /);
  });

  test("knows the tunnels of the port that is asked for", async () => {
    const page = await open();
    const moved = join(folder, "moved.pcap");
    const stage: Stage = {
      stage: "encapsulate",
      kind: "vxlan",
      vni: 9,
      local: "10.0.0.1",
      remote: "10.0.0.2",
    };
    writeFileSync(moved, await inNode(VXLAN, [{ ...stage, port: 5555 }]));
    await page.getByLabel("Choose a file").setInputFiles(moved);
    await expectRow(page, "#vnis", "no tunnel 10 –");
    await expectText(page, "#after .gone", "dropped not-tunnel not a packet of this tunnel");
    await page.getByLabel("UDP port").fill("5555");
    await expectRow(page, "#vnis", "9 › 100 10 –");
    await page.getByLabel("Depth").selectOption("all");
    await expectText(page, "#after .carrier > .title", "carrier 148 bytes");
    await runToTheEnd(page);
    await expectRow(page, "#vnis", "100 0 10");
  });

  test.each([
    ["vxlan-gpe", 4790],
    ["geneve", 6081],
  ] as const)("puts frames into tunnels of kind %s and takes them out", async (kind, port) => {
    const page = await open();
    await page.getByRole("button", { name: "Ten real packets" }).click();
    await page.getByRole("button", { name: "Encapsulate", exact: true }).click();
    const into = page.getByRole("group", { name: "Encapsulate", exact: true });
    await into.getByLabel("Kind").selectOption(kind);
    expect(await into.getByLabel("UDP port").getAttribute("placeholder")).toBe(String(port));
    await runToTheEnd(page);
    const ends = { local: "10.1.5.7", remote: "10.1.5.8" };
    const { bytes } = await download(page);
    expectSame(
      bytes,
      await inNode(VXLAN, [
        { stage: "decapsulate", kind: "vxlan" },
        { stage: "encapsulate", kind, vni: 5001, ...ends },
      ]),
    );

    const tunnelled = join(folder, `${kind}.pcap`);
    writeFileSync(tunnelled, bytes);
    await page.getByLabel("Choose a file").setInputFiles(tunnelled);
    await page.getByRole("button", { name: "Remove: Encapsulate" }).click();
    const outOf = page.getByRole("group", { name: "Decapsulate", exact: true });
    await outOf.getByLabel("Kind").selectOption(kind);
    await runToTheEnd(page);
    expect(await figures(page)).toEqual(["10", "10", "0"]);
    expectSame((await download(page)).bytes, await inNode(tunnelled, [{ stage: "decapsulate", kind }]));
  });

  test("says beside the field what it may hold", async () => {
    const page = await open();
    await page.getByRole("button", { name: "Ten real packets" }).click();
    const vni = page.getByRole("textbox", { name: "VNI" });
    await vni.fill("16777216");
    await expectText(page, ".complaint", "expected a whole number from 0 to 16777215, got 16777216");
    expect(await vni.getAttribute("aria-invalid")).toBe("true");
    await page.getByRole("button", { name: "Run" }).click();
    await expectText(page, "#status", "The pipeline cannot run like this: see the field that is marked.");
    await vni.fill("100");
    await page.waitForSelector(".complaint", { state: "detached" });
    await runToTheEnd(page);
    expect(await figures(page)).toEqual(["10", "10", "0"]);
  });

  test("says that a file is no capture, and where one is damaged", async () => {
    const page = await open();
    const notes = join(folder, "notes.txt");
    writeFileSync(notes, "This is no capture, but a few words.\n");
    await page.getByLabel("Choose a file").setInputFiles(notes);
    await expectText(page, "#error", /^notes\.txt cannot be read as a capture: byte 0: .*[^.]\.$/);
    expect(await page.getByRole("button", { name: "Run" }).isDisabled()).toBe(true);

    const cut = join(folder, "cut.pcap");
    writeFileSync(cut, readFileSync(VXLAN).subarray(0, 400));
    await page.getByLabel("Choose a file").setInputFiles(cut);
    await expectText(page, "#error", /^The capture is damaged or cut short at byte 296: /);
    await runToTheEnd(page);
    expect(await figures(page)).toEqual(["2", "2", "0"]);
    await expectText(page, "#error", /^The capture is damaged or cut short at byte 296: /);
    expectSame((await download(page)).bytes, await inNode(cut, [{ stage: "decapsulate", kind: "vxlan" }]));

    await page.getByRole("button", { name: "Ten real packets" }).click();
    await page.waitForSelector("#error", { state: "hidden" });
  });

  test("takes a file that is dropped, and shows its frames by keyboard", async () => {
    const page = await open();
    const transfer = await page.evaluateHandle((base64) => {
      const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
      const dropped = new DataTransfer();
      dropped.items.add(new File([bytes], "dropped.pcap"));
      return dropped;
    }, readFileSync(VXLAN).toString("base64"));
    await page.dispatchEvent("main", "drop", { dataTransfer: transfer });
    await expectText(page, "#capture-name", "dropped.pcap");
    await expectText(page, "#before .passenger", /ICMP echo request/);
    await page.getByRole("radio").first().focus();
    await page.keyboard.press("ArrowDown");
    await expectText(page, "#before .passenger", /ARP who has 192\.168\.203\.3\? tell 192\.168\.203\.5/);
  });

  test("cancels, and runs again", async () => {
    const page = await open();
    await page.getByRole("button", { name: "100 MB, made here" }).click();
    await page.waitForSelector("#run:enabled", { timeout: 60_000 });
    await page.evaluate(() => {
      const status = document.querySelector("#status")!;
      // Within the task that draws the first progress: no run is faster than that.
      const observer = new MutationObserver(() => {
        if (!/^[1-9].* of /.test(status.textContent)) return;
        observer.disconnect();
        document.querySelector<HTMLElement>("#cancel")!.click();
      });
      observer.observe(status, { childList: true });
    });
    await page.getByRole("button", { name: "Run" }).click();
    await expectText(page, "#status", "Cancelled. Nothing was kept.");
    await page.getByRole("button", { name: "Download" }).waitFor({ state: "hidden" });

    await runToTheEnd(page);
    const [received, forwarded, dropped] = (await figures(page)).map((text) =>
      Number(text.replace(/,/g, "")),
    );
    expect(forwarded! + dropped!).toBe(received);
    expect(dropped).toBeGreaterThan(0);
    await expectText(page, "#sampled", "A sample: the first 100,000 frames are counted.");
    await page.getByRole("button", { name: "Count all" }).click();
    await expectText(page, "#sampled", /^All .* frames are counted\.$/);
  });

  test.each([
    [true, "2", "shared"],
    [true, "0, this thread", "inline"],
    [false, "1", "transfer"],
  ])("takes 100 MB (isolated %s, workers %s)", async (isolation, workers, expected) => {
    const page = await open(isolation);
    const capture = bigCapture();
    await page.getByLabel("Workers").selectOption(workers);
    await page.getByLabel("Choose a file").setInputFiles(capture);
    await runToTheEnd(page);
    expect(await transport(page)).toBe(expected);
    const { bytes } = await download(page);
    expectSame(bytes, await inNode(capture, [{ stage: "decapsulate", kind: "vxlan" }]));
    const { milliseconds, longTasks, frames } = await page.evaluate(() => {
      const run = (globalThis as unknown as PageGlobals).frameferryPage.lastRun();
      return { ...run, frames: run.summary.received };
    });
    console.log(
      `page, ${expected}: ${frames} frames, ${(BIG / 1e3 / milliseconds).toFixed(0)} MB/s, ` +
        `${(frames / 1e3 / milliseconds).toFixed(2)} million frames/s, ` +
        `${longTasks.count} tasks over 50 ms (longest ${longTasks.longestMs.toFixed(0)} ms)`,
    );
  });
});

describe("the server", () => {
  test("sends types and headers", async () => {
    for (const [path, type] of [
      ["", "text/html; charset=utf-8"],
      ["page.js", "text/javascript; charset=utf-8"],
      ["page.css", "text/css; charset=utf-8"],
      ["frameferry/index.js", "text/javascript; charset=utf-8"],
      ["frameferry/frameferry.wasm", "application/wasm"],
      ["sample.pcap", "application/vnd.tcpdump.pcap"],
    ]) {
      const response = await fetch(`${address(true)}${path}`);
      expect(response.status, path).toBe(200);
      expect(response.headers.get("content-type")).toBe(type);
      expect(response.headers.get("cross-origin-opener-policy")).toBe("same-origin");
      expect(response.headers.get("cross-origin-embedder-policy")).toBe("require-corp");
      await response.body?.cancel();
    }
    const plain = await fetch(address(false));
    expect(plain.headers.get("cross-origin-embedder-policy")).toBeNull();
    await plain.body?.cancel();
    expect((await fetch(address(true), { method: "POST" })).status).toBe(405);
  });

  test.each([
    "/../../package.json",
    "/%2e%2e/%2e%2e/package.json",
    "/..%2f..%2fpackage.json",
    "/..%5c..%5cpackage.json",
    "/frameferry/../package.json",
    "/frameferry/shared",
    "/frameferry//etc/passwd",
    "//etc/passwd",
    "/%00",
    "/%",
    "/nothing.js",
    "*",
  ])("refuses %s", async (path) => {
    expect(await statusOf(path)).toBe(404);
  });

  test("starts by hand, and says what is wrong with a port", async () => {
    const child = spawn(process.execPath, [SERVER, "--port", "0", "--no-isolation"]);
    onTestFinished(() => void child.kill());
    let output = "";
    for await (const text of child.stdout.setEncoding("utf8"))
      if (/transferred/.test((output += text))) break;
    const [, url] = /the page is at (http:\/\/127\.0\.0\.1:\d+\/)/.exec(output) ?? [];
    const response = await fetch(url!);
    expect(response.headers.get("cross-origin-opener-policy")).toBeNull();
    expect(await response.text()).toContain("<title>frameferry");

    const wrong = spawn(process.execPath, [SERVER, "--port", "x"]);
    let complaint = "";
    for await (const text of wrong.stderr.setEncoding("utf8")) complaint += text;
    expect(complaint).toBe('serve-page: --port: expected a whole number from 0 to 65535, got "x"\n');
  });
});

interface PageGlobals {
  readonly frameferryPage: {
    lastRun(): {
      readonly milliseconds: number;
      readonly longTasks: { readonly count: number; readonly longestMs: number };
      readonly summary: { readonly received: number };
    };
  };
}

/** A fresh page; whatever goes wrong in it unseen fails the test. */
async function open(isolation = true): Promise<Page> {
  const page = await browser.newPage();
  const unseen: string[] = [];
  page.on("pageerror", (error) => unseen.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") unseen.push(message.text());
  });
  onTestFinished(async () => {
    await page.close();
    expect(unseen).toEqual([]);
  });
  await page.goto(address(isolation));
  return page;
}

function address(isolation: boolean): string {
  return servers.get(isolation)!.url;
}

async function runToTheEnd(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Run" }).click({ timeout: 50_000 });
  await page.getByRole("button", { name: "Download" }).waitFor({ timeout: 50_000 });
}

async function figures(page: Page): Promise<string[]> {
  return await Promise.all(
    ["#frames-in", "#frames-out", "#frames-dropped"].map((id) => page.locator(id).innerText()),
  );
}

async function transport(page: Page): Promise<string> {
  return await page.locator("#transport").innerText();
}

async function download(page: Page): Promise<{ name: string; bytes: Buffer }> {
  const [saved] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Download" }).click(),
  ]);
  return { name: saved.suggestedFilename(), bytes: readFileSync(await saved.path()) };
}

/** Waits until the element's text, with single spaces, is or matches what is expected. */
async function expectText(page: Page, selector: string, expected: string | RegExp): Promise<void> {
  const text = async (): Promise<string> => flat(await page.locator(selector).first().innerText());
  if (typeof expected === "string") await expect.poll(text, POLL).toBe(expected);
  else await expect.poll(text, POLL).toMatch(expected);
}

async function expectRow(page: Page, table: string, expected: string): Promise<void> {
  const rows = async (): Promise<string[]> =>
    (await page.locator(`${table} tbody tr`).allInnerTexts()).map(flat);
  await expect.poll(rows, POLL).toContain(expected);
}

const POLL = { timeout: 30_000 };

function flat(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}

/** What the same stages make of a file here. */
async function inNode(path: string, stages: readonly Stage[]): Promise<Buffer> {
  const output = join(folder, "node.pcap");
  const pipeline = new Pipeline(await loadKernels(), stages);
  await processCapture(await openCaptureFile(path), pipeline, await createCaptureFile(output));
  return readFileSync(output);
}

/** Not by toEqual: it would take minutes to compare and print. */
function expectSame(actual: Buffer, expected: Buffer): void {
  expect(actual.length).toBe(expected.length);
  expect(Buffer.compare(actual, expected)).toBe(0);
}

/** The records of the sample, again and again. */
function bigCapture(): string {
  const path = join(folder, "big.pcap");
  const sample = readFileSync(VXLAN);
  const records = sample.subarray(PCAP_HEADER);
  const block = Buffer.concat(Array.from({ length: 1000 }, () => records));
  const file = openSync(path, "w");
  let written = writeSync(file, sample.subarray(0, PCAP_HEADER));
  while (written < BIG) written += writeSync(file, block);
  closeSync(file);
  return path;
}

async function statusOf(path: string): Promise<number | undefined> {
  const { port } = new URL(address(true));
  return await new Promise((resolve, reject) => {
    // As it is: fetch would resolve the dots.
    request({ port, path, host: "127.0.0.1" }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on("error", reject)
      .end();
  });
}
