// The main job on a real capture: a tunnel off, two tunnels on, off again, and how fast.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createCaptureFile, openCaptureFile } from "../files/capture-files.ts";
import {
  type EncapsulateStage,
  type Kernels,
  loadKernels,
  Pipeline,
  processCapture,
  type Stage,
} from "../index.ts";
import { type CaptureRecord, readCapture } from "../pcap.ts";
import { demoCapture } from "./demo-capture.ts";
import { picture } from "./picture.ts";
import { print } from "./print.ts";
import { grouped } from "./summary.ts";
import { measureThroughput, type Throughput } from "./throughput.ts";

/** Kubernetes nodes are machines of a VPC; their overlay (flannel's port and VNI) runs inside the VPC's. */
const POD_NETWORK: EncapsulateStage = {
  stage: "encapsulate",
  kind: "vxlan",
  vni: 1,
  port: 8472,
  local: "10.0.1.11",
  remote: "10.0.1.12",
};
const VPC: EncapsulateStage = {
  stage: "encapsulate",
  kind: "vxlan",
  vni: 5001,
  local: "172.16.0.1",
  remote: "172.16.0.2",
};
const OFF_VPC: Stage = { stage: "decapsulate", kind: "vxlan" };
const OFF_POD_NETWORK: Stage = { stage: "decapsulate", kind: "vxlan", port: 8472 };

/** Works on the capture, and writes four captures into `folder`. */
export async function mainJob(folder: string, json: boolean): Promise<void> {
  const say = async (text: string): Promise<void> => {
    if (!json) await print(text);
  };
  const captures = {
    overlay: join(folder, "overlay.pcap"),
    passengers: join(folder, "passengers.pcap"),
    nested: join(folder, "nested.pcap"),
    restored: join(folder, "restored.pcap"),
  };
  const kernels = await loadKernels();

  await runStages(kernels, demoCapture(), [], captures.overlay);
  const packets = await recordsOf(captures.overlay);
  await say(`frameferry demo --capture: a ping between two hosts of a VXLAN overlay, from the tests of tcpdump

1. ${packets.length} packets, as they crossed the carrier network. The first one, ${packets[0]?.data.length} bytes:

${drawn(packets)}
`);

  await runStages(kernels, captures.overlay, [OFF_VPC], captures.passengers);
  const passengers = await recordsOf(captures.passengers);
  await say(`
2. Tunnels off: ${passengers.length} passengers, Ethernet frames again as the hosts sent them.

3. Two tunnels on: the hosts become pods, the overlay of Kubernetes (VNI 1) runs inside that of a VPC (VNI 5001).
   The same passenger:

`);

  await runStages(kernels, captures.passengers, [POD_NETWORK, VPC], captures.nested);
  const nested = await recordsOf(captures.nested);
  await runStages(kernels, captures.nested, [OFF_VPC, OFF_POD_NETWORK], captures.restored);
  const restored = await recordsOf(captures.restored);
  const equal = restored.filter((record, index) => isEqual(record, passengers[index])).length;
  await say(`${drawn(nested)}

4. Both tunnels off again: ${equal} of ${passengers.length} passengers are equal byte for byte, and in their timestamps.

`);
  if (equal !== passengers.length || equal !== packets.length)
    throw new Error("demo: passengers were lost or changed");

  const frames = passengers.map(({ data }) => data);
  const throughput = await measureThroughput(kernels, frames, VPC, packets);
  await say(`${throughputText(throughput)}

The captures, for frameferry inspect or Wireshark:
${Object.values(captures)
  .map((path) => `   ${path}\n`)
  .join("")}`);
  if (json) {
    const object = {
      command: "demo --capture",
      frames: packets.length,
      restored: equal,
      captures,
      throughput,
    };
    await print(`${JSON.stringify(object)}\n`, "programs");
  }
}

async function runStages(
  kernels: Kernels,
  input: string | Uint8Array,
  stages: readonly Stage[],
  output: string,
): Promise<void> {
  const pipeline = new Pipeline(kernels, stages);
  const source = typeof input === "string" ? await openCaptureFile(input) : input;
  await processCapture(source, pipeline, await createCaptureFile(output));
  pipeline.close();
}

async function recordsOf(path: string): Promise<CaptureRecord[]> {
  const records: CaptureRecord[] = [];
  for await (const record of readCapture(readFileSync(path))) records.push(record);
  return records;
}

function isEqual(record: CaptureRecord, other: CaptureRecord | undefined): boolean {
  return (
    other !== undefined &&
    record.timestamp === other.timestamp &&
    record.originalLength === other.originalLength &&
    Buffer.compare(record.data, other.data) === 0
  );
}

function drawn([first]: readonly CaptureRecord[]): string {
  return first === undefined ? "" : picture(first.data).join("\n");
}

function throughputText({ node, processor, kernels, capture }: Throughput): string {
  const perSecond = (frames: number, seconds: number): string =>
    `${(frames / seconds / 1e6).toFixed(1)} million/s`;
  return `5. How fast, on one thread of this machine (${processor}, Node ${node}):
   kernels  a tunnel on and off again takes ${kernels.nsPerFrame} ns a frame: ${perSecond(1e9 / kernels.nsPerFrame, 1)}
            (${grouped(kernels.frames)} frames of ${kernels.averageFrameBytes} bytes on average, in bursts of 256 that stay in the cache; median of 5 rounds)
   capture  ${grouped(capture.frames)} packets (${(capture.bytes / 1e6).toFixed(1)} MB) decapsulated in ${capture.seconds} s: ${perSecond(capture.frames, capture.seconds)}
            (read from memory and written to memory; disks come on top)`;
}
