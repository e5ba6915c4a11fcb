// The switch's FDB: learning, moving, ageing, limits, eviction, static entries, flushing and events.
import { type Kernels, loadKernels } from "frameferry";
import { beforeAll, describe, expect, it } from "vitest";
import { BROADCAST, frame } from "../support/switch-frames.ts";
import { mac, Scene } from "../support/switch-scene.ts";
import { entryText, eventText, subjects } from "../support/switch-subject.ts";
import type { DomainSettings, PortSettings, SwitchSettings } from "../support/switch-types.ts";

let kernels: Kernels;
beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 16 << 20 });
});

describe.each(subjects)("the switch's FDB (%s)", (which) => {
  function ports(
    fdb: SwitchSettings["fdb"] = {},
    domain: DomainSettings = {},
    each: Omit<PortSettings, "bridgeDomain"> = {},
    count = 3,
  ) {
    const scene = new Scene(which, kernels, { fdb: { ...fdb } });
    const bridgeDomain = scene.sw.addBridgeDomain(domain);
    for (let i = 0; i < count; i++) scene.sw.addPort({ bridgeDomain, ...each });
    const { fdb: table } = scene.sw;
    return {
      scene,
      domain: bridgeDomain,
      fdb: table,
      /** Host `host` is heard on port `port`. */
      hear: (port: number, ...hosts: number[]) => {
        scene.send(port, ...hosts.map((host) => frame(BROADCAST, mac(host))));
      },
      entries: () => [...table.entries()].map(entryText).sort(),
      events: () => table.takeEvents().map(eventText),
    };
  }

  it("learns, refreshes and moves, and says so", () => {
    const { scene, domain, fdb, hear, entries, events } = ports();
    using _ = scene;
    scene.nowMs = 5999.5;
    hear(1, 7);
    expect(entries()).toEqual([`1 ${mac(7)} learned port 1 at 5`]);
    scene.nowMs = 6000;
    hear(1, 7);
    expect(entries()).toEqual([`1 ${mac(7)} learned port 1 at 6`]);
    scene.nowMs = 8000;
    hear(2, 7);
    expect(entryText(fdb.get(domain, mac(7))!)).toBe(`1 ${mac(7)} learned port 2 at 8`);
    expect(events()).toEqual([`1 ${mac(7)} learned port 1 at 5`, `1 ${mac(7)} moved port 2 at 8 from 1`]);
    expect(events()).toEqual([]);
    expect(fdb.size).toBe(1);
    expect(fdb.get(domain, mac(8))).toBeUndefined();
  });

  it("keeps domains apart", () => {
    const { scene, hear, entries } = ports();
    using _ = scene;
    const other = scene.sw.addBridgeDomain({});
    scene.sw.addPort({ bridgeDomain: other });
    hear(1, 7);
    hear(4, 7);
    expect(entries()).toEqual([`1 ${mac(7)} learned port 1 at 1`, `2 ${mac(7)} learned port 4 at 1`]);
  });

  it("ages in sweeps: at the age, not a second before, and not by itself", () => {
    for (const startSeconds of [0, 2 ** 24 - 100, 1_790_000_000]) {
      const { scene, domain, fdb, hear, events } = ports({ ageSeconds: 300 });
      using _ = scene;
      scene.nowMs = startSeconds * 1000;
      hear(1, 1);
      scene.nowMs += 500;
      hear(1, 2);
      fdb.set({ bridgeDomain: domain, mac: mac(3), port: scene.sw.port("port-1")! });
      fdb.set({ bridgeDomain: domain, mac: mac(4), blackhole: true });
      scene.nowMs += 100_000;
      hear(1, 2);
      events();
      const end = startSeconds * 1000 + 300_000;
      expect(fdb.sweep(end - 1)).toBe(0);
      expect(fdb.get(domain, mac(1))).toBeDefined();
      expect(fdb.sweep(end)).toBe(1);
      expect(events()).toEqual([`1 ${mac(1)} aged port 1 at ${(startSeconds + 300) % 2 ** 24}`]);
      expect(fdb.get(domain, mac(1))).toBeUndefined();
      expect(fdb.sweep(end + 1_000_000)).toBe(1);
      expect(fdb.size).toBe(2);
    }
  });

  it("never ages with an age of 0", () => {
    const { scene, fdb, hear } = ports({ ageSeconds: 0 });
    using _ = scene;
    hear(1, 1);
    expect(fdb.sweep(4_000_000_000)).toBe(0);
    expect(fdb.size).toBe(1);
  });

  it("ages in slices of buckets, all of it in the end", () => {
    const { scene, fdb, hear } = ports({ capacity: 256 });
    using _ = scene;
    hear(1, ...Array.from({ length: 200 }, (_, i) => i));
    let gone = 0;
    let slices = 0;
    for (; gone < 200 && slices < 1000; slices++) gone += fdb.sweep(400_000, { buckets: 4 });
    expect(gone).toBe(200);
    // The model knows no buckets.
    if (which === "core") expect(slices).toBeGreaterThan(8);
    expect(fdb.size).toBe(0);
  });

  it("refuses at a port's limit, moves included", () => {
    const { scene, fdb, hear, entries } = ports({}, {}, { fdbLimit: 2 });
    using _ = scene;
    hear(1, 1, 2, 3);
    hear(2, 4);
    expect(fdb.size).toBe(3);
    hear(1, 4);
    expect(scene.sw.counters().learnRefused).toBe(2);
    expect(entries()).toContain(`1 ${mac(4)} learned port 2 at 1`);
    // Refused frames go on.
    expect(scene.ports(1, frame(BROADCAST, mac(9)))).toEqual([2, 3]);
    hear(2, 1);
    hear(1, 3);
    expect(entries()).toEqual(
      [1, 4, 2, 3].sort().map((host) => `1 ${mac(host)} learned port ${host % 3 === 1 ? 2 : 1} at 1`),
    );
  });

  it("refuses at a domain's limit, and there only", () => {
    const { scene, fdb, hear } = ports({}, { fdbLimit: 2 });
    using _ = scene;
    scene.sw.addPort({ bridgeDomain: scene.sw.addBridgeDomain({}) });
    hear(1, 1, 2);
    hear(2, 3, 1);
    hear(4, 3);
    expect(fdb.size).toBe(3);
    expect(scene.sw.counters().learnRefused).toBe(1);
  });

  it("when full forwards without learning", () => {
    const { scene, fdb, hear, events } = ports({ capacity: 4, whenFull: "forward" });
    using _ = scene;
    hear(1, 1, 2, 3, 4, 5, 6);
    expect(fdb.size).toBe(4);
    expect(scene.sw.counters()).toMatchObject({ learnRefused: 2, dropped: 0, sent: 12 });
    expect(events().every((event) => event.includes("learned"))).toBe(true);
  });

  it("when full evicts the oldest of the port with most", () => {
    const { scene, domain, fdb, hear, events } = ports({ capacity: 5 });
    using _ = scene;
    hear(1, 1);
    hear(2, 2, 3, 4);
    fdb.set({ bridgeDomain: domain, mac: mac(9), blackhole: true });
    events();
    hear(3, 5);
    expect(events()).toEqual([`1 ${mac(2)} evicted port 2 at 1`, `1 ${mac(5)} learned port 3 at 1`]);
    // Two each on ports 2 and 3: the lower number gives. Then port 3 has most.
    hear(3, 6);
    hear(1, 7);
    expect(events()).toEqual([
      `1 ${mac(3)} evicted port 2 at 1`,
      `1 ${mac(6)} learned port 3 at 1`,
      `1 ${mac(5)} evicted port 3 at 1`,
      `1 ${mac(7)} learned port 1 at 1`,
    ]);
    expect(scene.sw.counters().learnRefused).toBe(0);
  });

  it("when full evicts from the lowest of the ports with most", () => {
    const { scene, hear, events } = ports({ capacity: 5 });
    using _ = scene;
    hear(3, 1, 2);
    hear(2, 3, 4);
    hear(1, 5);
    events();
    hear(1, 6);
    expect(events()[0]).toBe(`1 ${mac(3)} evicted port 2 at 1`);
  });

  it("gives entries that were refreshed a second chance", () => {
    const { scene, hear, events } = ports({ capacity: 4 });
    using _ = scene;
    hear(1, 1, 2, 3, 4);
    scene.nowMs = 2000;
    hear(1, 1, 2);
    events();
    hear(2, 5);
    expect(events()[0]).toBe(`1 ${mac(3)} evicted port 1 at 2`);
    // 1 and 2 stand behind 4 now.
    hear(2, 6);
    expect(events()[0]).toBe(`1 ${mac(4)} evicted port 1 at 2`);
  });

  it("takes the 65th as it is when all were refreshed", () => {
    const { scene, hear, events } = ports({ capacity: 70 });
    using _ = scene;
    const hosts = Array.from({ length: 70 }, (_, i) => i + 1);
    hear(1, ...hosts);
    scene.nowMs = 2000;
    hear(1, ...hosts);
    events();
    hear(2, 200);
    expect(events()[0]).toBe(`1 ${mac(65)} evicted port 1 at 2`);
    hear(2, 201);
    expect(events()[0]).toBe(`1 ${mac(1)} evicted port 1 at 2`);
  });

  it("refuses if only static entries could go", () => {
    const { scene, domain, fdb, hear } = ports({ capacity: 2 });
    using _ = scene;
    const port = scene.sw.port("port-1")!;
    for (const host of [1, 2]) fdb.set({ bridgeDomain: domain, mac: mac(host), port });
    hear(2, 3);
    expect(fdb.size).toBe(2);
    expect(scene.sw.counters().learnRefused).toBe(1);
  });

  it("puts static entries in the place of learned ones", () => {
    const { scene, domain, fdb, hear, entries } = ports({ capacity: 2 });
    using _ = scene;
    hear(1, 1, 2);
    fdb.set({ bridgeDomain: domain, mac: mac(1), port: scene.sw.port("port-3")! });
    expect(entries()).toEqual([`1 ${mac(1)} static port 3`, `1 ${mac(2)} learned port 1 at 1`]);
    fdb.set({ bridgeDomain: domain, mac: mac(2), blackhole: true });
    expect(entries()).toEqual([`1 ${mac(1)} static port 3`, `1 ${mac(2)} blackhole`]);
    expect(fdb.remove(domain, mac(2))).toBe(true);
    expect(fdb.remove(domain, mac(2))).toBe(false);
    expect(fdb.size).toBe(1);
    hear(2, 2);
    expect(fdb.size).toBe(2);
  });

  it("flushes by domain, by port and all, learned entries unless told otherwise", () => {
    const { scene, domain, fdb, hear } = ports();
    using _ = scene;
    const other = scene.sw.addBridgeDomain({});
    scene.sw.addPort({ bridgeDomain: other });
    const [one, two] = [scene.sw.port("port-1")!, scene.sw.port("port-2")!];
    const fill = () => {
      hear(1, 1, 2);
      hear(2, 3);
      hear(4, 1, 2, 3);
      fdb.set({ bridgeDomain: domain, mac: mac(8), port: one });
      fdb.set({ bridgeDomain: domain, mac: mac(9), blackhole: true });
      fdb.takeEvents();
    };
    fill();
    expect(fdb.flush({ port: one })).toBe(2);
    expect(fdb.flush({ bridgeDomain: other, port: two })).toBe(0);
    expect(fdb.flush({ bridgeDomain: other })).toBe(3);
    expect(fdb.size).toBe(3);
    expect(fdb.flush({})).toBe(1);
    expect(fdb.size).toBe(2);
    fill();
    expect(fdb.flush({ port: one, kinds: "all" })).toBe(3);
    expect(fdb.flush({ bridgeDomain: domain, kinds: "all" })).toBe(2);
    expect(fdb.flush({ kinds: "all" })).toBe(3);
    expect(fdb.size).toBe(0);
    expect(fdb.takeEvents()).toEqual([]);
  });

  it("forgets a port that is removed, so that its number starts anew", () => {
    const { scene, domain, fdb, hear } = ports();
    using _ = scene;
    hear(2, 1);
    fdb.set({ bridgeDomain: domain, mac: mac(5), port: scene.sw.port("port-2")! });
    scene.sw.removePort(scene.sw.port("port-2")!);
    expect(fdb.size).toBe(0);
    const again = scene.sw.addPort({ bridgeDomain: domain });
    expect(again.number).toBe(2);
    expect(scene.tallyOf(again)).toMatchObject({ received: 0, sent: 0 });
    expect(scene.ports(1, frame(mac(1), mac(3)))).toEqual([3, 2]);
    // The whole still adds up.
    expect(scene.sw.counters()).toMatchObject({ received: 2, copies: 2, sent: 4 });
  });

  it("forgets a domain that is removed, so that its number starts anew", () => {
    const { scene, fdb } = ports();
    using _ = scene;
    const { sw } = scene;
    const old = sw.addBridgeDomain({ arpSuppression: true });
    fdb.set({ bridgeDomain: old, mac: mac(5), blackhole: true });
    sw.removeBridgeDomain(old);
    expect(fdb.size).toBe(0);
    const young = sw.addBridgeDomain({});
    expect(young.id).toBe(old.id);
    expect(fdb.get(young, mac(5))).toBeUndefined();
  });

  it("keeps as many events as it was told to, and counts the others", () => {
    const { scene, fdb, hear } = ports({ events: 3 });
    using _ = scene;
    hear(1, 1, 2, 3, 4, 5);
    expect(fdb.lostEvents).toBe(2);
    expect(fdb.takeEvents().length).toBe(3);
    hear(1, 6);
    expect(fdb.takeEvents().map(eventText)).toEqual([`1 ${mac(6)} learned port 1 at 1`]);
  });
});
