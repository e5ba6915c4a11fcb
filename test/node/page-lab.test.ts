// The page's laboratory, clicked through in Chromium as people do.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { buildTopology, type JourneyHop, journeyOf } from "frameferry/overlay";
import { type Browser, chromium, type Page } from "playwright";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { findChromium } from "../../scripts/find-chromium.mjs";
import { servePage } from "../../scripts/serve-page.mjs";

const TOPOLOGIES = join(import.meta.dirname, "../../examples/topologies");
const POLL = { timeout: 30_000 };

let browser: Browser;
let server: Awaited<ReturnType<typeof servePage>>;

beforeAll(async () => {
  server = await servePage({ port: 0 });
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
  await server?.close();
});

describe("in Chromium", () => {
  test("takes a hello between pods of different nodes through all its links", async () => {
    const page = await open();
    await page.getByRole("button", { name: /^shop-cart,/ }).click();
    await page.getByRole("button", { name: /^shop-db,/ }).click();
    expect(await page.getByLabel("From", { exact: true }).inputValue()).toBe("shop-cart");
    expect(await page.getByLabel("To", { exact: true }).inputValue()).toBe("shop-db");
    await page.getByRole("button", { name: "Say hello" }).click();
    await expectText(page, "#lab-sentence", "shop-db answers shop-cart, after 0.012 ms of virtual time.");

    // The same frames as in Node, link by link: the page makes none of its own.
    const hops = await inNode("pods-in-vpcs", "shop-cart", "shop-db");
    expect(hops).toHaveLength(12);
    for (const [i, hop] of hops.entries()) {
      await expectText(page, "#lab-position", `${i + 1} of 12`);
      await expectText(page, "#lab-hop", `${hop.from.node.name} → ${hop.to.node.name}`);
      await expectText(page, "#lab-frame > .box > .title .number", `${hop.frame.length} bytes`);
      const vnis = hop.parts.flatMap(({ vni }) => vni ?? []);
      const told = vnis.map((vni) => `VXLAN VNI ${vni} 8`);
      expect((await page.locator("#lab-frame .tunnel > .row").allInnerTexts()).map(flat)).toEqual(told);
      await expect.poll(() => page.locator(".traveller .ring:not(.opening)").count(), POLL).toBe(vnis.length);
      expect(await page.locator(".wire.now").count()).toBe(1);
      if (i < 11) await page.getByRole("button", { name: "Next" }).click();
    }
    expect(await page.getByRole("button", { name: "Next" }).isDisabled()).toBe(true);
    expect(await page.locator(".end").count()).toBe(0);

    // At the underlay there are two tunnels, one in the other.
    await page.getByText("host-1 → underlay").click();
    await expectText(page, "#lab-change", "host-1 wraps it in VXLAN 1234.");
    const outer = "#lab-frame > .carrier > .tunnel";
    await expectText(page, `${outer} > .row`, "VXLAN VNI 1234 8");
    await expectText(page, `${outer} > .passenger > .title`, "passenger and carrier 148 bytes");
    await expectText(page, `${outer} > .passenger > .tunnel > .row`, "VXLAN VNI 1 8");
    await expectText(page, `${outer} > .passenger > .tunnel > .passenger > .title`, "passenger 98 bytes");
    await expectText(page, ".traveller .tag", "VNI 1234 › 1 · 198 B");
    await page.getByRole("button", { name: "Back" }).click();
    await expectText(page, "#lab-change", "shop-node-1 wraps it in VXLAN 1.");
    await expectText(page, ".traveller .tag", "VNI 1 · 148 B");
  });

  test("says where a frame ended that reaches nobody, and why", async () => {
    const page = await open();
    // Two tenants with the same addresses: the frame stays in its own.
    await sayHello(page, "shop-web", "bank-db");
    await expectText(
      page,
      "#lab-sentence",
      "shop-web does not reach bank-db. In its own network 10.244.2.2 is shop-db, and that is who answers.",
    );
    await page.locator("#lab-hops label").last().click();
    expect(await ends(page)).toEqual(["shop-db"]);
    const links = await page.locator("#lab-hops label span:nth-of-type(1)").allInnerTexts();
    expect(links.filter((text) => text.includes("bank"))).toEqual([]);

    await sayHello(page, "shop-web", "bank-web");
    await expectText(page, "#lab-sentence", /Both have 10\.244\.1\.2, each in its own network/);
    await page.locator("#lab-step").waitFor({ state: "hidden" });

    await choose(page, "vpc", "orange-1");
    await sayHello(page, "orange-1", "blue-1");
    await expectText(
      page,
      "#lab-sentence",
      "orange-1 does not reach blue-1. No frame leaves orange-1: there is no route from its network to that address.",
    );
    expect(await ends(page)).toEqual(["orange-1"]);
    await sayHello(page, "twin-1", "orange-2");
    await expectText(page, "#lab-sentence", /says: nobody there has the address\.$/);
    await expectText(page, "#lab-frame .row:nth-of-type(3)", /ARP who has 172\.20\.6\.36\?/);

    await choose(page, "flat-network", "wrapped-pod-1");
    await sayHello(page, "wrapped-pod-1", "routed-pod-1");
    await expectText(
      page,
      "#lab-sentence",
      "wrapped-pod-1 does not reach routed-pod-1. The frame ends at wrapped-node-1: no route to its destination (no-route).",
    );
    expect(await ends(page)).toEqual(["wrapped-node-1"]);
  });

  test("is used by keyboard, and plays", async () => {
    const page = await open();
    await page.getByRole("button", { name: /^bank-web,/ }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: /^bank-db,/ }).focus();
    await page.keyboard.press(" ");
    expect(await page.getByLabel("From", { exact: true }).inputValue()).toBe("bank-web");
    await page.getByLabel("To", { exact: true }).focus();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await expectText(page, "#lab-sentence", /^bank-db answers bank-web/);
    await page.getByRole("radio", { name: /^1 bank-web/ }).focus();
    await page.keyboard.press("ArrowDown");
    await expectText(page, "#lab-position", "2 of 12");
    await page.getByRole("button", { name: "Play" }).click();
    await expectText(page, "#lab-position", "4 of 12");
    await page.getByRole("button", { name: "Pause" }).click();
    expect(await page.getByRole("button", { name: "Play" }).isVisible()).toBe(true);
  });

  test("takes a topology that is dropped, and says what is wrong with another and where", async () => {
    const page = await open();
    await drop(page, "bad.json", '{ "hosts": [{ "name": "h" }], "vpcs": [{ "name": "v", "cidr": 7 }] }');
    await expectText(page, "#lab-error", /^bad\.json: vpcs\[0\]\.cidr: expected .*, got 7\.$/);
    await drop(
      page,
      "lost.json",
      '{ "hosts": [{ "name": "h" }], "vpcs": [{ "name": "v", "cidr": "10.9.0.0/24", "machines": [{ "name": "m", "host": "x" }] }] }',
    );
    await expectText(page, "#lab-error", /^lost\.json: vpcs\[0\]\.machines\[0\]\.host: /);
    await drop(page, "cut.json", "{");
    await expectText(page, "#lab-error", /^cut\.json: it is no JSON: /);
    // What was shown before is there still, and works.
    await sayHello(page, "shop-web", "shop-db");
    await expectText(page, "#lab-sentence", /^shop-db answers shop-web/);

    await drop(page, "two.json", '{ "machines": [{ "name": "left" }, { "name": "right" }] }');
    await expectText(page, "#lab-facts", "1 switches, 2 machines and pods, 2 links");
    await page.locator("#lab-error").waitFor({ state: "hidden" });
    expect(await page.locator("#lab-example option:checked").innerText()).toBe("two.json");
    await page.getByRole("button", { name: "Say hello" }).click();
    await expectText(page, "#lab-sentence", /^right answers left/);

    // Of two the later counts, though the earlier is still on its way.
    await page.locator("#lab-example").selectOption("data-centre");
    await drop(page, "cut.json", "{");
    await expectText(page, "#lab-error", /^cut\.json: it is no JSON: /);
    await page.locator("#lab-example").selectOption("data-centre");
    await choose(page, "vpc", "twin-1");
    await expectText(page, "#lab-facts", "4 switches, 9 machines and pods, 12 links");
    await page.locator("#lab-error").waitFor({ state: "hidden" });
  });

  test("draws every example: all names in sight, no box over another, nothing wider than the page", async () => {
    const page = await open();
    const names = readdirSync(TOPOLOGIES).map((name) => name.replace(/\.json$/, ""));
    const offered = await page.locator("#lab-example option:not([hidden])").evaluateAll((options) => {
      return options.map((option) => (option as HTMLOptionElement).value);
    });
    expect(offered.sort()).toEqual(names.sort());
    for (const name of names) {
      const lab = await buildTopology(JSON.parse(readFileSync(join(TOPOLOGIES, `${name}.json`), "utf8")));
      onTestFinished(() => lab.close());
      await choose(page, name, lab.machines()[0]!.name);
      const drawn = await page.locator(".node").evaluateAll((nodes) =>
        nodes.map((node) => {
          const { left, right, top, bottom } = node.querySelector("rect")!.getBoundingClientRect();
          const label = node.querySelector(".name")!.getBoundingClientRect();
          const fits = label.left >= left && label.right <= right;
          return { name: node.getAttribute("data-node")!, left, right, top, bottom, fits };
        }),
      );
      expect(drawn.map(({ name }) => name).sort()).toEqual(
        lab.network
          .nodes()
          .map(({ name }) => name)
          .sort(),
      );
      expect(drawn.filter(({ fits }) => !fits)).toEqual([]);
      for (const a of drawn)
        for (const b of drawn) {
          const over = a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
          if (a !== b) expect(over, `${name}: ${a.name} and ${b.name}`).toBe(false);
        }
      expect(await page.locator(".wire").count()).toBe(lab.network.links().length);
      // Each has a pair that reaches each other.
      await page.getByRole("button", { name: "Say hello" }).click();
      await expectText(page, "#lab-sentence", / answers /);
    }
    await page.setViewportSize({ width: 390, height: 844 });
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    expect(width).toBeLessThanOrEqual(390);
  });

  test("stands beside the captures, which keep what they show", async () => {
    const page = await open("");
    expect(await page.getByRole("heading", { name: "Pipeline" }).isVisible()).toBe(true);
    await page.getByRole("button", { name: "Ten real packets" }).click();
    await expectText(page, "#capture-name", "vxlan.pcap");
    await page.getByRole("link", { name: "Laboratory" }).click();
    await page.getByRole("heading", { name: "Pipeline" }).waitFor({ state: "hidden" });
    await page.waitForSelector("#lab-hello:enabled", POLL);
    await page.getByRole("link", { name: "Captures" }).click();
    await expectText(page, "#capture-name", "vxlan.pcap");
    await page.locator("#lab-pair").waitFor({ state: "hidden" });
  });
});

