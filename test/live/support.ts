// What the suites of the running switch share: switches of every kind there is here, frames, and the books.
import type { FrameBurst } from "frameferry";
import {
  type CreateSwitchOptions,
  createSwitch,
  type LivePort,
  type Switch,
  type SwitchCounters,
} from "frameferry/switch";
import { expect, test } from "vitest";
import { isolated } from "../dataplane/support.ts";

/** Workers to ask for. Where memory cannot be shared, the switch must run on the page's thread all the same. */
export const workerCounts: readonly number[] = isolated ? [0, 1, 2, 4] : [0, 1];

export const VTEP = { address: "10.9.0.1" } as const;

/** A test on a switch of its own. */
export function switchTest(
  name: string,
  body: (sw: Switch, workers: number) => Promise<void>,
  options: CreateSwitchOptions = {},
  counts: readonly number[] = workerCounts,
): void {
  for (const workers of counts) {
    test(`${workers} workers: ${name}`, async () => {
      await using sw = await createSwitch({ workers, sweepSeconds: 0, clock: () => 1000, ...options });
      expect(sw.workers).toBe(isolated ? workers : 0);
      await body(sw, workers);
    });
  }
}

export function mac(number: number): string {
  const hex = number.toString(16).padStart(8, "0");
  return `02:00:${hex.slice(0, 2)}:${hex.slice(2, 4)}:${hex.slice(4, 6)}:${hex.slice(6)}`;
}

/** An untagged frame between two such addresses (-1: broadcast), with a sequence number; a flow of its own each pair. */
export function frameOf(from: number, to: number, sequence = 0, length = 64): Uint8Array {
  const frame = new Uint8Array(length);
  const view = new DataView(frame.buffer);
  if (to < 0) frame.fill(0xff, 0, 6);
  else {
    view.setUint16(0, 0x0200);
    view.setUint32(2, to);
  }
  view.setUint16(6, 0x0200);
  view.setUint32(8, from);
  view.setUint16(12, 0x88b5);
  view.setUint32(14, sequence);
  view.setUint32(18, from);
  return frame;
}

/** Who sent it, and its sequence number. */
export function stampOf(frame: Uint8Array): { from: number; sequence: number } {
  const view = new DataView(frame.buffer, frame.byteOffset);
  return { from: view.getUint32(18), sequence: view.getUint32(14) };
}

/** Takes everything that leaves a port into `frames`, until it ends. */
export function taking(port: LivePort): { frames: Uint8Array[]; ended: Promise<void> } {
  const frames: Uint8Array[] = [];
  const take = async (): Promise<void> => {
    for await (const burst of port) frames.push(...burst);
  };
  return { frames, ended: take() };
}

/** All that waits at a port now. */
export function takeNow(port: LivePort): Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (let burst: FrameBurst | undefined = port.receive(); burst !== undefined; burst = port.receive())
    frames.push(...burst);
  return frames;
}

/** Received + copies = sent + dropped, in all and in every bridge domain, and drops by reason sum up. */
export function expectBalanced(counters: SwitchCounters): void {
  const { received, copies, sent, dropped, drops } = counters;
  expect(received + copies).toBe(sent + dropped);
  expect(Object.values(drops).reduce((sum, count) => sum + count, 0)).toBe(dropped);
  for (const domain of counters.bridgeDomains)
    expect([domain.id, domain.received + domain.copies + domain.routedIn]).toEqual([
      domain.id,
      domain.sent + domain.dropped + domain.routedOut,
    ]);
}

export function countersOf(sw: Switch, port: { readonly number: number }) {
  const counters = sw.counters().ports.find(({ number }) => number === port.number);
  if (counters === undefined) throw new Error(`port ${port.number} is not there`);
  return counters;
}
