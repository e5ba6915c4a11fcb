// The data centre under the overlays: its plan, its ways, its places for hosts.

import { DataCentre, type DataCentreOptions, type Machine, type PingHandle } from "frameferry/overlay";
import { describe, expect, it } from "vitest";
import { expectConservation } from "./conservation.ts";
import { between, build, drops, nodesOf, recordHops, THREE_ZONES, testNetwork } from "./underlay-support.ts";

describe("the plan of a data centre", () => {
  it("gives every switch, link and host a name and an address", async () => {
    const { dc } = await build(THREE_ZONES);
    expect(dc.plan.switches.map(({ name }) => name)).toEqual([
      "core-1",
      "core-2",
      "border-1",
      "internet",
      ...["agg-a-1", "agg-a-2", "tor-a-1", "tor-a-2"],
      ...["agg-b-1", "agg-b-2", "tor-b-1"],
      ...["agg-c-1", "agg-c-2", "tor-c-1", "tor-c-2"],
    ]);
    expect(dc.plan.racks.map(({ tor, prefix, gateway }) => [tor, prefix, gateway])).toEqual([
      ["tor-a-1", "10.1.1.0/24", "10.1.1.1"],
      ["tor-a-2", "10.1.2.0/24", "10.1.2.1"],
      ["tor-b-1", "10.1.3.0/24", "10.1.3.1"],
      ["tor-c-1", "10.1.4.0/24", "10.1.4.1"],
      ["tor-c-2", "10.1.5.0/24", "10.1.5.1"],
    ]);
    expect(dc.hosts().map(({ name, address }) => [name, address])).toEqual([
      ["host-a-1-1", "10.1.1.2"],
      ["host-a-1-2", "10.1.1.3"],
      ["host-a-2-1", "10.1.2.2"],
      ["host-a-2-2", "10.1.2.3"],
      ["host-b-1-1", "10.1.3.2"],
      ["host-b-1-2", "10.1.3.3"],
      ["host-c-1-1", "10.1.4.2"],
      ["host-c-2-1", "10.1.5.2"],
    ]);
    // Five TORs to two aggregation switches each, six of those to two core switches, these to the border.
    expect(dc.plan.links).toHaveLength(5 * 2 + 6 * 2 + 2 + 1);
    expect(dc.plan.links[0]).toEqual({
      name: "tor-a-1--agg-a-1",
      ends: ["tor-a-1", "agg-a-1"],
      addresses: ["10.252.0.0", "10.252.0.1"],
      mtu: 1600,
    });
    expect(dc.plan.links.at(-1)).toMatchObject({ name: "border-1--internet", mtu: 1500 });
    const addresses = dc.plan.links.flatMap((link) => link.addresses);
    expect(new Set(addresses).size).toBe(addresses.length);
  });

  it("has as many switches as it is told", async () => {
    const { dc } = await build({
      zones: [{ racks: [{ hosts: ["left", "right"] }], aggregation: 3 }],
      core: 4,
      border: 2,
      linkMtu: 1500,
    });
    const count = (role: string): number => dc.plan.switches.filter((one) => one.role === role).length;
    expect([count("tor"), count("aggregation"), count("core"), count("border")]).toEqual([1, 3, 4, 2]);
    expect(dc.plan.links).toHaveLength(3 + 3 * 4 + 4 * 2 + 2);
    expect(new Set(dc.plan.links.map(({ mtu }) => mtu))).toEqual(new Set([1500]));
  });

  it("refuses what cannot be, and adds nothing to the network then", async () => {
    const network = await testNetwork();
    const wrong = (options: unknown): void => {
      new DataCentre(network, options as DataCentreOptions);
    };
    const zone = (racks: unknown): unknown => ({ zones: [{ racks }] });
    expect(() => wrong({ zones: [] })).toThrow(
      expect.objectContaining({ name: "RangeError", message: "zones: expected at least one, got none" }),
    );
    expect(() => wrong({ zones: 3 })).toThrow(
      expect.objectContaining({ name: "TypeError", message: "zones: expected an array, got number 3" }),
    );
    expect(() => wrong({ zones: [{ racks: [{ hosts: 1 }] }], cores: 2 })).toThrow(/^options: unknown option/);
    expect(() => wrong(zone([{ hosts: 254 }]))).toThrow(/^zones\[0\]\.racks\[0\]\.hosts: expected a whole/);
    expect(() => wrong(zone([{ hosts: ["x", "x"] }]))).toThrow(
      'zones[0].racks[0].hosts[1]: "x" is there twice',
    );
    expect(() => wrong(zone([{ hosts: ["core-1"] }]))).toThrow(/"core-1" is there twice/);
    expect(() => wrong(zone([{ hosts: ["../x"] }]))).toThrow(/hosts\[0\]: expected letters/);
    expect(() => wrong({ ...THREE_ZONES, core: 65 })).toThrow(/^core: expected a whole number from 1 to 64/);
    expect(() => wrong({ ...THREE_ZONES, linkMtu: 575 })).toThrow(/^linkMtu: /);
    expect(network.nodes()).toEqual([]);
    new DataCentre(network, THREE_ZONES);
    expect(() => wrong(THREE_ZONES)).toThrow(/^network: there is a node "core-1" already/);
  });
});

