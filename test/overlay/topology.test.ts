import {
  type ArpOutcome,
  buildTopology,
  type Hop,
  type Lab,
  type PingOutcome,
  type SentOutcome,
  type Step,
  type Topology,
  TopologyError,
} from "frameferry/overlay";
import { afterEach, describe, expect, it } from "vitest";
import { expectConservation } from "./conservation.ts";

const TWO_VPCS: Topology = {
  seed: 3,
  underlay: { mtu: 1600 },
  hosts: [{ name: "host-1", address: "10.1.5.7" }, { name: "host-2" }, { name: "host-3" }],
  vpcs: [
    {
      name: "orange",
      cidr: "172.20.0.0/16",
      vni: 1234,
      machines: [
        { name: "orange-1", host: "host-1" },
        { name: "orange-2", host: "host-2" },
        { name: "orange-3", host: "host-1" },
      ],
    },
    {
      name: "twin",
      cidr: "172.20.0.0/16",
      machines: [
        { name: "twin-1", host: "host-1" },
        { name: "twin-2", host: "host-2" },
      ],
    },
  ],
};

const PODS: Topology = {
  hosts: [{ name: "host-1" }, { name: "host-2" }],
  vpcs: [{ name: "orange", cidr: "172.20.0.0/16", vni: 1234 }],
  clusters: [
    {
      name: "shop",
      mode: "overlay",
      nodes: [
        { name: "node-1", vpc: "orange", host: "host-1" },
        { name: "node-2", vpc: "orange", host: "host-2" },
      ],
      pods: [
        { name: "web", node: "node-1" },
        { name: "db", node: "node-2" },
      ],
    },
  ],
};

let labs: Lab[] = [];

afterEach(() => {
  for (const lab of labs) lab.close();
  labs = [];
});

async function open(topology: Topology, onHop?: (hop: Hop) => void): Promise<Lab> {
  const lab = await buildTopology(topology, {
    onNetwork: (network) => {
      network.onHop = onHop;
    },
  });
  labs.push(lab);
  return lab;
}

