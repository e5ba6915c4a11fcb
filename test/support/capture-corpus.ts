// Small captures with everything in them that the formats have, and what reading them record by record gives.
import { type CaptureOutput, type CaptureSummary, type Pipeline, processCapture } from "frameferry";
import { CaptureError, type CaptureRecord, readCapture } from "frameferry/pcap";
import {
  Bytes,
  block,
  enhanced,
  iface,
  join,
  type Made,
  pcapHeader,
  pcapRecord,
  section,
} from "../pcap/capture-bytes.ts";
import { noise } from "./passengers.ts";

export interface Corpus extends Made {
  readonly name: string;
}

export const TIME = 1_700_000_000;

export function plainPcap(big: boolean, nano: boolean, snapLength = 65535): Corpus {
  const unit = nano ? 1_000_000_000 : 1_000_000;
  const records = [60, 0, 14, 61, 1500, 62, 63, 64].map((length, i) =>
    pcapRecord(
      big,
      TIME + i,
      (i * 123_456_789) % unit,
      noise(length, i + 1),
      length + (i % 3 === 1 ? 100 : 0),
    ),
  );
  const name = `pcap, ${big ? "big" : "little"}-endian, ${nano ? "ns" : "µs"}`;
  return { name, ...join([pcapHeader(big, nano, 1, snapLength), ...records]) };
}

/** A simple packet block: its captured length is that of `data`, cut from `original` bytes. */
export function simple(big: boolean, data: Uint8Array, original = data.length): Uint8Array {
  return block(big, 3, new Bytes(big).number(4, original).raw(data).done);
}

/** The packet block of old, with a count of drops before it. */
export function obsolete(big: boolean, id: number, ticks: bigint, data: Uint8Array): Uint8Array {
  const body = new Bytes(big)
    .number(2, id)
    .number(2, 0xffff)
    .number(4, ticks >> 32n)
    .number(4, ticks & 0xffffffffn)
    .number(4, data.length)
    .number(4, data.length + 5)
    .raw(data)
    .pad()
    .option(1, [104, 105])
    .number(4, 0);
  return block(big, 2, body.done);
}

export interface Unit {
  readonly byte: number;
  readonly ticks: bigint;
  readonly offset: bigint;
}
const MICROSECONDS_NOW = BigInt(TIME) * 1_000_000n;
/** if_tsresol bytes with a time of today in each, some with an if_tsoffset. */
export const UNITS: readonly Unit[] = [
  { byte: 6, ticks: MICROSECONDS_NOW + 7n, offset: 0n },
  { byte: 3, ticks: BigInt(TIME) * 1000n + 999n, offset: 0n },
  { byte: 9, ticks: BigInt(TIME) * 1_000_000_000n + 123_456_789n, offset: 0n },
  { byte: 12, ticks: 5_000_999_999_999_999n, offset: BigInt(TIME) },
  { byte: 10, ticks: BigInt(TIME) * 10_000_000_000n + 9_999_999_999n, offset: 0n },
  { byte: 0, ticks: BigInt(TIME), offset: 0n },
  { byte: 0x80 | 10, ticks: BigInt(TIME) * 1024n + 1023n, offset: 100n },
  { byte: 0x80 | 20, ticks: BigInt(TIME) * (1n << 20n) + 1_048_575n, offset: -100n },
  { byte: 0x80 | 32, ticks: BigInt(TIME) * (1n << 32n) + 0xffff_ffffn, offset: 0n },
  { byte: 0x80 | 34, ticks: (5n << 34n) + (1n << 34n) - 1n, offset: BigInt(TIME) },
  { byte: 0x80 | 40, ticks: (5n << 40n) + (1n << 40n) - 1n, offset: BigInt(TIME) },
  { byte: 0x80 | 60, ticks: (7n << 60n) + (1n << 59n) + 12345n, offset: BigInt(TIME) },
  { byte: 0x80 | 63, ticks: (1n << 63n) + (1n << 62n) + 99n, offset: BigInt(TIME) },
  { byte: 18, ticks: 3_999_999_999_999_999_999n, offset: BigInt(TIME) },
  { byte: 19, ticks: 9_999_999_999_999_999_999n, offset: BigInt(TIME) },
];

function interfaceOf(big: boolean, unit: Unit, link = 1, snap = 65535): Uint8Array {
  return iface(big, link, snap, (bytes) => {
    bytes.option(2, [101, 116, 104]).option(9, [unit.byte]);
    if (unit.offset !== 0n) bytes.option(14, new Bytes(big).number(8, unit.offset).done);
    return bytes.number(4, 0);
  });
}

