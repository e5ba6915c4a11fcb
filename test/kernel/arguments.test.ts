// Bad arguments: TypeError or RangeError that names the argument, and no memory kept. Closed things stay closed.
import {
  Fdb,
  FrameBatch,
  type Kernels,
  loadKernels,
  NO_DESTINATION,
  Pipeline,
  writeFdbKey,
} from "frameferry";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { noise } from "../support/passengers.ts";

let kernels: Kernels;
let free: number;
beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 4 << 20 });
  free = kernels.plan.freeBytes;
});
afterEach(() => {
  expect(kernels.plan.freeBytes).toBe(free);
});

// biome-ignore lint/suspicious/noExplicitAny: what is wrong is the type
type Wrong = any;
const MAC = "02:00:00:00:00:01";

/** Message starts with the argument's name. */
function throws(act: () => unknown, type: typeof TypeError | typeof RangeError, name: string): void {
  let thrown: unknown;
  try {
    act();
  } catch (error) {
    thrown = error;
  }
  expect(thrown, `${name}: no error`).toBeInstanceOf(type);
  expect(String((thrown as Error).message)).toMatch(new RegExp(`^${name.replace(/[.[\]]/g, "\\$&")}[: ]`));
}

describe("FrameBatch", () => {
  it.each([
    [{ frames: 0 }, RangeError, "frames"],
    [{ frames: 65537 }, RangeError, "frames"],
    [{ frames: 1.5 }, RangeError, "frames"],
    [{ frames: "2" }, TypeError, "frames"],
    [{ frameBytes: 63 }, RangeError, "frameBytes"],
    [{ frameBytes: 65536 }, RangeError, "frameBytes"],
    [{ headroom: -1 }, RangeError, "headroom"],
    [{ headroom: 4097 }, RangeError, "headroom"],
    [{ headroom: 1n }, TypeError, "headroom"],
    [{ frame: 1 }, TypeError, "options"],
    [{ frames: 60000, frameBytes: 65535 }, RangeError, "memoryBytes"],
    [{ frames: 1200, frameBytes: 4000 }, RangeError, "memoryBytes"],
  ] as Wrong[])("refuses %o", (options, type, name) => {
    throws(() => new FrameBatch(kernels, options), type, name);
  });

  it("refuses kernels that are none", () => {
    for (const wrong of [undefined, null, {}, 5])
      throws(() => new FrameBatch(wrong as Wrong), TypeError, "kernels");
  });

  it("refuses frames, notes and places that cannot be, and keeps nothing of them", () => {
    using batch = new FrameBatch(kernels, { frames: 4 });
    throws(() => batch.frame(0), RangeError, "index");
    batch.add(noise(60, 1));
    for (const wrong of [undefined, null, "frame", [1, 2], new ArrayBuffer(60), new Uint16Array(30)])
      throws(() => batch.add(wrong as Wrong), TypeError, "frame");
    throws(() => batch.add(noise(60, 1), { wireLength: 59 }), RangeError, "wireLength");
    throws(() => batch.add(noise(60, 1), { wireLength: 2 ** 32 }), RangeError, "wireLength");
    throws(() => batch.add(noise(60, 1), { mark: -1 }), RangeError, "mark");
    throws(() => batch.add(noise(60, 1), { mark: "1" as Wrong }), TypeError, "mark");
    throws(() => batch.add(noise(60, 1), { wirelength: 70 } as Wrong), TypeError, "notes");
    expect(batch.length).toBe(1);
    const reads = ["frame", "verdict", "dropReason", "vni", "wireLength", "flowHash", "mark"] as const;
    for (const method of reads) {
      for (const index of [-1, 1, 0.5, Number.NaN]) throws(() => batch[method](index), RangeError, "index");
      for (const index of ["0", undefined, 0n])
        throws(() => batch[method](index as Wrong), TypeError, "index");
    }
    for (const method of ["push", "pull"] as const) {
      throws(() => batch[method](1, 1), RangeError, "index");
      throws(() => batch[method](0, -1), RangeError, "length");
      throws(() => batch[method](0, 1.5), RangeError, "length");
      throws(() => batch[method](0, "1" as Wrong), TypeError, "length");
    }
    expect(batch.frame(0).length).toBe(60);
  });

  it("cannot be used after close, which happens once", () => {
    const batch = new FrameBatch(kernels, { frames: 4 });
    batch.add(noise(60, 1));
    batch.close();
    expect(kernels.plan.freeBytes).toBe(free);
    // The memory has another owner now: a second close must not take it away.
    const next = new FrameBatch(kernels, { frames: 4 });
    batch.close();
    batch[Symbol.dispose]();
    expect(kernels.plan.freeBytes).toBeLessThan(free);
    for (const act of [
      () => batch.add(noise(60, 1)),
      () => batch.fill([noise(60, 1)]),
      () => batch.fill([]),
      () => batch.frame(0),
      () => batch.push(0, 1),
      () => batch.pull(0, 1),
      () => batch.clear(),
      () => batch.takeRefused(),
    ])
      throws(act, TypeError, "batch");
    using pipeline = new Pipeline(kernels, []);
    throws(() => pipeline.run(batch), TypeError, "batch");
    next.close();
  });
});

