// A laboratory of some size: how long it takes to come up, how many frames go from end to end in a second, how many
// bytes a machine takes. By itself, because it wants the memory of a machine for itself:
// npm run bench -- --lab

import { buildTopology, type Lab, type Topology } from "../src/overlay.ts";

export interface LabSize {
  readonly hosts: number;
  readonly machines: number;
  readonly vpcs: number;
  /** Hosts on which the machines of one VPC stand. Default: all, as chance wills. */
  readonly hostsEach?: number;
}

export interface LabFigures extends LabSize {
  /** From the topology to machines that can say hello. */
  readonly bringUpSeconds: number;
  /** Frames that arrived at the machine they were for, from end to end through two hosts and what is between them. */
  readonly framesASecond: number;
  /** Frames over links, all hops counted. */
  readonly hopsASecond: number;
  /** Of JavaScript's heap and of buffers outside of it. */
  readonly bytesAMachine: number;
  /** Of the memory that all switches share, as far as it was touched. */
  readonly residentMegabytes: number;
}

const PACKETS = 200;
const PAIRS = 200;

export async function measureLab(size: LabSize): Promise<LabFigures> {
  const topology = topologyOf(size);
  const before = process.memoryUsage();
  const start = performance.now();
  const lab = await buildTopology(topology);
  const bringUpSeconds = (performance.now() - start) / 1000;
  globalThis.gc?.();
  const after = process.memoryUsage();
  try {
    const { frames, hops, seconds } = measureFrames(lab, size);
    return {
      ...size,
      bringUpSeconds,
      framesASecond: frames / seconds,
      hopsASecond: hops / seconds,
      bytesAMachine: (after.heapUsed - before.heapUsed) / size.machines,
      residentMegabytes: (after.rss - before.rss) / 1e6,
    };
  } finally {
    lab.close();
  }
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
  let seconds = 0;
  const moved = lab.network.links().reduce((sum, link) => sum + delivered(link), 0);
  const start = performance.now();
  for (let packet = 0; packet < PACKETS; packet++) {
    for (const [from, to] of pairs) lab.machine(from).sendUdp(lab.machine(to).ip as string, 9, payload);
    if (packet % 4 === 3) lab.network.run();
  }
  lab.network.run();
  seconds = (performance.now() - start) / 1000;
  if (frames !== PACKETS * PAIRS) throw new Error(`lab: ${frames} of ${PACKETS * PAIRS} frames arrived`);
  const hops = lab.network.links().reduce((sum, link) => sum + delivered(link), 0) - moved;
  return { frames, hops, seconds };
}

function delivered(link: ReturnType<Lab["network"]["links"]>[number]): number {
  const { ab, ba } = link.counters();
  return ab.delivered + ba.delivered;
}