describe("what can be done in a laboratory", () => {
  it("is to say hello, and to see whether it was the right one who answered", async () => {
    const lab = await open(TWO_VPCS);
    const ping = (from: string, to: string): PingOutcome => lab.do({ ping: [from, to] }) as PingOutcome;
    expect(ping("orange-1", "orange-2")).toMatchObject({
      sent: 1,
      replies: 1,
      errors: [],
      reached: true,
      arrived: { "orange-1": 1, "orange-2": 1 },
      overheard: {},
    });
    // orange-2 has the same address, and it is the one that answers.
    const twin = ping("orange-1", "twin-2");
    expect(lab.machine("twin-2").ip).toBe(lab.machine("orange-2").ip);
    expect(twin).toMatchObject({ replies: 1, reached: false });
    expect(twin.arrived).not.toHaveProperty("twin-2");
    const itself = ping("orange-1", "twin-1");
    expect(itself).toMatchObject({ reached: false });
    expect(lab.reach.toJSON()).toEqual({
      "orange-1": { "orange-2": true, "twin-2": false, "twin-1": false },
    });
    expectConservation(lab.network);
  });

  it("is to let everybody say hello to everybody", async () => {
    const lab = await open(TWO_VPCS);
    lab.do({ reach: "all" });
    const names = lab.machines().map(({ name }) => name);
    expect(names).toHaveLength(5);
    for (const from of names)
      for (const to of names)
        if (from !== to)
          expect([from, to, lab.reach.get(from, to)]).toEqual([
            from,
            to,
            from.slice(0, 4) === to.slice(0, 4),
          ]);
  });

  it("is to ask for a MAC, and to send to everybody", async () => {
    const lab = await open(TWO_VPCS);
    const arp = lab.do({ arp: ["orange-1", "orange-2"] }) as ArpOutcome;
    expect(arp.mac).toBe(lab.machine("orange-2").mac);
    expect(arp.arrived).toEqual({ "orange-1": 1, "orange-2": 1, "orange-3": 1 });
    const broadcast = lab.do({ broadcast: "twin-2" }) as SentOutcome;
    expect(broadcast).toMatchObject({ sent: 1, arrived: { "twin-1": 1 }, overheard: {} });
  });

  it("is to send flows, each packet of which arrives once", async () => {
    const lab = await open(TWO_VPCS);
    const flow = { from: "orange-1", to: "orange-2", packets: 200, bytes: 900, flows: 7 };
    expect(lab.do({ flow })).toMatchObject({ sent: 200, arrived: { "orange-2": 200 } });
    expect(lab.machine("orange-2").datagrams.at(-1)?.payload).toHaveLength(900);
    expectConservation(lab.network);
  });

  it("is to send frames of a capture as they are, but for those that no machine sends", async () => {
    const lab = await open(TWO_VPCS);
    const frame = new Uint8Array(60);
    frame.set([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 9, 0x88, 0xb6]);
    const captures = new Map([["x.pcap", [frame, new Uint8Array(13), new Uint8Array(1600), frame]]]);
    const step: Step = { capture: "x.pcap", from: "orange-1" };
    expect(lab.do(step, { captures })).toMatchObject({
      sent: 2,
      arrived: { "orange-2": 2, "orange-3": 2 },
    });
    expect(() => lab.do(step)).toThrow('captures: nothing is known of "x.pcap"');
  });

  it("is to move machines, and let things fail", async () => {
    const lab = await open(TWO_VPCS);
    const ping: Step = { ping: ["orange-1", "orange-2"] };
    lab.do({ move: "orange-2", to: "host-3" });
    expect(lab.do(ping)).toMatchObject({ reached: true });
    expect(lab.network.links().map(({ name }) => name)).toContain("orange-2--host-3.orange-2");
    expect(lab.do({ fail: "host-3" })).toMatchObject({ changed: true });
    expect(lab.do({ fail: "host-3" })).toMatchObject({ changed: false });
    expect(lab.do(ping)).toMatchObject({ reached: false });
    expect(lab.do({ repair: "host-3" })).toMatchObject({ changed: true });
    expect(lab.do({ repair: "host-3" })).toMatchObject({ changed: false });
    expect(lab.do(ping)).toMatchObject({ reached: true });
    const before = lab.network.nowMs;
    lab.do({ wait: 1500.5 });
    expect(lab.network.nowMs).toBeCloseTo(before + 1500.5, 6);
    expectConservation(lab.network);
  });

  it("is to ping in all the ways that a machine can", async () => {
    const lab = await open(PODS);
    const ping = (options: object): PingOutcome => lab.do({ ping: ["web", "db"], ...options }) as PingOutcome;
    expect(lab.machine("web").mtu).toBe(1400);
    expect(ping({ size: 1372 })).toMatchObject({ replies: 1, reached: true });
    expect(ping({ size: 1373 })).toMatchObject({ replies: 0, errors: [{ kind: "packet-too-big" }] });
    expect(ping({ size: 3000, df: false })).toMatchObject({ replies: 1, reached: true });
    expect(ping({ ttl: 1 })).toMatchObject({ replies: 0, errors: [{ kind: "ttl-exceeded" }] });
    expect(ping({ count: 3 })).toMatchObject({ sent: 3, replies: 3 });
  });
});

