// npm run bench -- --filter TEXT, where no group's name holds the text.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";

test("says that no group's name holds the text, names them all, and exits with 1", () => {
  const main = join(import.meta.dirname, "../../build/js/bench/main.js");
  for (const filter of ["no such group", "Encapsulate"]) {
    const { status, stdout, stderr } = spawnSync(process.execPath, [main, "--filter", filter], {
      encoding: "utf8",
    });
    // Nothing was prepared for it, and nothing measured.
    expect([status, stdout]).toEqual([1, ""]);
    const [first, ...groups] = stderr.trimEnd().split("\n");
    expect(first).toBe(`--filter: no group's name holds "${filter}"; there are`);
    expect(groups).toContain("  encapsulate");
    expect(groups).toContain("  lab, machines anywhere");
    expect(new Set(groups).size).toBe(groups.length);
  }
});
