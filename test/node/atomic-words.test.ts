// Words that threads tell each other by are stored by atomics alone. On most machines a plain store does the same most of
// the time, so that no test of results finds one: this reads the sources.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");

/** What another thread waits for or decides by, and that is ever written while others run. */
const WORDS = [
  ...["RING_HEAD", "RING_TAIL", "RING_LOCK", "JOURNAL_STATE", "FDB_LOCK", "FDB_EPOCH", "LINK_VALUE"],
  ...["DOORBELL_COUNT", "DOORBELL_ASLEEP", "DOORBELL_CONTROL", "SWITCH_PAUSE"],
];
const ANY = `(?:${WORDS.join("|")})`;
const PLAIN_IN_KERNELS = new RegExp(`(?<!atomic\\.)\\bstore<u\\d+>\\([^;]*\\b${ANY}\\);`);
const PLAIN_IN_TYPESCRIPT = new RegExp(`\\b${ANY}\\) >>> \\d\\] (?:[-+|&]?=)(?!=)|\\bset\\(${ANY}, `);
const ATOMIC = new RegExp(
  `atomic\\.(?:store|add|xchg|cmpxchg)<u\\d+>\\([^;]*\\b${ANY}\\)|Atomics\\.(?:store|add|exchange|compareExchange)\\([^;]*\\b${ANY}\\)`,
);

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts") && !path.endsWith(".generated.ts"))
    .map((path) => `${folder}/${path}`);
}

/** Lines that match, of files whose statements each take one line after formatting or are joined to one. */
function matches(path: string, text: string, pattern: RegExp): string[] {
  return text
    .replace(/\n\s+/g, " ")
    .split(/(?<=[;{}])/)
    .filter((statement) => pattern.test(statement))
    .map((statement) => `${path}: ${statement.trim()}`);
}

const read = (path: string): string => readFileSync(join(root, path), "utf8");

describe.each([
  ["assembly", PLAIN_IN_KERNELS],
  ["src", PLAIN_IN_TYPESCRIPT],
] as const)("%s", (folder, plain) => {
  test("has no plain store of such a word", () => {
    const files = sources(folder);
    expect(files.flatMap((path) => matches(path, read(path), ATOMIC)).length).toBeGreaterThan(8);
    expect(files.flatMap((path) => matches(path, read(path), plain))).toEqual([]);
  });
});

test("the check finds plain stores", () => {
  const kernel = "  store<u32>(transmit, tail + toEnd, RING_TAIL);";
  expect(matches("a", kernel, PLAIN_IN_KERNELS)).toHaveLength(1);
  expect(matches("a", kernel.replace("store", "atomic.store"), PLAIN_IN_KERNELS)).toEqual([]);
  expect(matches("a", "words[(ring + RING_TAIL) >>> 2] = 5;", PLAIN_IN_TYPESCRIPT)).toHaveLength(1);
  expect(matches("a", "words[\n  (ring + RING_HEAD) >>> 2] += 5;", PLAIN_IN_TYPESCRIPT)).toHaveLength(1);
  expect(matches("a", "if (words[(ring + RING_HEAD) >>> 2] === 5) {", PLAIN_IN_TYPESCRIPT)).toEqual([]);
});