describe("a data centre", () => {
  it("lets every host reach every other, and the outside, each packet arriving once", async () => {
    const { network, dc, machines } = await build(THREE_ZONES);
    const all = [...machines, dc.outside];
    const pings: PingHandle[] = [];
    for (const from of all)
      for (const to of all) if (from !== to) pings.push(from.ping(to.ip as string, { size: 1472 }));
    network.run();
    expect(pings.filter(({ replies }) => replies !== 1)).toEqual([]);
    expect(pings.flatMap(({ errors }) => errors)).toEqual([]);
    expect(drops(network)).toEqual({});
    expectConservation(network);
  });

  it("leads a packet up and down: TOR, aggregation, core, aggregation, TOR", async () => {
    const { network, machine } = await build(THREE_ZONES);
    const [from, to] = [machine("host-a-1-1"), machine("host-c-2-1")];
    const hops = recordHops(network);
    from.ping(to.ip as string);
    network.run();
    const nodes = nodesOf(between(hops, from.ip, to.ip)).map((name) => name.replace(/-[12]$/, ""));
    expect(nodes).toEqual(["tor-a", "agg-a", "core", "agg-c", "tor-c", "host-c-2"]);
    hops.length = 0;
    from.ping(machine("host-a-2-2").ip as string);
    network.run();
    expect(nodesOf(between(hops, from.ip, "10.1.2.3"))).toHaveLength(4);
    hops.length = 0;
    from.ping(machine("host-a-1-2").ip as string);
    network.run();
    expect(nodesOf(between(hops, from.ip, "10.1.1.3"))).toEqual(["tor-a-1", "host-a-1-2"]);
  });

  it("answers a packet whose time runs out from the hop where it did", async () => {
    const { network, dc, machine } = await build(THREE_ZONES);
    const [from, to] = [machine("host-b-1-2"), machine("host-a-2-1")];
    const hops = recordHops(network);
    from.ping(to.ip as string);
    network.run();
    // The address at which the packet came in is the one that answers.
    const expected = between(hops, from.ip, to.ip)
      .slice(0, -1)
      .map((hop) => {
        const planned = dc.plan.links.find(({ name }) => name === hop.link.name);
        return planned?.addresses[planned.ends.indexOf(hop.to.node.name)] ?? "10.1.3.1";
      });
    expect(expected).toHaveLength(5);
    const answers = expected.map((_, i) => {
      const ping = from.ping(to.ip as string, { ttl: i + 1 });
      network.run();
      return ping;
    });
    expect(answers.map(({ errors }) => errors.map(({ kind, from }) => [kind, from]))).toEqual(
      expected.map((address) => [["ttl-exceeded", address]]),
    );
    const enough = from.ping(to.ip as string, { ttl: 6 });
    network.run();
    expect(enough).toMatchObject({ replies: 1, errors: [] });
    expectConservation(network);
  });

  it("spreads flows over all equal ways, and keeps a flow on one", async () => {
    const { network, machine } = await build({ ...THREE_ZONES, core: 3 });
    const [from, to] = [machine("host-a-1-1"), machine("host-b-1-1")];
    from.ping(to.ip as string);
    network.run();
    const hops = recordHops(network);
    const ways = new Map<string, number>();
    for (let port = 50_000; port < 50_240; port++) {
      hops.length = 0;
      from.sendUdp(to.ip as string, 4789, Uint8Array.of(1), port);
      from.sendUdp(to.ip as string, 4789, Uint8Array.of(2), port);
      network.run();
      const through = nodesOf(between(hops, from.ip, to.ip)).filter((name) => /^(agg|core)/.test(name));
      const pairs = through.filter((_, i) => i % 2 === 0);
      expect(through).toEqual(pairs.flatMap((name) => [name, name]));
      const way = pairs.join(" ");
      ways.set(way, (ways.get(way) ?? 0) + 1);
    }
    // Two aggregation switches, three cores, two aggregation switches again: 20 flows each if it were even.
    expect(ways.size).toBe(12);
    expect(Math.min(...ways.values())).toBeGreaterThan(5);
    expect(Math.max(...ways.values())).toBeLessThan(45);
    expectConservation(network);
  });

  it("says how long packets may be where a link takes no more", async () => {
    const { network, dc, machines } = await build({ ...THREE_ZONES, linkMtu: 1600 });
    const big = machines[0] as Machine;
    expect(big.mtu).toBe(1500);
    network.remove(big);
    dc.detachHost(big.name);
    const wide = dc.addMachine(big.name, { mtu: 1600 });
    const within = wide.ping("10.1.5.2", { size: 1572, df: true });
    const beyond = wide.ping(dc.outside.ip as string, { size: 1572, df: true });
    network.run();
    // The other machine takes what its link takes, and answers as long as its own MTU.
    expect(within.errors).toEqual([]);
    expect(beyond.replies).toBe(0);
    expect(beyond.errors).toMatchObject([{ kind: "packet-too-big", mtu: 1500 }]);
    expect(wide.pathMtu(dc.outside.ip as string)).toBe(1500);
    expectConservation(network);
  });

  it("drops what nobody has an address for, with the reason", async () => {
    const { network, machine } = await build(THREE_ZONES);
    machine("host-a-1-1").ping("10.9.9.9");
    network.run();
    expect(drops(network)).toEqual({ "no-route": 1 });
    machine("host-a-1-1").ping("10.1.5.200");
    network.run();
    expect(drops(network)).toEqual({ "no-route": 1, "no-neighbour": 1 });
    expectConservation(network);
  });
});

