// The layout's version is made of its constants: whoever changes one changes it, and whoever writes a comment does not.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { loadKernels } from "frameferry";
import { expect, test } from "vitest";
import { layoutVersion } from "../../scripts/layout-version.mjs";
import { LAYOUT_VERSION } from "../../src/layout/version.generated.ts";

const root = join(import.meta.dirname, "../..");

/** The layout as it is, file by file. */
const layout: Readonly<Record<string, string>> = Object.fromEntries(
  readdirSync(join(root, "src/layout"))
    .filter((name) => name.endsWith(".layout.ts"))
    .map((name) => [join("src/layout", name), readFileSync(join(root, "src/layout", name), "utf8")]),
);

/** The version when the text of each file is another. */
function versionWith(change: (text: string) => string): number {
  return layoutVersion(
    Object.fromEntries(Object.entries(layout).map(([file, text]) => [file, change(text)])),
  );
}

test("both languages are built with the version of the layout as it is", async () => {
  expect(LAYOUT_VERSION).toBe(layoutVersion(layout));
  const { module, memory } = await loadKernels({ memoryBytes: 1 << 20 });
  const { exports } = await WebAssembly.instantiate(module, {
    env: { memory },
    generated: { runGenerated: () => 0, clock: () => 0n },
  });
  expect((exports.layoutVersion as () => number)()).toBe(LAYOUT_VERSION);
});

test("each constant counts: its value and its name", () => {
  const seen = new Set([layoutVersion(layout)]);
  let constants = 0;
  for (const [file, text] of Object.entries(layout)) {
    const lines = text.split("\n");
    for (const [at, line] of lines.entries()) {
      if (!line.startsWith("export")) continue;
      constants++;
      for (const changed of [
        line.replace(/ = (\w+);/, " = 77777777;"),
        line.replace(/const (\w+)/, "const $1_"),
      ]) {
        const version = layoutVersion({ ...layout, [file]: lines.with(at, changed).join("\n") });
        expect(seen, `${file}: ${changed}`).not.toContain(version);
        seen.add(version);
      }
    }
  }
  expect(constants).toBeGreaterThan(400);
});

test("one constant more, or one less, is another layout", () => {
  const file = "src/layout/memory.layout.ts";
  const text = layout[file]!;
  const versions = [text, `${text}export const MORE = 1;\n`, text.replace(/^export .*\n/m, "")].map(
    (changed) => layoutVersion({ ...layout, [file]: changed }),
  );
  expect(new Set(versions).size).toBe(3);
});

test("comments, blank lines, order and the way to write a number do not count", () => {
  expect(
    versionWith((text) => `// A new comment.\n\n${text.replaceAll(/\/\/.*$/gm, "// Another one.")}`),
  ).toBe(LAYOUT_VERSION);
  expect(versionWith((text) => text.split("\n").reverse().join("\n"))).toBe(LAYOUT_VERSION);
  expect(
    versionWith((text) => text.replaceAll(/= (\d+);/g, (_, n) => `= 0x${Number(n).toString(16)};`)),
  ).toBe(LAYOUT_VERSION);
});