/** Sections, interfaces of several link types and units, all packet blocks, options, unknown blocks. */
export function fullPcapng(big: boolean): Corpus {
  const comment = (bytes: Bytes) =>
    bytes
      .option(1, [99, 111, 109, 109, 101, 110, 116])
      .option(2, new Bytes(big).number(4, 5).done)
      .number(4, 0);
  const parts = [
    section(big, (bytes) => bytes.option(4, [97, 98, 99]).number(4, 0)),
    interfaceOf(big, UNITS[0]!, 1, 100),
    enhanced(big, 0, UNITS[0]!.ticks, noise(60, 1)),
    enhanced(big, 0, UNITS[0]!.ticks + 1n, noise(61, 2), 1600, comment),
    block(big, 4, new Bytes(big).number(4, 0).done), // name resolution
    simple(big, noise(100, 3), 1500),
    simple(big, noise(33, 4)),
    ...UNITS.map((unit) => interfaceOf(big, unit)),
    ...UNITS.map((unit, i) => enhanced(big, i + 1, unit.ticks, noise(60 + i, 5 + i))),
    block(big, 0x80001234, noise(100, 30)), // someone's own
    block(big, 0x4d4d, new Uint8Array(0)),
    interfaceOf(big, UNITS[2]!, 101, 0), // raw IP
    enhanced(big, UNITS.length + 1, UNITS[2]!.ticks, noise(50, 31)),
    enhanced(big, 1, UNITS[0]!.ticks, new Uint8Array(0)),
    // Another section, of the other byte order, starts to count interfaces anew.
    section(!big),
    interfaceOf(!big, UNITS[2]!, 1, 0),
    enhanced(!big, 0, UNITS[2]!.ticks + 5n, noise(1400, 32), 1400, (bytes) =>
      bytes.option(1, [120]).number(4, 0),
    ),
    simple(!big, noise(70, 33)),
    block(!big, 5, new Bytes(!big).number(4, 0).number(8, 0).done), // statistics
  ];
  return { name: `pcapng, ${big ? "big" : "little"}-endian first`, ...join(parts) };
}

export const corpus: readonly Corpus[] = [
  plainPcap(false, false),
  plainPcap(true, false),
  plainPcap(false, true),
  plainPcap(true, true),
  fullPcapng(false),
  fullPcapng(true),
];

/** A sink that keeps what it gets, and what became of it. */
export class Collected implements CaptureOutput {
  readonly chunks: Uint8Array[] = [];
  state: "open" | "closed" | "aborted" = "open";
  reason: unknown;

  async write(bytes: Uint8Array): Promise<void> {
    this.chunks.push(bytes.slice());
  }

  async close(): Promise<void> {
    this.state = "closed";
  }

  async abort(reason: unknown): Promise<void> {
    this.state = "aborted";
    this.reason = reason;
  }

  get bytes(): Uint8Array {
    return join(this.chunks).bytes;
  }
}

export async function processed(
  source: Parameters<typeof processCapture>[0],
  pipeline: Pipeline,
  options?: Parameters<typeof processCapture>[3],
): Promise<{ readonly bytes: Uint8Array; readonly summary: CaptureSummary }> {
  const sink = new Collected();
  const summary = await processCapture(source, pipeline, sink, options);
  return { bytes: sink.bytes, summary };
}

/** All records that reading gives, and the damage that ended it. */
export async function recordsOf(
  bytes: Uint8Array,
): Promise<{ readonly records: CaptureRecord[]; readonly damage: CaptureError | undefined }> {
  const records: CaptureRecord[] = [];
  try {
    for await (const record of readCapture(bytes)) records.push(record);
    return { records, damage: undefined };
  } catch (error) {
    if (error instanceof CaptureError) return { records, damage: error };
    throw error;
  }
}

/** What must be the same of a record before and after, as text that can be compared. */
export function told(record: CaptureRecord): string {
  const { data, timestamp, originalLength, options, interface: seenOn } = record;
  const said = options.map(({ code, value }) => `${code}=${value.join()}`);
  return `${data.length}/${originalLength} ${timestamp ?? "no time"} on ${seenOn.id} [${said}] ${data.join()}`;
}

/** `bytes` as an empty pipeline gives them back: section lengths are not known, snap lengths grow by what stages add. */
export async function expectedCopy(bytes: Uint8Array, growth = 0): Promise<Uint8Array> {
  const copy = bytes.slice();
  const view = new DataView(copy.buffer);
  for await (const items of readCapture(bytes).items())
    for (const item of items) {
      if (item.kind === "section" && item.format === "pcapng")
        copy.fill(0xff, item.offset + 16, item.offset + 24);
      if (item.kind !== "interface" || item.snapLength === 0) continue;
      const at = item.offset + (item.section.format === "pcap" ? 16 : 12);
      view.setUint32(at, item.snapLength + growth, item.section.byteOrder === "little");
    }
  return copy;
}