test.each([
  ["dagre.js", "text/javascript; charset=utf-8"],
  ["check/cli/topology-schema.js", "text/javascript; charset=utf-8"],
  ["topologies/vpc.json", "application/json"],
])("the server sends %s", async (path, type) => {
  const response = await fetch(`${server.url}${path}`);
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe(type);
  await response.body?.cancel();
});

/** A fresh page; whatever goes wrong in it unseen fails the test. */
async function open(view = "#laboratory"): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  const unseen: string[] = [];
  page.on("pageerror", (error) => unseen.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") unseen.push(message.text());
  });
  onTestFinished(async () => {
    await page.close();
    expect(unseen).toEqual([]);
  });
  await page.goto(`${server.url}${view}`);
  if (view !== "") await page.waitForSelector("#lab-hello:enabled", POLL);
  return page;
}

/** Takes an example, and waits until the machine is there. */
async function choose(page: Page, example: string, machine: string): Promise<void> {
  await page.locator("#lab-example").selectOption(example);
  await page.waitForSelector(`[data-machine="${machine}"]`, POLL);
  await page.waitForSelector("#lab-hello:enabled", POLL);
}

async function sayHello(page: Page, from: string, to: string): Promise<void> {
  await page.getByLabel("From", { exact: true }).selectOption(from);
  await page.getByLabel("To", { exact: true }).selectOption(to);
  await page.getByRole("button", { name: "Say hello" }).click();
}

