// The office: departments mixed over two switches, kept apart by their VLANs, together on the trunk only by tags.
import { type Link, type Machine, Network, office } from "frameferry/overlay";
import { readCapture } from "frameferry/pcap";
import { dissect, vlansOf } from "frameferry/wire";
import { describe, expect, test } from "vitest";
import { expectAgreed, expectConserved } from "../support/overlay-networks.ts";

const SMALL = { memoryBytes: 16 << 20 };
const VLANS = new Map([
  ["Sales", 10],
  ["Accounting", 20],
  ["Research", 30],
]);

/** The VIDs of all frames that a link kept. */
async function vidsOn(link: Link): Promise<number[][]> {
  const vids: number[][] = [];
  for await (const { data } of readCapture(link.toPcapng())) vids.push(vlansOf(dissect(data).layers));
  return vids;
}

describe("figures 2 to 4: an office of three departments", () => {
  test("a broadcast reaches its own department, at both switches, and nobody else", async () => {
    using network = await Network.create(SMALL);
    const { departments } = office(network);
    const everybody = [...departments.values()].flat();
    expect(everybody.length).toBe(12);
    for (const colleagues of departments.values()) {
      for (const sender of colleagues) {
        for (const machine of everybody) machine.clearReceived();
        sender.broadcast(Uint8Array.of(1, 2, 3));
        network.run();
        for (const machine of everybody) {
          const heard = colleagues.includes(machine) && machine !== sender ? 1 : 0;
          expect(machine.received.length, `${sender.name} to ${machine.name}`).toBe(heard);
          expect(machine.received.every(({ frame }) => frame.length === 17)).toBe(true);
        }
      }
    }
    expectConserved(network);
    expectAgreed(network);
  });

  test("tags are on the trunk, those of the department, and nowhere else", async () => {
    using network = await Network.create(SMALL);
    const { departments, trunks } = office(network, { capture: true });
    for (const colleagues of departments.values()) for (const machine of colleagues) machine.announce();
    network.run();
    const onTrunk = await vidsOn(trunks[0] as Link);
    expect(onTrunk.sort()).toEqual([10, 20, 30].flatMap((vid) => [[vid], [vid], [vid], [vid]]));
    for (const link of network.links()) {
      if (link === trunks[0]) continue;
      const vids = await vidsOn(link);
      expect(vids.length).toBe(4);
      for (const found of vids) expect(found, link.name).toEqual([]);
    }
    for (const [name, colleagues] of departments) {
      for await (const { data } of readCapture((trunks[0] as Link).toPcapng())) {
        const { layers } = dissect(data);
        const ethernet = layers[0];
        if (ethernet?.name !== "ethernet") throw new Error("no Ethernet");
        const source = [...ethernet.header.source]
          .map((byte) => byte.toString(16).padStart(2, "0"))
          .join(":");
        if (colleagues.some(({ mac }) => mac === source)) expect(vlansOf(layers)).toEqual([VLANS.get(name)]);
      }
    }
  });

  test("after learning a frame goes to one port", async () => {
    using network = await Network.create(SMALL);
    const { departments, trunks } = office(network);
    const [here, beside, there] = departments.get("Sales") as [Machine, Machine, Machine];
    for (const machine of [here, beside, there]) machine.announce();
    network.run();
    here.ping(there.ip as string);
    network.run();
    const before = new Map(network.links().map((link) => [link, link.counters()]));
    const across = here.ping(there.ip as string);
    network.run();
    expect(across.replies).toBe(1);
    const used = network
      .links()
      .filter(
        (link) =>
          link.counters().ab.sent + link.counters().ba.sent >
          before.get(link)!.ab.sent + before.get(link)!.ba.sent,
      )
      .map(({ name }) => name);
    expect(used.sort()).toEqual([here.name, there.name, trunks[0]!.name].sort());
    // Within one switch the trunk has nothing to carry.
    here.ping(beside.ip as string);
    network.run();
    const tagged = trunks[0]!.counters();
    const near = here.ping(beside.ip as string);
    network.run();
    expect(near.replies).toBe(1);
    expect(trunks[0]!.counters()).toEqual(tagged);
  });

  test("everybody reaches colleagues, and nobody else even with an address of theirs", async () => {
    using network = await Network.create(SMALL);
    const { switches, departments } = office(network);
    const everybody = [...departments.values()].flat();
    const pings = everybody.flatMap((from) =>
      everybody.filter((to) => to !== from).map((to) => ({ from, to, ping: from.ping(to.ip as string) })),
    );
    network.advance(5_000);
    for (const { from, to, ping } of pings) {
      const colleagues = [...departments.values()].some((all) => all.includes(from) && all.includes(to));
      expect(ping.replies, `${from.name} to ${to.name}`).toBe(colleagues ? 1 : 0);
    }
    // A spy of Research with an address of Sales', at a port of Research.
    const node = switches[0]!;
    const bridgeDomain = node.core.bridgeDomain("Research")!;
    network.disconnect(network.link("research-1")!);
    const spy = network.addMachine("spy", { mac: "02:00:00:00:00:66", ip: "192.168.1.66/24" });
    network.connect(spy.nic, node.at("research-1"));
    expect(node.core.port("research-1")).toBeDefined();
    expect(bridgeDomain.name).toBe("Research");
    const spying = spy.ping(departments.get("Sales")![0]!.ip as string);
    network.advance(5_000);
    expect(spying).toMatchObject({ replies: 0, errors: [{ kind: "no-neighbour" }] });
  });

  test("any departments, any number of switches, any seats", async () => {
    using network = await Network.create(SMALL);
    const { departments, trunks, switches } = office(network, {
      departments: { A: 1, B: 4094 },
      switches: 4,
      placement: [
        { department: "A", switch: 0 },
        { department: "A", switch: 3 },
        { department: "B", switch: 3 },
      ],
    });
    expect([switches.length, trunks.length]).toEqual([4, 3]);
    const [first, last] = departments.get("A") as [Machine, Machine];
    const ping = first.ping(last.ip as string);
    network.run();
    expect(ping.replies).toBe(1);
    expect(departments.get("B")![0]!.counters().received).toBe(0);
    expect(() => office(network, { departments: { A: 4095 } })).toThrow(/^departments.A: /);
    expect(() => office(network, { departments: { A: 1, B: 1 } })).toThrow(/^departments: two/);
    expect(() => office(network, { placement: [{ department: "X", switch: 0 }] })).toThrow(/^placement\[0\]/);
    expect(() => office(network, { switches: 0 })).toThrow(/^switches: /);
  });
});
