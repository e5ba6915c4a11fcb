// Measures live VTEPs against a kernel's VXLAN, in namespaces of their own on one cable without offloads: `frameferry vtep`, the
// kernel itself, and Open vSwitch in user space where it is installed. All take turns in each round, and medians are told. It needs
// root, /dev/net/tun, ethtool and python3.
//
//     node build/js/bench/live/main.js [--seconds 3] [--rounds 3] [--cli dist/cli.js] [--cli OTHER] [--only NAME]
//
// With several --cli builds are compared with each other.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { cable, Machine, run } from "./namespaces.ts";
import { OpenVswitch } from "./open-vswitch.ts";
import { cpuSeconds, ping, tcp } from "./traffic.ts";

const VNI = 42;
const PEER = "192.168.42.7";
const OWN = "192.168.42.8";

/** Something that joins the own machine to the peer's VXLAN; with the process whose time counts, if it is one. */
interface Contestant {
  readonly name: string;
  start(own: Machine): Promise<{ readonly pid?: number | undefined; stop(): Promise<void> }>;
}

interface Figures {
  out: number[];
  in: number[];
  median: number[];
  most: number[];
  idle: number[];
}

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "3" },
    rounds: { type: "string", default: "3" },
    cli: { type: "string", multiple: true, default: ["dist/cli.js"] },
    only: { type: "string" },
    // An option of Node's for the VTEP, as --node=--cpu-prof.
    node: { type: "string", multiple: true, default: [] },
  },
});
const [seconds, rounds] = [Number(values.seconds), Number(values.rounds)];
if (process.getuid?.() !== 0) {
  console.error("it needs root, for namespaces");
  process.exit(2);
}
const folder = mkdtempSync(join(tmpdir(), "frameferry-live-"));

function vtep(cli: string): Contestant {
  return {
    name: values.cli.length > 1 ? `frameferry vtep of ${cli}` : "frameferry vtep",
    start: async (own) => {
      const path = resolve(cli);
      const options = ["--local", "10.1.5.8", "--remote", "10.1.5.7", "--vni", String(VNI), "--tap", "ff0"];
      const config = run(process.execPath, path, "vtep", "--example", ...options);
      const file = join(folder, "vtep.json");
      writeFileSync(
        file,
        JSON.stringify({ ...JSON.parse(config), control: join(folder, `${values.cli.indexOf(cli)}.sock`) }),
      );
      const child = await own.start(
        /ready/,
        process.execPath,
        ...values.node,
        path,
        "vtep",
        "--config",
        file,
      );
      own.ip("addr", "add", `${OWN}/24`, "dev", "ff0");
      return { pid: child.pid, stop: () => own.stop(child) };
    },
  };
}

const kernel: Contestant = {
  name: "Linux's own VXLAN",
  start: async (own) => {
    vxlan(own, "10.1.5.8", "10.1.5.7", "v1", OWN);
    return { stop: async () => void own.ip("link", "del", "vx") };
  },
};

const ovs: Contestant = {
  name: "Open vSwitch, user space",
  start: async (own) => {
    const running = await OpenVswitch.start(own, folder);
    try {
      running.join("v1", "10.1.5.8/24", "10.1.5.7", VNI, `${OWN}/24`);
    } catch (error) {
      await running.stop();
      throw error;
    }
    return {
      pid: running.pid,
      stop: async () => {
        await running.stop();
        own.ip("addr", "replace", "10.1.5.8/24", "dev", "v1");
      },
    };
  },
};

function vxlan(machine: Machine, local: string, remote: string, device: string, address: string): void {
  const ends = ["local", local, "remote", remote, "dstport", "4789", "dev", device];
  machine.ip("link", "add", "vx", "type", "vxlan", "id", String(VNI), ...ends);
  machine.ip("link", "set", "vx", "mtu", "1500", "up");
  machine.ip("addr", "add", `${address}/24`, "dev", "vx");
}

const contestants = [...values.cli.map(vtep), kernel, ...(OpenVswitch.isThere() ? [ovs] : [])].filter(
  ({ name }) => values.only === undefined || name.includes(values.only),
);
const figures = new Map<string, Figures>();
const peer = new Machine(`ff-live-${process.pid}-peer`);
const own = new Machine(`ff-live-${process.pid}-own`);
try {
  cable(peer, "v0", own, "v1", 1550);
  peer.ip("addr", "add", "10.1.5.7/24", "dev", "v0");
  own.ip("addr", "add", "10.1.5.8/24", "dev", "v1");
  vxlan(peer, "10.1.5.7", "10.1.5.8", "v0", PEER);
  for (let round = 1; round <= rounds; round++) {
    for (const contestant of contestants) {
      try {
        await measure(contestant);
      } catch (error) {
        console.error(`${contestant.name}: ${(error as Error).message}`);
      }
    }
  }
} finally {
  await own.remove();
  await peer.remove();
  rmSync(folder, { recursive: true, force: true });
}
const median = (list: readonly number[]): number =>
  [...list].sort((a, b) => a - b)[list.length >> 1] ?? Number.NaN;
console.log("| | TCP out, Mbit/s | TCP in, Mbit/s | ping, ms | slowest | idle, % of a CPU |");
console.log("|---|---|---|---|---|---|");
for (const [name, all] of figures) {
  const idle = all.idle.length === 0 ? "" : median(all.idle).toFixed(1);
  const cells = [median(all.out).toFixed(0), median(all.in).toFixed(0), median(all.median).toFixed(2)];
  console.log(`| ${[name, ...cells, median(all.most).toFixed(1), idle].join(" | ")} |`);
}

async function measure(contestant: Contestant): Promise<void> {
  const running = await contestant.start(own);
  try {
    own.run("ping", "-c", "1", "-W", "5", PEER);
    const all = figures.get(contestant.name) ?? { out: [], in: [], median: [], most: [], idle: [] };
    figures.set(contestant.name, all);
    const trips = ping(own, PEER, 50);
    all.median.push(trips.median);
    all.most.push(trips.most);
    if (running.pid !== undefined) {
      const before = cpuSeconds(running.pid);
      await sleep(2000);
      all.idle.push(((cpuSeconds(running.pid) - before) / 2) * 100);
    }
    all.out.push(await tcp(own, peer, PEER, seconds));
    all.in.push(await tcp(peer, own, OWN, seconds));
    console.error(
      `${contestant.name}: out ${all.out.at(-1)?.toFixed(0)}, in ${all.in.at(-1)?.toFixed(0)} Mbit/s`,
    );
  } finally {
    await running.stop();
  }
}
