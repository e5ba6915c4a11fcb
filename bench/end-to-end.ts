// Whole programs over whole files, by wall clock: our command line beside what else does the nearest same thing.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { PCAP_FILE_LENGTH } from "../src/layout/pcap.layout.ts";
import { makeCapture } from "./capture-maker.ts";

const root: string = fileURLToPath(new URL("../../../", import.meta.url));
const commandLine: string = join(root, "dist/cli.js");

export interface Seconds {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

export interface Run {
  readonly command: string;
  /** What it does, where that is not the same. */
  readonly note: string;
  readonly seconds: Seconds;
  /** Its median as a multiple of ours; undefined if ours did not run. */
  readonly ratio: number | undefined;
}

export interface EndToEnd {
  readonly captureBytes: number;
  readonly records: number;
  readonly decapsulate?: Run[];
  readonly vlanPop?: Run[];
  readonly firstFrameMs?: Seconds;
  readonly leftOut: string[];
}

interface Command {
  readonly name: string;
  readonly note: string;
  readonly program: string;
  readonly words: (input: string, output: string) => string[];
  /** Its records must be ours, byte for byte. */
  readonly same?: boolean;
}

const node = (name: string, ...words: string[]): Command => ({
  name: `frameferry ${name}`,
  note: "",
  program: process.execPath,
  words: (input, output) => [commandLine, ...words, input, "-o", output],
  same: true,
});

const DECAPSULATE: readonly Command[] = [
  node("decap", "decap"),
  {
    name: "editcap",
    note: "copies only: the figure to reach",
    program: "editcap",
    words: (input, output) => ["-F", "pcap", input, output],
  },
  {
    name: "editcap -C 50",
    note: "chops 50 bytes unseen: the nearest to a decapsulation",
    program: "editcap",
    words: (input, output) => ["-F", "pcap", "-C", "50", "-L", input, output],
    same: true,
  },
];

const VLAN_POP: readonly Command[] = [
  node("vlan pop", "vlan", "pop"),
  {
    name: "editcap -C 12:4",
    note: "chops the 4 bytes unseen",
    program: "editcap",
    words: (input, output) => ["-F", "pcap", "-C", "12:4", "-L", input, output],
    same: true,
  },
  {
    name: "tcprewrite",
    note: "--enet-vlan=del",
    program: "tcprewrite",
    words: (input, output) => ["--enet-vlan=del", `--infile=${input}`, `--outfile=${output}`],
  },
];

export async function runEndToEnd(
  megabytes: number,
  rounds: number,
  write: (line: string) => void,
): Promise<EndToEnd> {
  const folder = await mkdtemp(join(tmpdir(), "frameferry-end-to-end-"));
  const leftOut: string[] = [];
  try {
    const firstFrameMs = firstFrame(Math.max(5, rounds));
    const input = join(folder, "in.pcap");
    const output = join(folder, "out.pcap");
    const compete = async (
      kind: "vxlan" | "tagged",
      commands: readonly Command[],
    ): Promise<[Run[], number]> => {
      const records = await makeCapture(input, megabytes * 1e6, kind);
      const { size } = await stat(input);
      write(
        `\n${kind === "vxlan" ? "decapsulate" : "vlan pop"}: a capture of ${(size / 1e6).toFixed(0)} MB, ${records} records`,
      );
      const runs = await runInTurn(commands, input, output, rounds, leftOut);
      await rm(input);
      for (const run of runs) {
        const { min, median, max } = run.seconds;
        const range = `${min.toFixed(2)} to ${max.toFixed(2)}`;
        write(
          `  ${run.command.padEnd(20)}${median.toFixed(2).padStart(8)} s  (${range})  ${run.ratio?.toFixed(2) ?? "-"}x  ${run.note}`,
        );
      }
      return [runs, records];
    };
    const [decapsulate, records] = await compete("vxlan", DECAPSULATE);
    const [vlanPop] = await compete("tagged", VLAN_POP);
    for (const line of leftOut) write(`  left out: ${line}`);
    return { captureBytes: megabytes * 1e6, records, decapsulate, vlanPop, firstFrameMs, leftOut };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function runInTurn(
  commands: readonly Command[],
  input: string,
  output: string,
  rounds: number,
  leftOut: string[],
): Promise<Run[]> {
  const present = commands.filter(({ program, name }) => {
    const there =
      program === process.execPath
        ? existsSync(commandLine)
        : spawnSync(program, ["--version"]).error === undefined;
    if (!there) leftOut.push(`${name}: not installed`);
    return there;
  });
  const seconds = new Map<Command, number[]>(present.map((command) => [command, []]));
  let records: string | undefined;
  // One more round, not counted, brings the file into the page cache for all, and compares what they write.
  for (let round = -1; round < rounds; round++) {
    for (let i = 0; i < present.length; i++) {
      const command = present[(i + round + present.length) % present.length]!;
      if (!seconds.has(command)) continue;
      const start = performance.now();
      const { status, stderr } = spawnSync(command.program, command.words(input, output), {
        encoding: "utf8",
      });
      const took = (performance.now() - start) / 1000;
      if (status !== 0) {
        leftOut.push(`${command.name}: exit code ${status}: ${stderr.trim().split("\n")[0] ?? ""}`);
        seconds.delete(command);
      } else if (round >= 0) {
        seconds.get(command)!.push(took);
      } else if (command.same === true) {
        const digest = await digestOfRecords(output);
        if (digest !== (records ??= digest))
          throw new Error(`${command.name}: it writes other records than the peers`);
      }
      await rm(output, { force: true });
    }
  }
  const ours = seconds.get(present[0]!);
  return [...seconds].map(([command, took]) => ({
    command: command.name,
    note: command.note,
    seconds: range(took),
    ratio: ours === undefined ? undefined : range(took).median / range(ours).median,
  }));
}

async function digestOfRecords(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file, { start: PCAP_FILE_LENGTH })) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

/** A fresh process each time: from before the kernels are loaded to the first encapsulated frame. */
function firstFrame(rounds: number): Seconds {
  const program = `
    const start = performance.now();
    const { loadKernels, FrameBatch, Pipeline } = await import(${JSON.stringify(join(root, "dist/index.js"))});
    const kernels = await loadKernels();
    const batch = new FrameBatch(kernels);
    batch.add(new Uint8Array(64));
    const stage = { stage: "encapsulate", kind: "vxlan", vni: 42, local: "10.1.5.7", remote: "10.1.5.8" };
    new Pipeline(kernels, [stage]).run(batch);
    if (batch.frame(0).length !== 114) throw new Error("no frame came out");
    console.log(performance.now() - start);`;
  const took: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const { stdout, status, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(`first frame: ${stderr}`);
    took.push(Number(stdout));
  }
  return range(took);
}

function range(values: readonly number[]): Seconds {
  const sorted = values.toSorted((a, b) => a - b);
  return { min: sorted[0] ?? 0, median: sorted[sorted.length >> 1] ?? 0, max: sorted.at(-1) ?? 0 };
}
