// What the suites of captures on a SharedArrayBuffer share: such captures, dataplanes to read them, and what is expected.

import { createDataplane, type Dataplane, type Stage } from "frameferry";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { iface, join, pcapHeader, section } from "../pcap/capture-bytes.ts";
import { expectSame, inline, Sink, WRAP } from "./capture-support.ts";
import { flowFrame, isolated, random, until } from "./support.ts";

/** The length of the ranges that workers get, and how much of a capture is looked at before the first. */
export const PIECE: number = 1 << 19;
export const HEADER = 4096;
/** Workers of the dataplanes that are tried. */
export const counts: readonly number[] = [1, 2, 3];

/** The same bytes where all threads see them, `shift` bytes behind the beginning of their buffer. */
export function shared(bytes: Uint8Array, shift = 0): Uint8Array {
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.length + shift + 5), shift, bytes.length);
  copy.set(bytes);
  return copy;
}

interface Shape {
  readonly seed: number;
  readonly big?: boolean;
  readonly nano?: boolean;
  /** Frames have up to so many bytes; one in fifty is longer. */
  readonly most: number;
  readonly longest?: number;
  /** Bytes of the whole capture, at least. */
  readonly length: number;
}

/** A pcap of frames of any length, made faster than record by record. */
export function pcapOf({ seed, big = false, nano = false, most, longest = most, length }: Shape): Uint8Array {
  const next = random(seed);
  const bytes = new Uint8Array(length + 16 + longest);
  const view = new DataView(bytes.buffer);
  bytes.set(pcapHeader(big, nano, 1, 262144));
  let at = 24;
  for (let i = 0; at < length; i++) {
    const captured = next(next(50) === 0 ? longest + 1 : most + 1);
    view.setUint32(at, i, !big);
    view.setUint32(at + 4, next(nano ? 1e9 : 1e6), !big);
    view.setUint32(at + 8, captured, !big);
    view.setUint32(at + 12, captured + next(3), !big);
    bytes.set(flowFrame(i % 50, i).subarray(0, captured), at + 16);
    at += 16 + captured;
  }
  return bytes.slice(0, at);
}

/** A pcapng of one section whose packets, of either of two interfaces, all stand behind each other. */
export function pcapngOf({ seed, big = false, most, length }: Shape): {
  bytes: Uint8Array;
  blocks: number[];
} {
  const next = random(seed);
  const bytes = new Uint8Array(length + 32 + most + 4);
  const view = new DataView(bytes.buffer);
  const { bytes: head } = join([section(big), iface(big, 1, 0), iface(big, 1, 0)]);
  bytes.set(head);
  const blocks: number[] = [];
  let at = head.length;
  for (let i = 0; at < length; i++) {
    const captured = next(most + 1);
    const total = 32 + ((captured + 3) & ~3);
    [6, total, i & 1, 0, i, captured, captured].forEach((word, index) => {
      view.setUint32(at + 4 * index, word, !big);
    });
    bytes.set(flowFrame(i % 50, i).subarray(0, captured), at + 28);
    view.setUint32(at + total - 4, total, !big);
    blocks.push(at);
    at += total;
  }
  return { bytes: bytes.slice(0, at), blocks };
}

/** Expects of a dataplane what one thread makes of the capture. */
export async function expectAsInline(
  dataplane: Dataplane,
  bytes: Uint8Array,
  source: Uint8Array,
  stages: readonly Stage[] = WRAP,
  format: "same" | "pcap" | "pcapng" = "same",
): Promise<number> {
  const wanted = await inline(bytes, stages, format);
  const sink = new Sink();
  let progress = 0;
  const { workers, ...summary } = await dataplane.processCapture(source, stages, sink, {
    format,
    onProgress: ({ bytesRead, records }) => {
      expect(bytesRead).toBeGreaterThan(progress);
      expect(records).toBeLessThanOrEqual(wanted.summary.received);
      progress = bytesRead;
    },
  });
  expectSame(sink.bytes, wanted.output);
  expect(sink.ends).toEqual(["closed"]);
  // What has been read behind damage does not count.
  if (summary.damage === undefined) expect(progress).toBe(summary.fileBytesIn);
  else expect(progress).toBeGreaterThanOrEqual(summary.fileBytesIn);
  if (/^(undefined|.*: the file ends.*)$/.test(`${summary.damage?.message}`))
    expect(summary).toEqual(wanted.summary);
  else {
    // How far was read beyond the damage depends on the pieces.
    expect(summary).toEqual(wanted.summary);
  }
  for (const { worker } of workers) expect(worker).toBeLessThan(dataplane.workers);
  return workers.reduce((sum, share) => sum + share.frames, 0);
}

/** Defines a test on the dataplane of its group. Afterwards all memory must have been given back. */
type DefineTest = (name: string, body: (dataplane: Dataplane) => Promise<void>) => void;

/** A group of tests for each number of workers. */
export function describeShared(define: (sharedTest: DefineTest) => void): void {
  describe.each(counts)("a capture that workers see, of %i", (workers) => {
    let dataplane: Dataplane;
    beforeAll(async () => {
      if (isolated) dataplane = await createDataplane({ workers, memoryBytes: 192 << 20 });
    });
    afterAll(() => dataplane?.close());

    define((name, body) => {
      test.skipIf(!isolated)(name, async () => {
        const free = dataplane.freeBytes;
        await body(dataplane);
        await until(() => dataplane.freeBytes === free, "all memory is given back");
      });
    });
  });
}
