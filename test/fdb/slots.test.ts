// Slots of a table that learns, one change at a time: lists after every move, and when a slot that was left is used again.
import { describe, expect, test } from "vitest";
import { expectConsistent } from "../../build/js/bench/stress/fdb.js";
import { loadKernels } from "../../build/js/src/kernel/load-kernels.js";
import { SwitchCore } from "../../build/js/src/switch/switch-core.js";
import { SwitchWorkspace } from "../../build/js/src/switch/workspace.js";
import {
  BUCKET_LENGTH,
  BUCKET_SLOTS,
  FDB_BUCKETS,
  FDB_CAPACITY,
  FDB_EPOCH,
  KEY_LENGTH,
  KEY_RETIRED,
  READER_IDLE,
  READER_LENGTH,
  VALUE_PRESENT,
  VALUE_STATIC,
} from "../../src/layout/fdb.layout.ts";
import { random } from "../dataplane/support.ts";

const PORTS = 8;
const READERS = 2;

/** A table that the calling thread changes, and that two others would read if `shared`. */
async function table(capacity: number, shared: boolean) {
  const kernels = await loadKernels({ memoryBytes: 8 << 20 });
  const workspaces = Array.from({ length: READERS }, () => new SwitchWorkspace(kernels, { copies: 1 }));
  const core = new SwitchCore(
    kernels,
    { ports: PORTS, bridgeDomains: 2, fdb: { capacity, seed: 5n } },
    { workspaces, shared, handleOf: (port) => port },
  );
  const domain = core.addBridgeDomain({});
  for (let port = 0; port < PORTS; port++) core.addPort({ bridgeDomain: domain });
  const { fdb, memory } = core;
  const { words, bytes, view, functions, plan } = kernels;
  const scratch = plan.reserve("a key and a value", 16);
  const writeKey = (station: number): void => {
    view.setUint32(scratch, 0x02000000);
    view.setUint16(scratch + 4, station);
    view.setUint16(scratch + 6, domain.id, true);
  };
  return {
    kernels,
    core,
    set(station: number, port = 1, flags = VALUE_PRESENT): boolean {
      writeKey(station);
      words[(scratch + 8) >>> 2] = port;
      words[(scratch + 12) >>> 2] = flags;
      return functions.fdbSet(fdb.address, scratch, 1, scratch + 8, memory.thread) === 1;
    },
    unset(station: number): boolean {
      writeKey(station);
      return functions.fdbUnset(fdb.address, scratch, 1, memory.thread) === 1;
    },
    /** The address of the slot that has the station's key, or 0. */
    slotOf(station: number): number {
      writeKey(station);
      const key = view.getBigUint64(scratch, true);
      const first = words[(fdb.address + FDB_BUCKETS) >>> 2] as number;
      for (let bucket = first; bucket < first + fdb.buckets * BUCKET_LENGTH; bucket += BUCKET_LENGTH)
        for (let slot = bucket; slot < bucket + BUCKET_SLOTS * KEY_LENGTH; slot += KEY_LENGTH)
          if (view.getBigUint64(slot, true) === key) return slot;
      return 0;
    },
    isRetired: (slot: number): boolean => bytes[slot] === KEY_RETIRED,
    get epoch(): number {
      return words[(fdb.address + FDB_EPOCH) >>> 2] as number;
    },
    set epoch(epoch: number) {
      words[(fdb.address + FDB_EPOCH) >>> 2] = epoch;
    },
    /** One of the threads that read begins a burst in this epoch, or ends it. */
    reader(index: number, epoch: number | "idle"): void {
      words[(memory.readers + index * READER_LENGTH) >>> 2] = epoch === "idle" ? READER_IDLE : epoch;
    },
  };
}

describe.each([false, true])("lists (many threads: %s)", (shared) => {
  test.each([1, 2, 3])("agree with the table after every change, seed %i", async (seed) => {
    const { kernels, core, set, unset } = await table(32, shared);
    // Twice as many as a table takes otherwise: where both buckets of a key are full, entries must move.
    kernels.words[(core.fdb.address + FDB_CAPACITY) >>> 2] = core.fdb.buckets * BUCKET_SLOTS;
    const next = random(seed);
    const known = new Set<number>();
    let full = 0;
    for (let turn = 0; turn < 1500; turn++) {
      const station = next(150);
      if (next(4) === 0) {
        expect(unset(station)).toBe(known.delete(station));
      } else {
        const flags = next(8) === 0 ? VALUE_PRESENT | VALUE_STATIC : VALUE_PRESENT;
        if (set(station, 1 + next(PORTS), flags)) known.add(station);
        else full++;
      }
      expectConsistent(kernels, core);
      expect(core.fdb.size).toBe(known.size);
    }
    // The table was full often enough.
    expect(full).toBeGreaterThan(20);
  });
});

// Epochs are counts of 32 bits that wrap around.
describe.each([0, 0x7fff_fffd, 0xffff_fffb])("a slot that was left in epoch %i", (start) => {
  /** A full bucket, a few more stations that belong there first, and which slots those in it have. */
  async function fullBucket() {
    const subject = await table(512, true);
    subject.epoch = start;
    expect(subject.set(0)).toBe(true);
    const bucket = subject.slotOf(0) & -BUCKET_LENGTH;
    const stations = [0];
    for (let station = 1; stations.length < BUCKET_SLOTS + 3; station++) {
      expect(subject.set(station)).toBe(true);
      if ((subject.slotOf(station) & -BUCKET_LENGTH) === bucket) stations.push(station);
      // All readers are idle: its slot is free for the next.
      expect(subject.unset(station)).toBe(true);
    }
    for (const station of stations.slice(1, BUCKET_SLOTS)) {
      expect(subject.set(station)).toBe(true);
      expect(subject.slotOf(station) & -BUCKET_LENGTH).toBe(bucket);
    }
    return { subject, inside: stations.slice(0, BUCKET_SLOTS), outside: stations.slice(BUCKET_SLOTS) };
  }

  test("is not used while a reader is in a burst that began in that epoch", async () => {
    const { subject, inside, outside } = await fullBucket();
    subject.reader(1, subject.epoch);
    const slot = subject.slotOf(inside[2]!);
    const before = subject.epoch;
    expect(subject.unset(inside[2]!)).toBe(true);
    expect(subject.isRetired(slot)).toBe(true);
    expect(subject.epoch).not.toBe(before);
    // The next belongs there, and goes elsewhere.
    expect(subject.set(outside[0]!)).toBe(true);
    expect(subject.isRetired(slot)).toBe(true);
    // Another reader that has begun since does not change that.
    subject.reader(0, subject.epoch);
    expect(subject.set(outside[1]!)).toBe(true);
    expect(subject.isRetired(slot)).toBe(true);
    expectConsistent(subject.kernels, subject.core);
  });

  test.each(["idle", "in a burst that began since"])("is used again when every reader is %s", async (how) => {
    const { subject, inside, outside } = await fullBucket();
    subject.reader(1, subject.epoch);
    const slot = subject.slotOf(inside[2]!);
    expect(subject.unset(inside[2]!)).toBe(true);
    subject.reader(1, how === "idle" ? "idle" : subject.epoch);
    expect(subject.set(outside[0]!)).toBe(true);
    expect(subject.slotOf(outside[0]!)).toBe(slot);
    expectConsistent(subject.kernels, subject.core);
  });
});