describe("places for hosts", () => {
  it("say what a host needs to know, are taken once, and can be left", async () => {
    const network = await testNetwork();
    const dc = new DataCentre(network, THREE_ZONES);
    const place = dc.attachHost("host-b-1-2");
    const { attachment, ...rest } = place;
    expect(rest).toEqual({
      name: "host-b-1-2",
      address: "10.1.3.3",
      prefix: "10.1.3.0/24",
      mac: "02:00:0a:01:03:03",
      gateway: "10.1.3.1",
      gatewayMac: "02:00:0a:01:03:01",
      mtu: 1600,
    });
    expect(attachment.node.name).toBe("tor-b-1");
    const attached = (): string[] =>
      dc
        .hosts()
        .filter((host) => host.attached)
        .map(({ name }) => name);
    expect(attached()).toEqual(["host-b-1-2"]);
    expect(() => dc.attachHost("host-b-1-2")).toThrow('name: the place of "host-b-1-2" is taken');
    expect(() => dc.attachHost("host-x")).toThrow('name: there is no host "host-x"');
    expect(() => dc.attachHost("host-b-1-1", { mac: place.mac })).toThrow(/^mac: .* is taken in tor-b-1/);
    expect(() => dc.attachHost("host-b-1-1", { mac: place.gatewayMac })).toThrow(/^mac: /);
    expect(() => dc.attachHost("host-b-1-1", { mac: "01:00:00:00:00:00" })).toThrow(/^mac: /);
    expect(dc.attachHost("host-b-1-1", { mac: "02-00-00-00-00-AA" }).mac).toBe("02:00:00:00:00:aa");
    expect(dc.detachHost("host-b-1-2")).toBe(true);
    expect(dc.detachHost("host-b-1-2")).toBe(false);
    expect(dc.attachHost("host-b-1-2").address).toBe("10.1.3.3");
    dc.fail("tor-a-1");
    expect(() => dc.attachHost("host-a-1-1")).toThrow("name: tor-a-1 has failed; repair it first");
    expect(() => dc.addMachine("host-a-2-1", { mtu: 1601 })).toThrow(/^mtu: expected a whole number/);
  });

  it("are not overheard: a frame to a host of a rack goes to no other", async () => {
    const { network, machines } = await build({ zones: [{ racks: [{ hosts: 4 }, { hosts: 1 }] }] });
    for (const to of machines) machines[4]?.sendUdp(to.ip as string, 9, Uint8Array.of(1));
    network.run();
    expect(machines.map((machine) => machine.counters().foreign)).toEqual([0, 0, 0, 0, 0]);
  });
});