async function ends(page: Page): Promise<string[]> {
  return await page.locator(".node.end .name").allTextContents();
}

async function drop(page: Page, name: string, text: string): Promise<void> {
  const transfer = await page.evaluateHandle(
    ([name, text]) => {
      const dropped = new DataTransfer();
      dropped.items.add(new File([text!], name!));
      return dropped;
    },
    [name, text],
  );
  await page.dispatchEvent("main", "drop", { dataTransfer: transfer });
}

/** The hops of the second hello, as the page tells it. */
async function inNode(name: string, from: string, to: string): Promise<JourneyHop[]> {
  using lab = await buildTopology(JSON.parse(readFileSync(join(TOPOLOGIES, `${name}.json`), "utf8")));
  lab.do({ ping: [from, to] });
  return journeyOf(lab.network, () => void lab.do({ ping: [from, to] }));
}

/** Waits until the element's text, with single spaces, is or matches what is expected. */
async function expectText(page: Page, selector: string, expected: string | RegExp): Promise<void> {
  const text = async (): Promise<string> =>
    flat(
      await page
        .locator(selector)
        .first()
        .evaluate((found) => (found as HTMLElement).innerText ?? found.textContent),
    );
  if (typeof expected === "string") await expect.poll(text, POLL).toBe(expected);
  else await expect.poll(text, POLL).toMatch(expected);
}

function flat(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}
