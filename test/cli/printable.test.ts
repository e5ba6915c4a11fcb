// What a terminal gets: nothing that acts on it, whatever files, machines and ports are called and files hold.
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { oneLine, printable } from "../../build/js/src/cli/printable.js";
import { frameferry, VXLAN } from "./program.ts";
import { Laboratory } from "./switch-support.ts";

/** Colour, another line, back to its begin, C1's introducer, letters from right to left, an isolate, DEL, a line separator. */
const HOSTILE = "a\u001b[31m\n\r\u009b31m\u202e\u2066\u007f\u2028z";
const ACTS = /(?!\n)[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u;

async function run(args: readonly string[], status: number, input?: Uint8Array): Promise<[string, string]> {
  const outcome = await frameferry(args, input);
  const out = outcome.stdout.toString();
  expect(outcome.status, outcome.stderr).toBe(status);
  expect(out).not.toMatch(ACTS);
  expect(outcome.stderr).not.toMatch(ACTS);
  return [out, outcome.stderr];
}

/** Runs it and expects one line on standard error. */
async function complaint(args: readonly string[], status = 1, input?: Uint8Array): Promise<string> {
  const [, stderr] = await run(args, status, input);
  expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  return stderr;
}

test("what acts is shown, all else stays", () => {
  expect(oneLine(HOSTILE)).toBe("a\\x1b[31m\\n\\r\\x9b31m\\u202e\\u2066\\x7f\\u2028z");
  expect(printable("a\tb\u001b\nc")).toBe("a\\tb\\x1b\nc");
  const plain = "Zürich → 東京 \\ \u{1f600} é";
  expect(oneLine(plain)).toBe(plain);
});

describe("names of files", () => {
  test("that are not there, are no captures, are damaged, or name folders", async () => {
    const lab = new Laboratory();
    const there = lab.path(HOSTILE);
    writeFileSync(there, "no capture");
    const folder = lab.path(`${HOSTILE}.d`);
    mkdirSync(folder);
    for (const name of [lab.path(`${HOSTILE}.no`), there, folder]) {
      for (const args of [
        ["inspect", name],
        ["decap", name, "-o", lab.path("out.pcap")],
        [
          "encap",
          name,
          "-o",
          lab.path("out.pcap"),
          "--vni",
          "1",
          "--local",
          "10.0.0.1",
          "--remote",
          "10.0.0.2",
        ],
        ["vlan", "pop", name, "-o", lab.path("out.pcap")],
        ["switch", "--config", name],
        ["lab", "run", name],
        ["lab", "ping", name, "a", "b"],
      ])
        expect(await complaint(args)).toContain(oneLine(HOSTILE));
    }
    await complaint(["decap", VXLAN, "-o", join(folder, "missing/")]);
  });

  test("that are all right", async () => {
    const lab = new Laboratory();
    copyFileSync(VXLAN, lab.path(HOSTILE));
    const args = ["decap", lab.path(HOSTILE), "-o", lab.path(`${HOSTILE}.pcap`)];
    const [text] = await run(args, 0);
    expect(text.split("\n")[0]).toContain(`${oneLine(HOSTILE)}.pcap`);
    const { stdout } = await frameferry([...args, "--json"]);
    expect(JSON.parse(stdout.toString()).input).toBe(lab.path(HOSTILE));
    await run(["demo", "-o", lab.path(`${HOSTILE}.demo`)], 0);
  });
});

test("words that stand for commands and options", async () => {
  for (const args of [
    [HOSTILE],
    [`--${HOSTILE}`],
    ["decap", `--${HOSTILE}`],
    ["decap", VXLAN, "-o", "x", "--workers", HOSTILE],
    ["encap", VXLAN, "-o", "x", "--vni", HOSTILE],
    ["encap", VXLAN, "-o", "x", "--vni", "1", "--local", HOSTILE, "--remote", "10.0.0.2"],
    ["inspect", VXLAN, "--first", HOSTILE],
    ["vlan", HOSTILE],
  ])
    await complaint(args, 2).catch((error: unknown) => {
      throw new Error(`${JSON.stringify(args)}: ${error}`);
    });
  await run(["help", HOSTILE], 2);
});

describe("names out of files", () => {
  test("of a switch", async () => {
    const lab = new Laboratory();
    copyFileSync(VXLAN, lab.path("in.pcap"));
    const config = {
      bridgeDomains: [{ name: HOSTILE }],
      ports: [{ name: HOSTILE, bridgeDomain: HOSTILE, in: "in.pcap", out: `${HOSTILE}.pcap` }],
    };
    const path = lab.writeConfig("switch.json", config);
    const [text] = await run(["switch", "--config", path, "--fdb"], 0);
    expect(text).toContain(oneLine(HOSTILE));
    expect((await lab.run(config)).ports[0]!.name).toBe(HOSTILE);
    await complaint([
      "switch",
      "--config",
      lab.writeConfig("two.json", { ...config, ports: [config.ports[0], config.ports[0]] }),
    ]);
    const strange = { ...config, [HOSTILE]: 1 };
    await complaint(["switch", "--config", lab.writeConfig("strange.json", strange)]);
    const nowhere = { ...config, ports: [{ ...config.ports[0], bridgeDomain: `${HOSTILE}?` }] };
    await complaint(["switch", "--config", lab.writeConfig("nowhere.json", nowhere)]);
    for (const broken of [`{"a": ${HOSTILE}`, `${HOSTILE}`, `{"${HOSTILE}": 1}`])
      await complaint(["switch", "--config", lab.writeConfig("broken.json", broken)]);
    await complaint(["switch", "--config", "-"], 1, new TextEncoder().encode(`[${HOSTILE}`));
  });

  test("of a topology", async () => {
    const lab = new Laboratory();
    const path = lab.writeConfig("lab.json", `{"title": ${JSON.stringify(HOSTILE)}, ${HOSTILE}`);
    await complaint(["lab", "run", path]);
    await complaint(["lab", "run", lab.writeConfig("lab.json", { [HOSTILE]: HOSTILE, title: HOSTILE })]);
  });
});
