// What the suites of the dataplane share: the transports there are here, frames, and how they are counted.
import {
  type ChannelCounters,
  createDataplane,
  type Dataplane,
  type DataplaneOptions,
  type FrameBurst,
  type FrameChannel,
  type PipelineCounters,
} from "frameferry";
import { expect, test } from "vitest";

/** Whether memory can be shared here: in Node, and on cross-origin isolated pages. */
export const isolated: boolean = !("document" in globalThis) || globalThis.crossOriginIsolated;
export const inBrowser: boolean = "document" in globalThis;

export interface Mode {
  readonly name: string;
  readonly transport: Dataplane["transport"];
  readonly options: DataplaneOptions;
}

/** Every transport with one and with two workers. */
export const threaded: readonly Mode[] = (
  isolated ? (["shared", "transfer"] as const) : (["transfer"] as const)
).flatMap((transport) =>
  [1, 2].map((workers) => ({
    name: `${transport}, ${workers} worker${workers === 1 ? "" : "s"}`,
    transport,
    options: { workers, transport },
  })),
);
export const modes: readonly Mode[] = [
  { name: "inline", transport: "inline", options: { workers: 0 } },
  ...threaded,
];

/** A test on a dataplane of its own; afterwards all its memory must have been given back. */
export function dataplaneTest(
  mode: Mode,
  name: string,
  body: (dataplane: Dataplane) => Promise<void>,
  more: DataplaneOptions = {},
): void {
  test(`${mode.name}: ${name}`, async () => {
    const dataplane = await createDataplane({ ...mode.options, ...more });
    try {
      expect(dataplane.transport).toBe(mode.transport);
      const free = dataplane.freeBytes;
      await body(dataplane);
      await until(() => dataplane.freeBytes === free, "all memory is given back");
    } finally {
      await dataplane.close();
    }
  });
}

/** Waits until something is so; at most so long that only what never comes is late, on any machine. */
export async function until(look: () => boolean, what: string, seconds = 30): Promise<void> {
  const end = performance.now() + seconds * 1000;
  while (!look()) {
    if (performance.now() > end) throw new Error(`waited in vain: ${what}`);
    await pause(5);
  }
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Numbers from a seed: the same in every run. */
export function random(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    // xorshift32
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** An untagged frame of UDP over IPv4 that belongs to flow `flow`, and holds `sequence`. */
export function flowFrame(flow: number, sequence: number, length = 64): Uint8Array {
  const frame = new Uint8Array(Math.max(length, 50));
  const view = new DataView(frame.buffer);
  frame.set([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45]);
  view.setUint16(16, frame.length - 14);
  frame.set([64, 17], 22);
  view.setUint32(26, 0x0a000001);
  view.setUint32(30, 0x0a000002);
  view.setUint16(34, 1024 + flow);
  view.setUint16(36, 4789 + 1);
  view.setUint16(38, frame.length - 34);
  view.setUint32(42, flow);
  view.setUint32(46, sequence);
  return frame;
}

/** Flow and sequence number of such a frame, behind `offset` bytes more of header. */
export function flowOf(frame: Uint8Array, offset = 0): { flow: number; sequence: number } {
  const view = new DataView(frame.buffer, frame.byteOffset + offset, frame.byteLength - offset);
  return { flow: view.getUint32(42), sequence: view.getUint32(46) };
}

/** Everything that comes out of a channel until its end. */
export async function collect(channel: FrameChannel): Promise<FrameBurst[]> {
  const bursts: FrameBurst[] = [];
  for await (const burst of channel) bursts.push(burst);
  return bursts;
}

export function count(bursts: readonly FrameBurst[]): number {
  return bursts.reduce((sum, { length }) => sum + length, 0);
}

/** in = out + dropped by reason, when all has come out; of a channel, and of whole captures. */
export function expectConserved(
  counters: PipelineCounters | ChannelCounters,
  sent: number,
  received: number,
): void {
  const { forwarded, dropped, drops } = counters;
  expect(Object.values(drops).reduce((sum, frames) => sum + frames, 0)).toBe(dropped);
  expect(forwarded).toBe(received);
  expect(received + dropped).toBe(sent);
  if (!("waiting" in counters)) {
    expect(counters.received).toBe(sent);
    return;
  }
  expect(counters.waiting).toBe(0);
  expect(counters.received).toBe(received);
  // Those that were too long never went in.
  expect(counters.sent).toBe(sent - (drops["frame-too-long"] ?? 0));
}
