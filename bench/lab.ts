// Laboratories of some size: how long they take to come up, how many frames go from end to end in a second, and how
// many bytes a machine takes.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { buildTopology, type Lab, type Topology } from "../src/overlay.ts";

/** Machines of a VPC on some hosts, as schedulers pack them; and on any host, where each host has tunnels to most others. */
const LABS: readonly (readonly [string, LabSize])[] = [
  ["lab, each VPC on 10 hosts", { hosts: 1000, machines: 10000, vpcs: 100, hostsEach: 10 }],
  ["lab, machines anywhere", { hosts: 1000, machines: 10000, vpcs: 100 }],
];

export async function measureLabs(
  wanted: (group: string) => boolean,
  write: (line: string) => void,
): Promise<void> {
  for (const [group, size] of LABS) {
    if (!wanted(group)) continue;
    const found = await measureLab(size);
    write(`\n${group}: ${size.hosts} hosts, ${size.machines} machines, ${size.vpcs} VPCs`);
    write(`  brought up in ${found.bringUpSeconds.toFixed(2)} s`);
    write(
      `  ${thousands(found.framesASecond)} frames/s from end to end, ${thousands(found.hopsASecond)} over links`,
    );
    write(
      `  ${thousands(found.bytesAMachine)} bytes a machine in JavaScript's heap, hosts and tunnels among them`,
    );
    write(`  ${thousands(found.switchBytesAMachine)} bytes a machine in the memory of all switches`);
  }
}

function thousands(value: number): string {
  return Math.round(value).toLocaleString("en");
}

interface LabSize {
  readonly hosts: number;
  readonly machines: number;
  readonly vpcs: number;
  /** Hosts on which the machines of one VPC stand. Default: all, as chance wills. */
  readonly hostsEach?: number;
}

interface LabFigures extends LabSize {
  /** From the topology to machines that can say hello. */
  readonly bringUpSeconds: number;
  /** Frames that arrived at the machine they were for, from end to end through two hosts and what is between them. */
  readonly framesASecond: number;
  /** Frames over links, all hops counted. */
  readonly hopsASecond: number;
  /** Of JavaScript's heap: all of it, by the number of machines. */
  readonly bytesAMachine: number;
  /** Of the memory that switches share: all that they have reserved, by the number of machines. */
  readonly switchBytesAMachine: number;
}

const ROUNDS = 5;
const PACKETS = 50;
const PAIRS = 200;

async function measureLab(size: LabSize): Promise<LabFigures> {
  const topology = topologyOf(size);
  collectGarbage();
  const before = process.memoryUsage();
  const start = performance.now();
  const lab = await buildTopology(topology);
  const bringUpSeconds = (performance.now() - start) / 1000;
  collectGarbage();
  const after = process.memoryUsage();
  try {
    const { frames, hops, seconds } = measureFrames(lab, size);
    return {
      ...size,
      bringUpSeconds,
      framesASecond: frames / seconds,
      hopsASecond: hops / seconds,
      bytesAMachine: (after.heapUsed - before.heapUsed) / size.machines,
      switchBytesAMachine: reservedBytes(lab) / size.machines,
    };
  } finally {
    lab.close();
  }
}

function reservedBytes({ network: { kernels } }: Lab): number {
  return kernels.memory.buffer.byteLength - kernels.plan.freeBytes;
}

function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
}

/** VPCs of the same size, all with the same addresses. */
function topologyOf({ hosts, machines, vpcs, hostsEach }: LabSize): Topology {
  const each = machines / vpcs;
  const hostOf = (vpc: number, machine: number): { host?: string } => {
    if (hostsEach === undefined) return {};
    return { host: `host-${((vpc * hostsEach + (machine % hostsEach)) % hosts) + 1}` };
  };
  return {
    seed: 1,
    underlay: { cidr: "10.1.0.0/16", mtu: 1600 },
    hosts: Array.from({ length: hosts }, (_, i) => ({ name: `host-${i + 1}` })),
    vpcs: Array.from({ length: vpcs }, (_, v) => ({
      name: `vpc-${v + 1}`,
      cidr: "172.20.0.0/16",
      machines: Array.from({ length: each }, (_, i) => ({ name: `vpc-${v + 1}-${i + 1}`, ...hostOf(v, i) })),
    })),
  };
}

function measureFrames(lab: Lab, size: LabSize): { frames: number; hops: number; seconds: number } {
  const each = size.machines / size.vpcs;
  const pairs = Array.from({ length: PAIRS }, (_, i) => {
    const vpc = (i % size.vpcs) + 1;
    const first = (2 * Math.floor(i / size.vpcs)) % each;
    return [`vpc-${vpc}-${first + 1}`, `vpc-${vpc}-${first + 2}`] as const;
  });
  for (const pair of pairs) lab.do({ ping: pair });
  const payload = new Uint8Array(64);
  let frames = 0;
  for (const [, to] of pairs) {
    lab.machine(to).onFrame = () => {
      frames++;
    };
  }
  const hopsSoFar = (): number => lab.network.links().reduce((sum, link) => sum + delivered(link), 0);
  let best = { frames: 0, hops: 0, seconds: Infinity };
  for (let round = 0; round < ROUNDS; round++) {
    frames = 0;
    const before = hopsSoFar();
    const start = performance.now();
    for (let packet = 0; packet < PACKETS; packet++) {
      for (const [from, to] of pairs) lab.machine(from).sendUdp(lab.machine(to).ip as string, 9, payload);
      lab.network.run();
    }
    const seconds = (performance.now() - start) / 1000;
    if (frames !== PACKETS * PAIRS) throw new Error(`lab: ${frames} of ${PACKETS * PAIRS} frames arrived`);
    if (seconds < best.seconds) best = { frames, hops: hopsSoFar() - before, seconds };
  }
  return best;
}

function delivered(link: ReturnType<Lab["network"]["links"]>[number]): number {
  const { ab, ba } = link.counters();
  return ab.received + ba.received;
}
