// Whatever stands behind an option: one line on standard error that names it, exit code 2, and no file.
import { existsSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { frameferry, temporaryFolder, VXLAN } from "./program.ts";

const ENCAP = ["--vni", "5", "--local", "10.0.0.1", "--remote", "10.0.0.2"];

async function expectOneLine(command: readonly string[], flag: string, value: string): Promise<string> {
  const output = join(temporaryFolder(), "out.pcap");
  const { status, stdout, stderr } = await frameferry([...command, VXLAN, "-o", output, flag, value]);
  const run = {
    status,
    stdout: stdout.toString(),
    lines: stderr.split("\n").length,
    made: existsSync(output),
  };
  expect(run, `${flag} ${JSON.stringify(value)}: ${stderr}`).toEqual({
    status: 2,
    stdout: "",
    lines: 2,
    made: false,
  });
  expect(stderr).toMatch(new RegExp(`^frameferry ${command[0]}.*: ${flag}`));
  return stderr;
}

const geneve = (length: number): string => `1:2:${"00".repeat(length)}`;

test.each([
  [128, "--geneve-option[0].data: expected a multiple of 4 bytes up to 124, got 128"],
  [252, "--geneve-option: expected at most 252 bytes, got 256"],
  [256, "--geneve-option: expected at most 252 bytes, got 260"],
])("--geneve-option with %d bytes of data", async (length, sentence) => {
  const line = await expectOneLine(
    ["encap", ...ENCAP, "--kind", "geneve"],
    "--geneve-option",
    geneve(length),
  );
  expect(line).toBe(`frameferry encap: ${sentence} (frameferry encap --help tells more)\n`);
});

test("--geneve-option with 124 bytes of data is as long as one can be", async () => {
  const output = join(temporaryFolder(), "out.pcap");
  const args = ["encap", VXLAN, "-o", output, ...ENCAP, "--kind", "geneve", "--geneve-option", geneve(124)];
  expect(await frameferry(args)).toMatchObject({ status: 0 });
});

/** Nothing that any option takes begins so, and nothing that commander takes for an option. */
const nonsense = fc
  .string({ unit: "grapheme", maxLength: 30 })
  .map((text) => `!${text.replaceAll("\0", "")}`);

test.each<[readonly string[], readonly string[]]>([
  [
    ["encap", ...ENCAP],
    ["--kind", "--vni", "--key", "--geneve-option", "--local", "--remote", "--local-mac"],
  ],
  [
    ["encap", ...ENCAP],
    ["--remote-mac", "--dst-port", "--ttl", "--dscp", "--outer-vid", "--seed"],
  ],
  [["decap"], ["--kind", "--vni", "--key", "--port", "--depth", "--workers", "--format"]],
  [
    ["vlan", "push"],
    ["--vid", "--pcp", "--tpid"],
  ],
  [["vlan", "rewrite"], ["--match"]],
])(
  "%j with nonsense behind %j",
  async (command, flags) => {
    for (const flag of flags)
      await fc.assert(
        fc.asyncProperty(nonsense, async (value) => void (await expectOneLine(command, flag, value))),
        { numRuns: 2, seed: 12 },
      );
  },
  120_000,
);