describe("a topology", () => {
  it("of all sections gives all of them", async () => {
    const lab = await open({
      ...PODS,
      machines: [{ name: "plain", address: "10.1.0.99" }],
      office: { departments: { Sales: 10 } },
      tors: {},
      clouds: [
        {
          name: "inner",
          vpc: "orange",
          hosts: [
            { name: "inner-1", host: "host-1" },
            { name: "inner-2", host: "host-2" },
          ],
          vpcs: [
            {
              name: "doll",
              cidr: "172.30.0.0/24",
              machines: [
                { name: "doll-1", host: "inner-1" },
                { name: "doll-2", host: "inner-2" },
              ],
            },
          ],
        },
      ],
    });
    expect(lab.machine("plain").ip).toBe("10.1.0.99");
    for (const pair of [
      ["web", "db"],
      ["doll-1", "doll-2"],
      ["sales-1", "sales-4"],
      ["left-1", "right-2"],
    ] as const)
      expect(lab.do({ ping: pair })).toMatchObject({ reached: true });
    expect(lab.do({ ping: ["plain", "web"] })).toMatchObject({ reached: false });
    expectConservation(lab.network);
  });

  it("with a data centre has its hosts where nothing else stands", async () => {
    const lab = await open({
      dataCentre: { zones: [{ racks: [{ hosts: 2 }, { hosts: 3 }] }] },
      machines: [{ name: "host-a-2-3" }],
      vpcs: [
        {
          name: "orange",
          cidr: "172.20.0.0/16",
          machines: [
            { name: "o1", host: "host-a-1-1" },
            { name: "o2", host: "host-a-2-1" },
          ],
        },
      ],
      clusters: [
        {
          name: "c",
          mode: "overlay",
          nodes: [{ name: "host-a-1-2" }, { name: "host-a-2-2" }],
          pods: [
            { name: "p1", node: "host-a-1-2" },
            { name: "p2", node: "host-a-2-2" },
          ],
        },
      ],
    });
    expect(lab.do({ ping: ["host-a-2-3", "outside"] })).toMatchObject({ reached: true });
    expect(lab.do({ ping: ["o1", "o2"] })).toMatchObject({ reached: true });
    expect(lab.do({ ping: ["p1", "p2"] })).toMatchObject({ reached: true });
    lab.do({ fail: "agg-a-1" });
    expect(lab.do({ ping: ["o1", "o2"] })).toMatchObject({ reached: true });
    expect(lab.dataCentre?.failed()).toEqual(["agg-a-1"]);
    expectConservation(lab.network);
  });

  it("is built once: it is known before how much memory its switches take", async () => {
    const names = Array.from({ length: 800 }, (_, i) => ({ name: `host-${i + 1}` }));
    const topology: Topology = {
      hosts: names,
      vpcs: [1, 2].map((n) => ({
        name: `vpc-${n}`,
        cidr: "172.20.0.0/16",
        machines: Array.from({ length: 100 }, (_, i) => ({ name: `m-${n}-${i}` })),
      })),
    };
    let built = 0;
    const lab = await buildTopology(topology, { onNetwork: () => void built++ });
    const { plan, memory } = lab.network.kernels;
    // More than there is room for where nothing is known.
    expect(memory.buffer.byteLength - plan.freeBytes).toBeGreaterThan(2 ** 28);
    expect(built).toBe(1);
    lab.close();
  });

  it("gives the same bytes each time, and others with another seed", async () => {
    const traffic: Step[] = [{ reach: "all" }, { move: "orange-3", to: "host-2" }, { broadcast: "orange-3" }];
    const bytes = async (topology: Topology): Promise<string> => {
      let hash = 0x811c9dc5;
      const lab = await open(topology, ({ frame, link, timeMs }) => {
        for (const byte of frame) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
        for (const letter of `${link.name} ${timeMs}`)
          hash = Math.imul(hash ^ letter.charCodeAt(0), 0x01000193) >>> 0;
      });
      for (const step of traffic) lab.do(step);
      return `${hash}`;
    };
    const first = await bytes(TWO_VPCS);
    expect(await bytes(TWO_VPCS)).toBe(first);
    // The seed draws the VNI that nobody has chosen.
    expect(await bytes({ ...TWO_VPCS, seed: 4 })).not.toBe(first);
  });

  const vpc = { name: "orange", cidr: "172.20.0.0/16" };
  const hosts = [{ name: "host-1" }];
  const wrong: [Topology, string][] = [
    [{}, "there is nothing in it"],
    [{ vpcs: [vpc] }, "hosts: the VPCs have none to stand on"],
    [{ underlay: { cidr: "10.0.0.0/33" } }, "underlay.cidr: "],
    [
      { underlay: {}, dataCentre: { zones: [{ racks: [{ hosts: 1 }] }] } },
      "underlay: there is a dataCentre; hosts stand in one or the other",
    ],
    [
      { dataCentre: { zones: [{ racks: [{ hosts: 254 }] }] } },
      "dataCentre.zones[0].racks[0].hosts: expected",
    ],
    [{ dataCentre: { zones: [] } }, "dataCentre.zones: expected at least one"],
    [
      { dataCentre: { zones: [{ racks: [{ hosts: 1 }] }] }, machines: [{ name: "host-9" }] },
      'machines[0].name: there is no host "host-9"',
    ],
    [
      {
        dataCentre: { zones: [{ racks: [{ hosts: 1 }] }] },
        machines: [{ name: "host-a-1-1", address: "10.1.1.9" }],
      },
      "machines[0].address: the place of host-a-1-1 has 10.1.1.2",
    ],
    [{ machines: [{ name: "a" }, { name: "a" }] }, 'machines[1].name: there is a node "a" already'],
    [{ machines: [{ name: "a", address: "10.2.0.1" }] }, "machines[0].address: "],
    [{ hosts, vpcs: [{ ...vpc, vni: 1 << 24 }] }, "vpcs[0].vni: "],
    [{ hosts, vpcs: [{ ...vpc, cidr: "172.20.0.1/16" }] }, "vpcs[0].cidr: "],
    [{ hosts, vpcs: [vpc, { ...vpc }] }, 'vpcs[1].name: there is a VPC "orange" already'],
    [
      {
        hosts,
        vpcs: [
          { ...vpc, vni: 5 },
          { ...vpc, name: "blue", vni: 5 },
        ],
      },
      "vpcs[1].vni: ",
    ],
    [{ hosts, vpcs: [{ ...vpc, machines: [{ name: "m", host: "host-2" }] }] }, "vpcs[0].machines[0].host: "],
    [{ hosts, vpcs: [{ ...vpc, machines: [{ name: "m", ip: "172.21.0.1" }] }] }, "vpcs[0].machines[0].ip: "],
    [
      { hosts, vpcs: [{ ...vpc, machines: [{ name: "host-1" }] }] },
      "vpcs[0].machines[0].name: there is a node host-1 already",
    ],
    [
      { hosts, clouds: [{ name: "c", vpc: "blue", hosts: [{ name: "x" }], vpcs: [] }] },
      'clouds[0].vpc: there is no VPC "blue" before it',
    ],
    [
      { clusters: [{ name: "c", mode: "overlay", nodes: [{ name: "n", vpc: "blue" }] }] },
      'clusters[0].nodes[0].vpc: there is no VPC "blue" before it',
    ],
    [
      {
        clusters: [{ name: "c", mode: "overlay", nodes: [{ name: "n" }], pods: [{ name: "p", node: "m" }] }],
      },
      "clusters[0].pods[0].node: ",
    ],
    [
      {
        hosts,
        vpcs: [vpc],
        clusters: [{ name: "c", mode: "underlay", vlan: 9, nodes: [{ name: "n", vpc: "orange" }] }],
      },
      "clusters[0].nodes[0]: vlans: VPC orange carries no VLANs",
    ],
    [
      {
        dataCentre: { zones: [{ racks: [{ hosts: ["x"] }, { hosts: ["y"] }] }] },
        clusters: [{ name: "c", mode: "host-gw", nodes: [{ name: "x" }, { name: "y" }] }],
      },
      "clusters[0].nodes[1]: mode: host-gw cannot join",
    ],
    [{ office: { departments: { Sales: 1, Research: 1 } } }, "office.departments: two of them"],
    [{ tors: { machines: 101 } }, "tors.machines: "],
    [
      { tors: {}, traffic: [{ ping: ["left-1", "x"] }] },
      'traffic[0].ping[1]: there is no machine or pod "x"',
    ],
    [{ tors: {}, traffic: [{ broadcast: "between" }] }, 'traffic[0].broadcast: "between" is a switch'],
    [
      { tors: {}, traffic: [{ flow: { from: "left-1", to: "x", packets: 1 } }] },
      'traffic[0].flow.to: there is no machine or pod "x"',
    ],
    [
      { tors: {}, traffic: [{ reach: "all" }, { reach: ["left-1", "x"] }] },
      "traffic[1].reach[1]: there is no",
    ],
    [{ tors: {}, traffic: [{ fail: "x" }] }, 'traffic[0].fail: there is no link or node "x"'],
    [{ tors: {}, traffic: [{ move: "left-1", to: "x" }] }, 'traffic[0].move: "left-1" stands in no VPC'],
    [
      { hosts, vpcs: [{ ...vpc, machines: [{ name: "m" }] }], traffic: [{ move: "m", to: "x" }] },
      'traffic[0].to: "x" is no host of its cloud',
    ],
  ];
  it.each(wrong.map(([topology, message]) => ({ message, topology })))(
    "that cannot be is refused: $message",
    async ({ topology, message }) => {
      const error = await buildTopology(topology).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      expect(error).toBeInstanceOf(TopologyError);
      expect((error as Error).message.slice(0, message.length)).toBe(message);
    },
  );
});
