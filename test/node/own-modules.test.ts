// The modules that tests of stages run are what their texts say: assembled and compiled again.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as own from "frameferry/own-stages";
import { expect, test } from "vitest";
import { INNER_PORT, MISBEHAVES, SHORT_FRAMES, SUMS } from "../support/own-modules.ts";

const root = join(import.meta.dirname, "../..");

test.each([
  ["examples/own-stages/short-frames.wat", SHORT_FRAMES],
  ["test/fixtures/own-stages/misbehaves.wat", MISBEHAVES],
  ["test/fixtures/own-stages/sums.wat", SUMS],
])("%s", async (path, bytes) => {
  const { default: binaryen } = await import("binaryen");
  const module = binaryen.parseText(readFileSync(join(root, path), "utf8"));
  module.setFeatures(binaryen.Features.All);
  expect(module.emitBinary()).toEqual(bytes);
  module.dispose();
});

test("examples/own-stages/assembly/inner-port.ts", async () => {
  const { main } = await import("assemblyscript/asc");
  const folder = join(root, "examples/own-stages/assembly");
  // As its first lines say.
  const options = readFileSync(join(folder, "inner-port.ts"), "utf8").match(/^\/\/ {3}.*\n\/\/ {5}.*$/m)![0];
  const args = options
    .replaceAll(/^\/\/\s+/gm, "")
    .replaceAll("\n", " ")
    .split(" ")
    .slice(1);
  let bytes: Uint8Array | undefined;
  const { error, stderr } = await main([...args, "--baseDir", folder], {
    writeFile: (_name, contents) => void (bytes = contents as Uint8Array),
    listFiles: () => [],
  });
  expect(error, stderr.toString()).toBeNull();
  expect(Buffer.from(bytes!)).toEqual(Buffer.from(INNER_PORT));
});

test("docs/own-stages.md says where the fields of a descriptor lie", () => {
  const text = readFileSync(join(root, "docs/own-stages.md"), "utf8");
  const rows = [...text.matchAll(/^\| (\d+) \| `(DESCRIPTOR_\w+)` \|/gm)].map(([, at, name]) => [
    name,
    Number(at),
  ]);
  const { DESCRIPTOR_LENGTH, ...fields } = Object.fromEntries(
    Object.entries(own).filter(([name]) => name.startsWith("DESCRIPTOR_")),
  );
  expect(Object.fromEntries(rows)).toEqual(fields);
  // Who changes one of these lets MODULE_VERSION go up: modules of others rely on them.
  expect({ version: own.MODULE_VERSION, DESCRIPTOR_LENGTH, ...fields }).toEqual({
    version: 1,
    DESCRIPTOR_LENGTH: 32,
    DESCRIPTOR_OFFSET: 0,
    DESCRIPTOR_FRAME_LENGTH: 4,
    DESCRIPTOR_WIRE_LENGTH: 8,
    DESCRIPTOR_FLOOR: 12,
    DESCRIPTOR_VERDICT: 16,
    DESCRIPTOR_REASON: 17,
    DESCRIPTOR_LINK: 18,
    DESCRIPTOR_TRAILER: 19,
    DESCRIPTOR_VNI: 20,
    DESCRIPTOR_FLOW_HASH: 24,
    DESCRIPTOR_MARK: 28,
  });
});
