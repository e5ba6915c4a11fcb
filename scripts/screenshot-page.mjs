// Takes the README's pictures of the page, one of each view: npm run page:screenshot [-- --dark] [-- --output FOLDER]
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { chromium } from "playwright";
import { findChromium } from "./find-chromium.mjs";
import { servePage } from "./serve-page.mjs";

const { values } = parseArgs({ options: { dark: { type: "boolean" }, output: { type: "string" } } });
const folder = values.output ?? fileURLToPath(new URL("../docs/images", import.meta.url));
const page = await servePage({ port: 0 });
const browser = await chromium.launch({
  executablePath: await findChromium(),
  // Chromium refuses to sandbox root.
  chromiumSandbox: process.getuid?.() !== 0,
});
try {
  const tab = await browser.newPage({
    viewport: { width: 1300, height: 900 },
    colorScheme: values.dark ? "dark" : "light",
  });
  tab.on("pageerror", (error) => console.error(error));
  tab.on("console", (message) => console.error(message.text()));
  await tab.goto(page.url);
  await tab.getByRole("button", { name: "VLAN push" }).click();
  await tab.getByRole("button", { name: "100 MB, made here" }).click();
  await tab.getByRole("button", { name: "Run" }).click({ timeout: 120_000 });
  await tab.getByRole("button", { name: "Download" }).waitFor({ timeout: 120_000 });
  await tab.getByRole("button", { name: "Count all" }).click();
  await tab.getByText(/^All .* frames are counted/).waitFor({ timeout: 120_000 });
  await tab.locator("#frame-list").getByText("5001 › 1").first().click();
  await take(tab, "page.png");

  await tab.getByRole("link", { name: "Laboratory" }).click();
  await tab.getByRole("button", { name: "Say hello" }).click({ timeout: 60_000 });
  await tab.getByText("host-1 → underlay").click();
  await tab.getByText("host-1 wraps it").waitFor();
  await take(tab, "laboratory.png");
} finally {
  await browser.close();
  await page.close();
}

async function take(tab, name) {
  await tab.mouse.move(0, 0);
  await tab.evaluate(() => document.activeElement?.blur());
  const path = join(folder, name);
  await tab.screenshot({ path, fullPage: true });
  console.log(path);
}
