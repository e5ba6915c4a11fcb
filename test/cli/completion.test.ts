// Completions and the manual page: made of the one description of all commands, and read by the programs they are for.
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { good } from "./captures-support.ts";
import { temporaryFolder } from "./program.ts";

/** What bash offers for the last word of a line. */
function offered(script: string, line: readonly string[]): string[] {
  const words = line.map((word) => `'${word}'`).join(" ");
  const ask = `source '${script}'; COMP_WORDS=(${words}); COMP_CWORD=${line.length - 1}; _frameferry; echo "\${COMPREPLY[*]}"`;
  const { stdout, stderr, status } = spawnSync("bash", ["-c", ask], { encoding: "utf8" });
  expect([status, stderr]).toEqual([0, ""]);
  return stdout.trim().split(" ");
}

describe("completion", () => {
  test("of bash offers commands and their flags", async () => {
    const script = join(temporaryFolder(), "completion.bash");
    writeFileSync(script, (await good(["completion", "bash"])).stdout);
    expect(offered(script, ["frameferry", "de"])).toEqual(["decap", "dedup", "demo"]);
    expect(offered(script, ["frameferry", "vlan", "pu"])).toEqual(["push"]);
    expect(offered(script, ["frameferry", "inspect", "--co"])).toEqual(["--count", "--columns"]);
    // A file that is called like a command is none, and ends nothing.
    expect(offered(script, ["frameferry", "inspect", "decap", "--nvg"])).toEqual(["--nvgre"]);
  });

  test.each(["zsh", "fish"])("of %s has all commands and flags", async (shell) => {
    const { stdout } = await good(["completion", shell]);
    for (const word of ["inspect", "decap", "nvgre", "keep-others", "push", "completion"])
      expect(stdout).toContain(word);
    const checked = spawnSync(shell, ["-n"], { input: stdout, encoding: "utf8" });
    if (checked.error === undefined) expect([checked.status, checked.stderr]).toEqual([0, ""]);
  });

  test("the manual page has all options, and roff has nothing to say against it", async () => {
    const { stdout } = await good(["man"]);
    expect(stdout).toMatch(/^\.TH FRAMEFERRY 1 /);
    for (const name of [".SS inspect <FILE>", ".SS vlan push <IN>", "\\fB\\-\\-nvgre\\fR"])
      expect(stdout).toContain(name);
    const checked = spawnSync("groff", ["-man", "-Tutf8", "-ww", "-z"], { input: stdout, encoding: "utf8" });
    if (checked.error === undefined) expect([checked.status, checked.stderr]).toEqual([0, ""]);
  });
});