describe("Pipeline", () => {
  const outer = { stage: "encapsulate", kind: "vxlan", vni: 1, local: "10.0.0.1", remote: "10.0.0.2" };
  const out = { stage: "decapsulate", kind: "vxlan" };
  const option = (type: number, length: number) => ({ class: 1, type, data: new Uint8Array(length) });
  it.each([
    [undefined, TypeError, "stage"],
    [null, TypeError, "stage"],
    ["vlan-pop", TypeError, "stage"],
    [{}, RangeError, "stage"],
    [{ stage: "vlan-pull" }, RangeError, "stage"],
    [{ ...out, kind: "stt" }, RangeError, "kind"],
    [{ ...out, key: 1 }, TypeError, "key"],
    [{ ...out, criticalOptions: "take" }, TypeError, "criticalOptions"],
    [{ ...out, kind: "geneve", rule: "strict" }, TypeError, "rule"],
    [{ ...out, kind: "geneve", criticalOptions: "keep" }, RangeError, "criticalOptions"],
    [{ ...out, kind: "gre", vni: 1 }, TypeError, "vni"],
    [{ ...out, kind: "gre", port: 1 }, TypeError, "port"],
    [{ ...out, kind: "gre", udpChecksum: "verify" }, TypeError, "udpChecksum"],
    [{ ...out, kind: "gre", key: 2 ** 32 }, RangeError, "key"],
    [{ ...out, kind: "gre", checksum: true }, TypeError, "checksum"],
    [{ ...out, kind: "nvgre", key: 1 }, TypeError, "key"],
    [{ ...out, kind: "nvgre", innerTag: "keep" }, TypeError, "innerTag"],
    [{ ...out, kind: "nvgre", checksum: "verify" }, TypeError, "checksum"],
    [{ ...out, kind: undefined }, TypeError, "kind"],
    [{ ...out, port: 0 }, RangeError, "port"],
    [{ ...out, port: 65536 }, RangeError, "port"],
    [{ ...out, port: "4789" }, TypeError, "port"],
    [{ ...out, vni: -1 }, RangeError, "vni"],
    [{ ...out, vni: 2 ** 24 }, RangeError, "vni"],
    [{ ...out, depth: 0 }, RangeError, "depth"],
    [{ ...out, depth: 65 }, RangeError, "depth"],
    [{ ...out, depth: "every" }, TypeError, "depth"],
    [{ ...out, rule: "linux" }, RangeError, "rule"],
    [{ ...out, others: true }, TypeError, "others"],
    [{ ...out, udpChecksum: "check" }, RangeError, "udpChecksum"],
    [{ ...out, ipChecksum: "check" }, RangeError, "ipChecksum"],
    [{ ...out, innerTag: "strip" }, RangeError, "innerTag"],
    [{ ...out, header: "half" }, RangeError, "header"],
    [{ ...out, ports: 1 }, TypeError, "decapsulate"],
    [{ ...outer, kind: "fou" }, RangeError, "kind"],
    [{ ...outer, kind: "gre" }, TypeError, "vni"],
    [{ ...outer, kind: "gre", vni: undefined, key: -1 }, RangeError, "key"],
    [{ ...outer, kind: "gre", vni: undefined, checksum: 1 }, TypeError, "checksum"],
    [{ ...outer, kind: "gre", vni: undefined, port: 1 }, TypeError, "port"],
    [{ ...outer, kind: "gre", vni: undefined, sequence: 1 }, TypeError, "encapsulate"],
    [{ ...outer, key: 1 }, TypeError, "key"],
    [{ ...outer, options: [] }, TypeError, "options"],
    [{ ...outer, kind: "nvgre", vni: 0xfff }, RangeError, "vni"],
    [{ ...outer, kind: "nvgre", vni: 0xffffff }, RangeError, "vni"],
    [{ ...outer, kind: "nvgre", innerTag: "keep" }, TypeError, "innerTag"],
    [{ ...outer, kind: "nvgre", vni: 5000, udpChecksum: false }, TypeError, "udpChecksum"],
    [{ ...outer, kind: "geneve", vni: undefined }, TypeError, "vni"],
    [{ ...outer, kind: "geneve", checksum: true }, TypeError, "checksum"],
    [{ ...outer, kind: "geneve", options: {} }, TypeError, "options"],
    [{ ...outer, kind: "geneve", options: [5] }, TypeError, "options[0]"],
    [{ ...outer, kind: "geneve", options: [option(1, 3)] }, RangeError, "options[0].data"],
    [
      { ...outer, kind: "geneve", options: [{ ...option(1, 0), class: 65536 }] },
      RangeError,
      "options[0].class",
    ],
    [{ ...outer, kind: "geneve", options: [{ ...option(1, 0), data: "00" }] }, TypeError, "options[0].data"],
    [{ ...outer, kind: "geneve", options: [{ ...option(1, 0), x: 1 }] }, TypeError, "options[0]"],
    [{ ...outer, kind: "geneve", options: [1, 2, 3].map((n) => option(n, 84)) }, RangeError, "options"],
    [{ ...outer, vni: undefined }, TypeError, "vni"],
    [{ ...outer, vni: 2 ** 24 }, RangeError, "vni"],
    [{ ...outer, local: undefined }, TypeError, "local"],
    [{ ...outer, local: "10.1" }, RangeError, "local"],
    [{ ...outer, remote: "fd00::1" }, RangeError, "remote"],
    [{ ...outer, remote: new Uint8Array(5) }, RangeError, "remote"],
    [{ ...outer, localMac: "02:00" }, RangeError, "localMac"],
    [{ ...outer, remoteMac: 5 }, TypeError, "remoteMac"],
    [{ ...outer, port: 0 }, RangeError, "port"],
    [{ ...outer, ttl: 0 }, RangeError, "ttl"],
    [{ ...outer, ttl: 256 }, RangeError, "ttl"],
    [{ ...outer, dscp: 64 }, RangeError, "dscp"],
    [{ ...outer, udpChecksum: 1 }, TypeError, "udpChecksum"],
    [{ ...outer, outerVid: 0 }, RangeError, "outerVid"],
    [{ ...outer, outerVid: 4095 }, RangeError, "outerVid"],
    [{ ...outer, innerTag: "drop" }, RangeError, "innerTag"],
    [{ ...outer, seed: -1 }, RangeError, "seed"],
    [{ ...outer, seed: 2 ** 32 }, RangeError, "seed"],
    [{ ...outer, header: "bare" }, TypeError, "local"],
    [{ stage: "encapsulate", kind: "vxlan", vni: 1, header: "bare", ttl: 5 }, TypeError, "ttl"],
    [{ ...outer, remotes: [] }, TypeError, "encapsulate"],
    [{ stage: "vlan-push" }, TypeError, "vid"],
    [{ stage: "vlan-push", vid: 4095 }, RangeError, "vid"],
    [{ stage: "vlan-push", vid: 1, pcp: 8 }, RangeError, "pcp"],
    [{ stage: "vlan-push", vid: 1, dei: 1 }, TypeError, "dei"],
    [{ stage: "vlan-push", vid: 1, tpid: 0x0800 }, RangeError, "tpid"],
    [{ stage: "vlan-push", vid: 1, tpid: "0x8100" }, TypeError, "tpid"],
    [{ stage: "vlan-push", vid: 1, f: () => 1 }, TypeError, "vlan-push"],
    [{ stage: "vlan-pop", tpid: 1 }, RangeError, "tpid"],
    [{ stage: "vlan-pop", dei: true }, TypeError, "vlan-pop"],
    [{ stage: "vlan-pop", vid: 4095 }, RangeError, "vid"],
    [{ stage: "vlan-rewrite", vid: -1 }, RangeError, "vid"],
    [{ stage: "vlan-rewrite", match: 5 }, RangeError, "match"],
    [{ stage: "filter-vni" }, TypeError, "vni"],
    [{ stage: "filter-vni", vni: 2 ** 24 }, RangeError, "vni"],
    [{ stage: "sample" }, TypeError, "oneIn"],
    [{ stage: "sample", oneIn: 0 }, RangeError, "oneIn"],
    [{ stage: "sample", oneIn: 2 ** 32 }, RangeError, "oneIn"],
    [{ stage: "sample", oneIn: 2, by: "vni" }, RangeError, "by"],
    [{ stage: "sample", oneIn: 2, seed: 1 }, TypeError, "seed"],
    [{ stage: "sample", oneIn: 2, by: "flow", seed: -1 }, RangeError, "seed"],
    [{ stage: "sample", oneIn: 2, flows: true }, TypeError, "sample"],
    [{ stage: "count" }, TypeError, "by"],
    [{ stage: "count", by: "key" }, RangeError, "by"],
    [{ stage: "count", by: [] }, RangeError, "by"],
    [{ stage: "count", by: ["vni", "flow"] }, RangeError, "by[1]"],
    [{ stage: "count", by: ["vni", "vid", "vni"] }, TypeError, "by"],
    [{ stage: "count", by: "vni", top: 0 }, RangeError, "top"],
    [{ stage: "count", by: "vni", capacity: 65537 }, RangeError, "capacity"],
    [{ stage: "count", by: "vni", limit: 1 }, TypeError, "count"],
  ] as Wrong[])("refuses the stage %o", (stage, type, name) => {
    throws(() => new Pipeline(kernels, [{ stage: "vlan-pop" }, stage]), type, `stages[1].${name}`);
  });

  it("refuses stages that are no list, have holes or are too many, and kernels that are none", () => {
    throws(() => new Pipeline(kernels, undefined as Wrong), TypeError, "stages");
    throws(() => new Pipeline(kernels, { length: 1 } as Wrong), TypeError, "stages");
    throws(() => new Pipeline(kernels, new Array(1)), TypeError, "stages[0].stage");
    throws(() => new Pipeline(kernels, Array(65).fill({ stage: "vlan-pop" })), RangeError, "stages");
    throws(() => new Pipeline({} as Wrong, []), TypeError, "kernels");
  });

  it("refuses batches that are none, or of other kernels", async () => {
    using pipeline = new Pipeline(kernels, []);
    for (const wrong of [undefined, [], {}]) throws(() => pipeline.run(wrong as Wrong), TypeError, "batch");
    const others = await loadKernels({ memoryBytes: 4 << 20 });
    using batch = new FrameBatch(others, { frames: 1 });
    throws(() => pipeline.run(batch), RangeError, "batch");
  });

  it("cannot be used after close, which happens once", () => {
    const pipeline = new Pipeline(kernels, []);
    pipeline.close();
    const next = new Pipeline(kernels, []);
    pipeline.close();
    expect(kernels.plan.freeBytes).toBeLessThan(free);
    using batch = new FrameBatch(kernels, { frames: 1 });
    throws(() => pipeline.run(batch), TypeError, "pipeline");
    throws(() => pipeline.counters(), TypeError, "pipeline");
    throws(() => pipeline.resetCounters(), TypeError, "pipeline");
    next.close();
  });
});

