// What the suites of whole captures share: stages, a sink that remembers, captures sound and damaged, and what one thread
// makes of them.
import {
  type CaptureOutput,
  type DataplaneCaptureSummary,
  loadKernels,
  Pipeline,
  processCapture,
  type Stage,
} from "frameferry";
import { expect } from "vitest";
import {
  Bytes,
  block,
  enhanced,
  iface,
  join,
  pcapHeader,
  pcapRecord,
  section,
} from "../pcap/capture-bytes.ts";
import { flowFrame, pause, random } from "./support.ts";

export const WRAP: readonly Stage[] = [
  { stage: "encapsulate", kind: "vxlan", vni: 99, local: "10.0.0.1", remote: "10.0.0.2" },
];
export const UNWRAP: readonly Stage[] = [
  ...WRAP,
  { stage: "decapsulate", kind: "vxlan" },
  { stage: "vlan-push", vid: 3 },
];

/** What came, and how it ended. */
export class Sink implements CaptureOutput {
  readonly parts: Uint8Array[] = [];
  readonly ends: unknown[] = [];
  delay = 0;

  async write(bytes: Uint8Array): Promise<void> {
    const copy = bytes.slice();
    if (this.delay > 0) await pause(this.delay);
    this.parts.push(copy);
  }

  async close(): Promise<void> {
    this.ends.push("closed");
  }

  async abort(reason: unknown): Promise<void> {
    this.ends.push(reason);
  }

  get bytes(): Uint8Array {
    return join(this.parts).bytes;
  }
}

const next = random(7);

/** Some 2.5 MB of short and long records. */
export function largePcap(big = false): Uint8Array {
  const records = Array.from({ length: 6000 }, (_, i) =>
    pcapRecord(big, i, i, flowFrame(i % 50, i, 50 + next(700))),
  );
  return join([pcapHeader(big, false), ...records]).bytes;
}

/** Sections of both byte orders, with interfaces and other blocks between the packets. */
export function largePcapng(): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let part = 0; part < 6; part++) {
    const big = part % 2 === 1;
    parts.push(section(big), iface(big, 1, 0), iface(big, part === 3 ? 101 : 1, 65535));
    for (let i = 0; i < 900; i++) {
      parts.push(enhanced(big, i & 1, BigInt(i), flowFrame(i % 50, i, 50 + next(700))));
      if (i === 300) parts.push(iface(big, 1, 100));
      // A name resolution block, and a custom one of half a mebibyte.
      if (i === 500) parts.push(block(big, 4, new Bytes(big).number(4, 0).done));
      if (i === 501 && part === 2) parts.push(block(big, 0xbad, new Uint8Array(700_000).fill(5)));
    }
  }
  return join(parts).bytes;
}

export interface Wanted {
  readonly output: Uint8Array;
  readonly summary: Omit<DataplaneCaptureSummary, "workers">;
}

/** What one thread makes of it; asked for by every mode, and worked out once. */
export function inline(
  bytes: Uint8Array,
  stages: readonly Stage[],
  format: "same" | "pcap" | "pcapng" = "same",
  reassembly = true,
): Promise<Wanted> {
  const known = results.get(bytes) ?? new Map<string, Promise<Wanted>>();
  results.set(bytes, known);
  const key = JSON.stringify([stages, format, reassembly]);
  const wanted = known.get(key) ?? work(bytes, stages, format, reassembly);
  known.set(key, wanted);
  return wanted;
}

const results = new Map<Uint8Array, Map<string, Promise<Wanted>>>();

let kernels: ReturnType<typeof loadKernels> | undefined;

async function work(
  bytes: Uint8Array,
  stages: readonly Stage[],
  format: "same" | "pcap" | "pcapng",
  reassembly: boolean,
): Promise<Wanted> {
  const sink = new Sink();
  // One for all: a page has room for a hundred memories or so.
  kernels ??= loadKernels({ memoryBytes: 32 << 20 });
  using pipeline = new Pipeline(await kernels, stages);
  const summary = await processCapture(bytes, pipeline, sink, { format, reassembly });
  return { output: sink.bytes, summary };
}

/** Arrays of megabytes, without the time that comparing them item by item takes. */
export function expectSame(got: Uint8Array, wanted: Uint8Array): void {
  const difference = wanted.findIndex((byte, i) => got[i] !== byte);
  expect({ difference, length: got.length }).toEqual({ difference: -1, length: wanted.length });
}

export const pcap: Uint8Array = largePcap();
export const pcapng: Uint8Array = largePcapng();
export const corpus: readonly (readonly [string, Uint8Array])[] = [
  ["pcap", pcap],
  ["big-endian pcap", largePcap(true)],
  ["pcapng of several sections", pcapng],
  ["pcap without records", pcapHeader(false, true)],
  ["pcap at an odd address", join([new Uint8Array(3), pcap]).bytes.subarray(3)],
  ["pcap cut in the middle of a record", pcap.subarray(0, pcap.length - 7)],
  ["pcapng cut in the middle of a block", pcapng.subarray(0, pcapng.length - 9)],
];

/** Captures with something wrong in them, and where. */
function damagedCaptures(): [Uint8Array, number][] {
  const spots: [Uint8Array, number][] = [];
  // A captured length that cannot be, in one of the records.
  for (const wanted of [0, 1, 700, 2999, 5999]) {
    const damaged = pcap.slice();
    const view = new DataView(damaged.buffer);
    let at = 24;
    for (let record = 0; record < wanted; record++) at += 16 + view.getUint32(at + 8, true);
    view.setUint32(at + 8, 0xffffff, true);
    spots.push([damaged, at]);
  }
  // The two lengths of a block that differ, in the middle of a piece; lengths that cannot be.
  const blocks: number[] = [];
  const view = new DataView(pcapng.buffer);
  for (let at = 0, order = false; at < pcapng.length; ) {
    if (view.getUint32(at) === 0x0a0d0d0a) order = view.getUint32(at + 8) === 0x1a2b3c4d;
    if (view.getUint32(at, !order) === 6) blocks.push(at);
    at += view.getUint32(at + 4, !order);
  }
  for (const index of [3, 899, 1500, 4000]) {
    const at = blocks[index]!;
    const trailing = pcapng.slice();
    const order = view.getUint32(at) === 6;
    const length = view.getUint32(at + 4, !order);
    trailing[at + length - 1]! ^= 0x40;
    spots.push([trailing, at]);
    const odd = pcapng.slice();
    odd[at + (order ? 7 : 4)]! ^= 1;
    spots.push([odd, at]);
    const stranger = pcapng.slice();
    stranger[at + 9]! ^= 0x70; // the interface
    spots.push([stranger, at]);
  }
  return spots;
}

export const spots: readonly (readonly [Uint8Array, number])[] = damagedCaptures();
