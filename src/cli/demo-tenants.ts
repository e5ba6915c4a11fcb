// The demo's run: a hello from pod to pod and its journey, and the proof that two tenants on the same hosts do not meet.

import { join } from "node:path";
import { createCaptureFile } from "../files/capture-files.ts";
import { loadKernels } from "../index.ts";
import { buildTopology, type Hop, type Lab, partsOf } from "../overlay.ts";
import { type CaptureRecord, readCapture } from "../pcap.ts";
import { dissect, vnisOf } from "../wire.ts";
import { demoCapture } from "./demo-capture.ts";
import { type Meeting, type TenantsRun, tenantsJson, tenantsText } from "./demo-text.ts";
import { demoTopology, TENANTS, type Tenant } from "./demo-topology.ts";
import { LinkRecorder } from "./lab-captures.ts";
import { travel } from "./lab-journey.ts";
import { print } from "./print.ts";
import { measureThroughput, measureWorkers, type Throughput, type WorkersThroughput } from "./throughput.ts";

/** Worker threads for the throughput. */
const WORKERS = 2;
const CALLS_EACH = 10;
const PORT = 9;

/** Builds the network, lets the tenants talk, and writes a capture for each link into `folder`. */
export async function tenants(folder: string, json: boolean): Promise<void> {
  const recorder = new LinkRecorder();
  /** Frames between the hosts by their VNIs, outermost first. */
  const wire = new Map<string, number>();
  const onNetwork = (network: Lab["network"]): void => {
    wire.clear();
    recorder.watch(network);
    const record = network.onHop;
    network.onHop = (hop: Hop) => {
      record?.(hop);
      if (hop.to.node.name !== "underlay") return;
      const vnis = vnisOf(dissect(hop.frame).layers).join("/");
      if (vnis !== "") wire.set(vnis, (wire.get(vnis) ?? 0) + 1);
    };
  };
  const lab = await buildTopology(demoTopology(), { onNetwork });
  try {
    const journey = travel("demo", lab, "orange-web", "orange-db");
    const deepest = journey.hops.reduce((a, b) => (b.parts.length > a.parts.length ? b : a));
    lab.do({ reach: "all" });
    const meetings = TENANTS.map((tenant) => callEverybody(lab, tenant));
    expectApart(lab, meetings);
    const captures = await recorder.write(folder, []);
    const real = demoCapture();
    const overlay = join(folder, "overlay.pcap");
    await writeFile(overlay, real);
    const throughput = await measure(real, deepest.frame);
    const run: TenantsRun = { folder, lab, journey, deepest, meetings, wire, captures, overlay, throughput };
    await (json ? print(tenantsJson(run), "programs") : print(tenantsText(run)));
  } finally {
    lab.close();
  }
}

/** Each machine and pod of a tenant sends frames that say whose they are to everybody and to every address there is. */
function callEverybody(lab: Lab, tenant: Tenant): Meeting {
  const name = Buffer.from(`a frame of ${tenant}`);
  const machines = lab.machines();
  const arrived = { own: 0, others: 0 };
  let sent = 0;
  for (const machine of machines) {
    const side = tenantOf(machine.name) === tenant ? "own" : "others";
    machine.onFrame = (frame) => {
      if (Buffer.from(frame.buffer, frame.byteOffset, frame.length).includes(name)) arrived[side]++;
    };
  }
  for (const from of machines) {
    if (tenantOf(from.name) !== tenant) continue;
    for (let call = 0; call < CALLS_EACH; call++) {
      from.broadcast(name);
      sent++;
      for (const to of machines) {
        if (to === from || to.ip === undefined || to.ip === from.ip) continue;
        from.sendUdp(to.ip, PORT, name);
        sent++;
      }
    }
  }
  lab.do({ wait: 10_000 });
  for (const machine of machines) machine.onFrame = undefined;
  return { tenant, sent, ...arrived };
}

function tenantOf(name: string): string {
  return name.slice(0, name.indexOf("-"));
}

/** The demo must not show a network that does not do what the demo says. */
function expectApart(lab: Lab, meetings: readonly Meeting[]): void {
  if (meetings.some(({ own, others }) => own === 0 || others > 0)) throw new Error("demo: tenants have met");
  for (const { name: from } of lab.machines()) {
    for (const { name: to } of lab.machines()) {
      if (tenantOf(from) !== tenantOf(to) && lab.reach.get(from, to) === true)
        throw new Error(`demo: ${from} has reached ${to}`);
    }
  }
}

async function writeFile(path: string, bytes: Uint8Array): Promise<void> {
  const output = await createCaptureFile(path);
  await output.write(bytes);
  await output.close();
}

/** With a real capture, and with one frame of the network's. */
async function measure(capture: Uint8Array, wrapped: Uint8Array): Promise<Throughput & WorkersThroughput> {
  const packets: CaptureRecord[] = [];
  for await (const record of readCapture(capture)) packets.push(record);
  const passengers = packets.map(({ data }) => data.subarray(partsOf(data).at(-1)?.offset ?? 0));
  const tunnel = {
    stage: "encapsulate",
    kind: "vxlan",
    vni: 1234,
    local: "10.1.5.7",
    remote: "10.1.5.8",
  } as const;
  return {
    ...(await measureThroughput(await loadKernels(), passengers, tunnel, packets)),
    workers: await measureWorkers(WORKERS, wrapped),
  };
}
