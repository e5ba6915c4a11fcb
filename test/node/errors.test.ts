// Errors as values: no file makes one without a code, none reads a message to decide something, and docs/errors.md has
// the table of codes.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as frameferry from "frameferry";
import * as overlay from "frameferry/overlay";
import * as pcap from "frameferry/pcap";
import * as sw from "frameferry/switch";
import * as wire from "frameferry/wire";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");

/** Where text of a foreign error is taken apart, for want of anything else, and why. */
const READS_MESSAGES: Readonly<Record<string, string>> = {
  "src/cli/json-file.ts": "JSON.parse says nowhere else at which position the text is wrong",
  "src/cli/failures.ts": "commander puts error: in front of its own",
};

const files = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts") && !name.endsWith(".generated.ts"))
  .map((name) => ({ name: `src/${name}`, text: readFileSync(join(root, "src", name), "utf8") }));

const READS =
  /(?:exec|test)\([^()]*\bmessage\b|\bmessage\??\.(?:startsWith|endsWith|match|replace|split)|\bmessage\s*[!=]==|\.message\s*[+]?=[^=]/;

test("every error about an argument has a code and a path", () => {
  expect(files.length).toBeGreaterThan(200);
  expect(files.filter(({ text }) => /new (?:TypeError|RangeError)\(/.test(text))).toEqual([]);
});

test("nobody reads a message to find out what an error is", () => {
  const readers = files.filter(({ text }) => READS.test(text)).map(({ name }) => name);
  expect(readers.sort()).toEqual(Object.keys(READS_MESSAGES).sort());
  for (const line of [
    "/^stages/.exec(error.message)",
    'error.message.startsWith("memoryBytes:")',
    "error.message = before + error.message",
    "/x/.test(message)",
  ])
    expect(line).toMatch(READS);
});

test("docs/errors.md has every code, with what it says", () => {
  const text = readFileSync(join(root, "docs/errors.md"), "utf8");
  const rows = [...text.matchAll(/^\| `([a-z-]+)` \| (.*) \|$/gm)].map(([, code, says]) => [code, says]);
  expect(rows.slice(-Object.keys(frameferry.errorCodes).length)).toEqual(
    Object.entries(frameferry.errorCodes),
  );
});

test("all entries know the same errors", () => {
  for (const entry of [overlay, pcap, sw, wire]) {
    expect(entry.isArgumentError).toBe(frameferry.isArgumentError);
    expect(entry.errorCodes).toBe(frameferry.errorCodes);
  }
});

test("compose says which layer and which field", () => {
  const address = "10.0.0.1";
  const outer = [{ name: "ipv4", source: address, destination: address }, { name: "udp" }] as const;
  const thrown = (layers: readonly wire.ComposeLayer[]): frameferry.ArgumentError => {
    try {
      wire.compose(layers);
    } catch (error) {
      if (frameferry.isArgumentError(error)) return error;
    }
    throw new Error("nothing was thrown");
  };
  expect(thrown([...outer, { name: "vxlan", vni: 0x1000000 }])).toMatchObject({
    code: "out-of-range",
    path: "layers[2].vni",
    steps: ["layers", 2, "vni"],
  });
  expect(thrown([...outer, { name: "vxlan" } as wire.ComposeLayer])).toMatchObject({
    code: "missing",
    message: "layers[2].vni: missing; expected a whole number from 0 to 16777215",
  });
  expect(thrown([{ name: "arp" } as wire.ComposeLayer])).toMatchObject({ code: "missing" });
  expect(thrown(outer)).toMatchObject({ code: "missing", path: "layers[1].sourcePort" });
  expect(thrown([{ name: "nonsense" } as never])).toMatchObject({
    code: "not-one-of",
    path: "layers[0].name",
  });
});
