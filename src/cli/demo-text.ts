// What the demo prints.

import type { JourneyHop, Lab } from "../overlay.ts";
import { demoTopology, type Tenant } from "./demo-topology.ts";
import type { Journey } from "./lab-journey.ts";
import { pingText } from "./lab-text.ts";
import { picture } from "./picture.ts";
import { grouped } from "./summary.ts";
import { textTable } from "./text-table.ts";
import type { Throughput, WorkersThroughput } from "./throughput.ts";

/** What came of frames that a tenant sent to every address there is. */
export interface Meeting {
  readonly tenant: Tenant;
  readonly sent: number;
  /** Copies that arrived at machines and pods of the tenant, and at those of others. */
  readonly own: number;
  readonly others: number;
}

export interface TenantsRun {
  readonly folder: string;
  readonly lab: Lab;
  readonly journey: Journey;
  /** The hop on which most is wrapped around the hello. */
  readonly deepest: JourneyHop;
  readonly meetings: readonly Meeting[];
  /** Frames between the hosts by their VNIs. */
  readonly wire: ReadonlyMap<string, number>;
  /** Of the links. */
  readonly captures: readonly string[];
  /** The real capture. */
  readonly overlay: string;
  readonly throughput: Throughput & WorkersThroughput;
}

export function tenantsText(run: TenantsRun): string {
  const { lab, journey, deepest, folder } = run;
  return `frameferry demo: two tenants share two hosts, orange in VNI 1234, blue in VNI 5678.
Each has machines and a Kubernetes network of its own in its VPC. Both have the
same MACs, and their pods the same addresses.

${machinesText(lab)}
1. Hello from orange-web to orange-db on the other host: ${pingText(journey.outcome)}

${journeyText(run)}
   All that is wrapped around it between the hosts:

${picture(deepest.frame).join("\n")}

2. Who reached whom:

${reachText(lab)}
   Then each sent frames that say whose they are to everybody, and to every address
   of both tenants. Where they arrived:

${meetingsText(run)}
3. How fast, here (${run.throughput.processor}, Node ${run.throughput.node}):

${throughputText(run.throughput)}
4. A pcapng of each link, and overlay.pcap from a real tunnel, for frameferry inspect
   or Wireshark:
   ${folder}
`;
}

export function tenantsJson(run: TenantsRun): string {
  const { lab, journey, deepest, meetings, wire, captures, overlay, folder, throughput } = run;
  const { outcome } = journey;
  const object = {
    command: "demo",
    machines: lab.machines().map(({ name, ip, mac }) => ({ name, ip, mac })),
    hello: {
      from: outcome.step.ping[0],
      to: outcome.step.ping[1],
      reached: outcome.reached,
      rttMs: outcome.rttMs,
      hops: hopsOf(run).map((hop) => ({
        from: hop.from.node.name,
        to: hop.to.node.name,
        bytes: hop.frame.length,
        vnis: vnisOf(hop),
        capture: captureOf(run, hop),
      })),
      deepest: deepest.parts,
    },
    reach: lab.reach,
    tenants: meetings,
    wire: Object.fromEntries(wire),
    folder,
    captures,
    overlay,
    throughput,
  };
  return `${JSON.stringify(object)}\n`;
}

function machinesText(lab: Lab): string {
  const rows = lab.machines().map((machine, i) => {
    const at = machine.wayOut?.to.node.name ?? "";
    return [String(i + 1), machine.name, `on ${at}`, machine.ip ?? "", machine.mac];
  });
  return textTable(rows);
}

/** With a number for each column, so that it is not too wide. */
function reachText(lab: Lab): string {
  const names = lab.machines().map(({ name }) => name);
  const cell = (from: string, to: string): string => {
    if (from === to) return "-";
    return lab.reach.get(from, to) === true ? "yes" : "no";
  };
  const rows = names.map((from, i) => [String(i + 1), from, ...names.map((to) => cell(from, to))]);
  return textTable([["", "from \\ to", ...names.map((_, i) => String(i + 1))], ...rows]);
}

function journeyText(run: TenantsRun): string {
  const rows = hopsOf(run).map((hop) => {
    const vnis = vnisOf(hop).join(", ");
    return [`${hop.from.node.name} → ${hop.to.node.name}`, String(hop.frame.length), vnis];
  });
  return textTable([["hop", "bytes", "VNIs, outermost first"], ...rows], [1]);
}

/** The way there; the way back is the same. */
function hopsOf({ journey }: TenantsRun): readonly JourneyHop[] {
  return journey.hops.filter(({ leg }) => leg === "request");
}

function vnisOf({ parts }: JourneyHop): number[] {
  return parts.flatMap(({ vni }) => vni ?? []);
}

function captureOf({ captures }: TenantsRun, { link }: JourneyHop): string | undefined {
  return captures.find((path) => path.endsWith(`${link.name}.pcapng`));
}

function meetingsText({ meetings, wire }: TenantsRun): string {
  const rows = meetings.map(({ tenant, sent, own, others }) => {
    const carried = [...wire].filter(([vnis]) => vnis.split("/")[0] === vnisOfTenants().get(tenant));
    const frames = carried.reduce((sum, [, count]) => sum + count, 0);
    return [tenant, ...[sent, frames, own, others].map(grouped)];
  });
  const head = ["", "sent", "seen between the hosts", "arrived at its own", "at the other's"];
  return textTable([head, ...rows], [1, 2, 3, 4]);
}

function throughputText({ kernels, capture, workers }: TenantsRun["throughput"]): string {
  const million = (perSecond: number): string => `${(perSecond / 1e6).toFixed(1)} million/s`;
  return textTable(
    [
      [
        "a tunnel on and off again, one thread",
        million(1e9 / kernels.nsPerFrame),
        `${kernels.nsPerFrame} ns a frame`,
      ],
      [
        "a real capture, tunnels off, one thread",
        million(capture.frames / capture.seconds),
        `${grouped(capture.frames)} packets, ${(capture.bytes / 1e6).toFixed(1)} MB`,
      ],
      [
        `this hello, both tunnels off, ${workers.workers} workers`,
        million(workers.frames / workers.seconds),
        `${grouped(workers.frames)} frames of ${workers.frameBytes} bytes`,
      ],
    ],
    [1],
  );
}

/** The VNI of each tenant. */
function vnisOfTenants(): ReadonlyMap<string, string> {
  return new Map(demoTopology().vpcs?.map(({ name, vni }) => [name, String(vni)]));
}