describe("Fdb", () => {
  it.each([
    [{ capacity: 0 }, RangeError, "capacity"],
    [{ capacity: 16777217 }, RangeError, "capacity"],
    [{ capacity: "1" }, TypeError, "capacity"],
    [{ seed: 5 }, TypeError, "seed"],
    [{ size: 5 }, TypeError, "options"],
    [{ capacity: 16777216 }, RangeError, "memoryBytes"],
  ] as Wrong[])("refuses %o", (options, type, name) => {
    throws(() => new Fdb(kernels, options), type, name);
  });

  it("refuses keys and destinations that cannot be", () => {
    throws(() => new Fdb(null as Wrong), TypeError, "kernels");
    using fdb = new Fdb(kernels, { capacity: 8, seed: 1n });
    for (const [domain, type] of [
      [-1, RangeError],
      [65536, RangeError],
      ["1", TypeError],
    ] as Wrong[])
      for (const act of [
        () => fdb.insert(domain, MAC, 1),
        () => fdb.lookup(domain, MAC),
        () => fdb.remove(domain, MAC),
      ])
        throws(act, type, "bridgeDomain");
    throws(() => fdb.insert(1, "02:00", 1), RangeError, "mac");
    throws(() => fdb.insert(1, new Uint8Array(5), 1), RangeError, "mac");
    throws(() => fdb.insert(1, 5 as Wrong, 1), TypeError, "mac");
    throws(() => fdb.insert(1, "00:00:00:00:00:00", 1), RangeError, "mac");
    throws(() => fdb.insert(1, MAC, NO_DESTINATION), RangeError, "destination");
    throws(() => fdb.insert(1, MAC, -1), RangeError, "destination");
    throws(() => fdb.insert(1, MAC, "1" as Wrong), TypeError, "destination");
    throws(() => fdb.insertMany(new Uint8Array(15), new Uint32Array(2)), RangeError, "keys");
    throws(() => fdb.insertMany([] as Wrong, new Uint32Array(2)), TypeError, "keys");
    throws(() => fdb.lookupMany(new Uint8Array(8), [1] as Wrong), TypeError, "destinations");
    throws(() => fdb.removeMany("" as Wrong), TypeError, "keys");
    expect(fdb.size).toBe(0);
    const keys = new Uint8Array(8);
    throws(() => writeFdbKey(keys, 1, 1, MAC), RangeError, "index");
    throws(() => writeFdbKey(keys, 0, 1, "x"), RangeError, "mac");
    throws(() => writeFdbKey([] as Wrong, 0, 1, MAC), TypeError, "keys");
  });

  it("cannot be used after close, which happens once", () => {
    const fdb = new Fdb(kernels, { capacity: 8 });
    fdb.close();
    const next = new Fdb(kernels, { capacity: 8 });
    fdb.close();
    expect(kernels.plan.freeBytes).toBeLessThan(free);
    for (const act of [
      () => fdb.insert(1, MAC, 1),
      () => fdb.lookup(1, MAC),
      () => fdb.remove(1, MAC),
      () => fdb.removeMany(new Uint8Array(8)),
      () => fdb.clear(),
      () => fdb.size,
    ])
      throws(act, TypeError, "fdb");
    next.close();
  });
});
