// Nests of wrappings made by scapy, tagged, with options and headers to pass over, through a decapsulation of any kind:
// the passenger is what scapy put in, the wrappings are counted as it put them on, and tshark sees the same layers.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDataplane } from "frameferry";
import { createCaptureFile, openCaptureFile } from "frameferry/node";
import { readCapture } from "frameferry/pcap";
import { afterAll, describe, expect, test } from "vitest";

const FRAMES = 5000;
const python = "/usr/bin/python3";
const hasScapy = spawnSync(python, ["-c", "import scapy.contrib.erspan"]).status === 0;
const hasTshark = spawnSync("tshark", ["--version"]).status === 0;
if (!hasScapy) console.warn("skipped: scapy is not installed for /usr/bin/python3");

/** What tshark calls the layers of each kind; those that it calls nothing, or only IP, are left out. */
const LAYERS: Readonly<Record<string, readonly string[]>> = {
  vxlan: ["vxlan"],
  geneve: ["geneve"],
  gre: ["gre"],
  erspan: ["gre", "erspan"],
  "gre-in-udp": ["gre"],
  pptp: ["gre", "ppp"],
  "gtp-u": ["gtp"],
  mpls: ["mpls"],
  "mpls-in-udp": ["mpls"],
  pppoe: ["pppoes", "ppp"],
  etherip: ["etherip"],
  l2tp: ["l2tp", "ppp"],
  nsh: ["nsh"],
  tzsp: ["tzsp"],
};
const TOLD = new Set(Object.values(LAYERS).flat());

interface Nest {
  readonly kinds: readonly string[];
  readonly passenger: string;
  readonly type: number;
}

/** An IP packet gets a header that is made up. */
const settled = ({ passenger, type }: Nest): string =>
  type === 0x6558 ? passenger : `020000000002020000000001${type.toString(16).padStart(4, "0")}${passenger}`;

function run(program: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: "utf8", maxBuffer: 1 << 28 });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")}: ${status}\n${stderr}`);
  return stdout;
}

describe.skipIf(!hasScapy)("nests made by scapy", () => {
  const seed = process.env.NESTS_SEED ?? String(Date.now() % 2 ** 31);
  const folder = mkdtempSync(join(tmpdir(), "frameferry-nests-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "nests.pcap");
  const nests: Nest[] = hasScapy
    ? run(python, join(import.meta.dirname, "../fixtures/nests.py"), seed, String(FRAMES), path)
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line))
    : [];
  const told = `NESTS_SEED=${seed}`;
  console.log(told);

  test.each([0, 2])("come to their passengers, with %i workers", async (workers) => {
    const out = join(folder, `out-${workers}.pcap`);
    await using dataplane = await createDataplane({ workers });
    const summary = await dataplane.processCapture(
      await openCaptureFile(path),
      [{ stage: "decapsulate", kind: "any", depth: "all" }],
      await createCaptureFile(out),
    );
    expect(summary, told).toMatchObject({
      received: FRAMES,
      forwarded: FRAMES,
      drops: {},
      changed: [FRAMES],
    });
    const passengers: string[] = [];
    for await (const { data, originalLength } of readCapture(readFileSync(out))) {
      if (originalLength !== data.length)
        expect(
          { originalLength, length: data.length },
          `${told} ${nests[passengers.length]?.kinds.join(" ")}`,
        ).toBe("alike");
      passengers.push(Buffer.from(data).toString("hex"));
    }
    passengers.forEach((passenger, index) => {
      const nest = nests[index]!;
      if (passenger !== settled(nest))
        expect(passenger, `${told} ${index} ${nest.kinds.join(" ")}`).toBe(settled(nest));
    });
    const counted: Record<string, number> = {};
    for (const { kind = "", frames } of summary.counts[0]!.entries)
      counted[kind] = (counted[kind] ?? 0) + frames;
    const put: Record<string, number> = {};
    for (const kind of nests.flatMap(({ kinds }) => kinds)) put[kind] = (put[kind] ?? 0) + 1;
    expect(counted, told).toEqual(put);
  });

  test.skipIf(!hasTshark)("have the layers that tshark sees", () => {
    const lines = run("tshark", "-n", "-r", path, "-T", "fields", "-e", "frame.protocols").trim().split("\n");
    expect(lines.length).toBe(FRAMES);
    lines.forEach((line, index) => {
      const { kinds } = nests[index]!;
      const seen = line.split(":").filter((name) => TOLD.has(name));
      // PPP in GRE of version 0 is none of the generator's.
      expect(seen, `${told} ${index} ${line}`).toEqual(kinds.flatMap((kind) => LAYERS[kind] ?? []));
    });
  });
});
