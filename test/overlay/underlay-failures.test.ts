// The data centre under the overlays, when switches and links fail and are repaired.

import fc from "fast-check";
import type { DataCentre } from "frameferry/overlay";
import { describe, expect, it } from "vitest";
import { expectConservation } from "./conservation.ts";
import { build, drops, nodesOf, recordHops, THREE_ZONES } from "./underlay-support.ts";

describe("what fails", () => {
  it("is gone round: an aggregation switch, a link, a whole core", async () => {
    const { network, dc, machines } = await build(THREE_ZONES);
    for (const names of [
      ["agg-a-1"],
      ["tor-a-1--agg-a-2"],
      ["core-2"],
      ["core-1", "agg-b-2", "agg-c-1--core-2"],
    ]) {
      for (const name of names) expect(dc.fail(name)).toBe(true);
      expect(dc.failed()).toEqual(names);
      const hops = recordHops(network);
      const pings = machines.flatMap((from) => {
        return machines.filter((to) => to !== from).map((to) => from.ping(to.ip as string));
      });
      network.run();
      expect(pings.filter(({ replies }) => replies !== 1)).toEqual([]);
      for (const name of names) {
        expect(nodesOf(hops)).not.toContain(name);
        expect(hops.map(({ link }) => link.name)).not.toContain(name);
      }
      for (const name of names) expect(dc.repair(name)).toBe(true);
      expect(dc.failed()).toEqual([]);
    }
    expect(drops(network)).toEqual({});
    expectConservation(network);
  });

  it("is used again when it has been repaired", async () => {
    const { network, dc, machine } = await build(THREE_ZONES);
    const prefix = "10.1.3.0/24";
    expect(dc.nextHops("tor-a-1", prefix)).toEqual(["agg-a-1", "agg-a-2"]);
    dc.fail("agg-a-1");
    expect(dc.nextHops("tor-a-1", prefix)).toEqual(["agg-a-2"]);
    expect(dc.nextHops("core-1", "10.1.1.0/24")).toEqual(["agg-a-2"]);
    // What has failed for two reasons works when both are gone.
    dc.fail("tor-a-1--agg-a-1");
    dc.repair("agg-a-1");
    expect(dc.nextHops("tor-a-1", prefix)).toEqual(["agg-a-2"]);
    expect(dc.nextHops("tor-a-2", prefix)).toEqual(["agg-a-1", "agg-a-2"]);
    dc.repair("tor-a-1--agg-a-1");
    expect(dc.nextHops("tor-a-1", prefix)).toEqual(["agg-a-1", "agg-a-2"]);
    expect(dc.repair("tor-a-1--agg-a-1")).toBe(false);
    const ping = machine("host-a-1-1").ping("10.1.3.2");
    network.run();
    expect(ping.replies).toBe(1);
  });

  it("leaves packets without a way dropped where they are, with the reason", async () => {
    const { network, dc, machine } = await build(THREE_ZONES);
    const from = machine("host-a-1-1");
    from.ping("10.1.3.2");
    network.run();
    dc.fail("agg-b-1");
    dc.fail("agg-b-2");
    const cutOff = from.ping("10.1.3.2");
    network.run();
    expect(cutOff.replies).toBe(0);
    expect(drops(network)).toEqual({ "no-route": 1 });
    // Within the zone that is cut off they still talk.
    const within = machine("host-b-1-1").ping("10.1.3.3");
    network.run();
    expect(within.replies).toBe(1);
    dc.repair("agg-b-1");
    const again = from.ping("10.1.3.2");
    network.run();
    expect(again.replies).toBe(1);
    dc.fail("tor-a-1");
    from.ping("10.1.3.2");
    network.run();
    const access = network.links().find(({ ends }) => ends.some(({ node }) => node === from));
    expect(access?.counters().ab.drops).toEqual({ "link-down": 1 });
    expectConservation(network);
  });

  it("goes round through another rack if there is no other way", async () => {
    const { network, dc, machine } = await build({ zones: [{ racks: [{ hosts: 1 }, { hosts: 1 }] }] });
    // agg-a-1 has the first rack's only link up, and only agg-a-2 has links to the core.
    for (const name of ["tor-a-1--agg-a-2", "agg-a-1--core-1", "agg-a-1--core-2"]) dc.fail(name);
    expect(dc.nextHops("agg-a-1", "203.0.113.0/24")).toEqual(["tor-a-2"]);
    const ping = machine("host-a-1-1").ping(dc.outside.ip as string);
    network.run();
    expect(ping.replies).toBe(1);
  });

  it("never leads from one border router to another through the internet", async () => {
    const { dc } = await build({ zones: [{ racks: [{ hosts: 1 }] }], core: 1, border: 2 });
    dc.fail("core-1--border-2");
    expect(dc.nextHops("border-2", "10.1.1.0/24")).toEqual([]);
    expect(dc.nextHops("core-1", "203.0.113.0/24")).toEqual(["border-1"]);
  });

  it("has names: of links, of switches, of machines", async () => {
    const { network, dc, machine } = await build(THREE_ZONES);
    expect(() => dc.fail("nobody")).toThrow(
      expect.objectContaining({
        name: "RangeError",
        message: 'name: the network has no link or node "nobody"',
      }),
    );
    expect(() => dc.repair("nobody")).toThrow(RangeError);
    expect(dc.fail("host-b-1-1")).toBe(true);
    expect(dc.fail("host-b-1-1")).toBe(false);
    const ping = machine("host-b-1-2").ping("10.1.3.2");
    network.advance(60_000);
    expect(ping.replies).toBe(0);
    dc.repair("host-b-1-1");
    const again = machine("host-b-1-2").ping("10.1.3.2");
    network.run();
    expect(again.replies).toBe(1);
  });

  it("breaks nothing, whatever fails: delivered where there is a way, and once", async () => {
    const { network, dc, machines } = await build({ ...THREE_ZONES, border: 2 });
    const names = [...dc.plan.links.map(({ name }) => name), ...dc.plan.switches.map(({ name }) => name)];
    // Everybody knows everybody, so that ARP is no part of this.
    for (const from of machines) for (const to of machines) if (from !== to) from.ping(to.ip as string);
    network.run();
    const failures = fc.uniqueArray(fc.constantFrom(...names), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(failures, (failed) => {
        for (const name of failed) dc.fail(name);
        const way = reachable(dc, new Set(failed));
        for (const from of machines) {
          for (const to of machines) {
            if (from === to) continue;
            const arrived: Uint8Array[] = [];
            to.onFrame = (frame) => arrived.push(frame);
            from.sendUdp(to.ip as string, 9, Uint8Array.of(7), 50_000);
            network.run();
            to.onFrame = undefined;
            expect([failed, from.name, to.name, arrived.length]).toEqual([
              failed,
              from.name,
              to.name,
              way(from.name, to.name) ? 1 : 0,
            ]);
          }
        }
        for (const name of failed) dc.repair(name);
        expectConservation(network);
      }),
      { seed: 20260501, numRuns: 25 },
    );
  });
});

/** Whether a working way exists, by flooding the plan. */
function reachable(dc: DataCentre, failed: ReadonlySet<string>): (from: string, to: string) => boolean {
  const links = dc.plan.links
    .filter(({ name, ends }) => ![name, ...ends].some((one) => failed.has(one)))
    .map(({ ends }) => ends)
    .filter((ends) => !ends.includes("internet"));
  const torOf = (host: string): string => {
    const found = dc.hosts().find(({ name }) => name === host);
    return found?.rack.tor ?? "";
  };
  return (from, to) => {
    const [start, end] = [torOf(from), torOf(to)];
    if (failed.has(start) || failed.has(end)) return false;
    const seen = new Set([start]);
    for (const node of seen) {
      for (const [a, b] of links) {
        if (a === node) seen.add(b);
        if (b === node) seen.add(a);
      }
    }
    return seen.has(end);
  };
}
