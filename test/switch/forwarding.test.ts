// What becomes of a frame on access and trunk ports, one rule after the other.
import { type Kernels, loadKernels } from "frameferry";
import { beforeAll, describe, expect, it } from "vitest";
import { BROADCAST, frame } from "../support/switch-frames.ts";
import { mac, Scene } from "../support/switch-scene.ts";
import { subjects } from "../support/switch-subject.ts";
import type { DomainSettings, PortSettings } from "../support/switch-types.ts";

let kernels: Kernels;
beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 16 << 20 });
});

describe.each(subjects)("access ports of one domain (%s)", (which) => {
  function three(domain: DomainSettings = {}, second: PortSettings = {}) {
    const scene = new Scene(which, kernels);
    const bridgeDomain = scene.sw.addBridgeDomain(domain);
    const a = scene.sw.addPort({ bridgeDomain });
    const b = scene.sw.addPort({ bridgeDomain, ...second });
    const c = scene.sw.addPort({ bridgeDomain });
    return { scene, domain: bridgeDomain, a, b, c };
  }

  it("flood what is not known, in the order in which ports joined, and then go straight", () => {
    using scene = three().scene;
    const ask = frame(BROADCAST, mac(1));
    const answer = frame(mac(1), mac(2));
    expect(scene.send(1, ask)).toEqual([
      { port: 2, bytes: ask },
      { port: 3, bytes: ask },
    ]);
    expect(scene.send(2, answer)).toEqual([{ port: 1, bytes: answer }]);
    expect(scene.ports(3, frame(mac(2), mac(3)))).toEqual([2]);
    expect(scene.ports(3, frame(mac(9), mac(3)))).toEqual([1, 2]);
    expect(scene.ports(3, frame("01:00:5e:00:00:fb", mac(3)))).toEqual([1, 2]);
  });

  it("keep the order of a burst over several ports, and learn within it", () => {
    using scene = three().scene;
    const first = frame(BROADCAST, mac(1));
    const second = frame(mac(1), mac(2));
    const third = frame(mac(2), mac(1), { payload: 1000 });
    expect(
      scene.burst([
        { port: 1, bytes: first },
        { port: 2, bytes: second },
        { port: 1, bytes: third },
      ]),
    ).toEqual([
      { port: 2, bytes: first },
      { port: 3, bytes: first },
      { port: 1, bytes: second },
      { port: 2, bytes: third },
    ]);
  });

  it("name ports and domains by their numbers, take the lowest free one, and find them again", () => {
    using scene = three().scene;
    const { sw } = scene;
    expect(
      sw
        .ports()
        .filter(({ number }) => number > 0)
        .map(({ name }) => name),
    ).toEqual(["port-1", "port-2", "port-3"]);
    expect(sw.bridgeDomains().map(({ name }) => name)).toEqual(["domain-1"]);
    sw.removePort(sw.port("port-2")!);
    expect(sw.port("port-2")).toBeUndefined();
    const again = sw.addPort({ bridgeDomain: sw.bridgeDomain("domain-1")!, name: "again" });
    expect(again.number).toBe(2);
    expect(sw.port("again")!.number).toBe(2);
    // It joined last.
    expect(scene.ports(1, frame(BROADCAST, mac(1)))).toEqual([3, 2]);
  });

  it("drop what is too short", () => {
    using scene = three().scene;
    const whole = frame(BROADCAST, mac(1), { tags: [{ vid: 0 }] });
    for (const length of [0, 1, 13, 14, 17, 18]) {
      const expected = length < 14 || (length > 13 && length < 18) ? { "frame-too-short": 1 } : {};
      scene.newDrops();
      scene.send(1, whole.slice(0, length));
      expect(scene.newDrops(), `${length} bytes`).toEqual(expected);
    }
    expect(scene.ports(1, frame(BROADCAST, mac(1)).slice(0, 14))).toEqual([2, 3]);
    expect(scene.tallyOf(1).received).toBe(7);
  });

  it("drop sources that are nobody's", () => {
    const { scene, domain } = three();
    using _ = scene;
    expect(scene.dropped(1, frame(mac(2), "03:00:00:00:00:01"))).toEqual({ "source-multicast": 1 });
    expect(scene.dropped(1, frame(mac(2), BROADCAST))).toEqual({ "source-multicast": 1 });
    expect(scene.dropped(1, frame(mac(2), "00:00:00:00:00:00"))).toEqual({ "source-zero": 1 });
    expect(scene.tallyOf(1)).toMatchObject({ received: 3, dropped: 3, receivedBytes: 180 });
    expect(scene.tallyOfDomain(domain.id).received).toBe(0);
    expect(scene.sw.fdb.size).toBe(0);
  });

  it("take untagged and priority-tagged frames only", () => {
    using scene = three().scene;
    const bare = frame(BROADCAST, mac(1));
    expect(scene.send(1, frame(BROADCAST, mac(1), { tags: [{ vid: 0, pcp: 5 }] }))[0]!.bytes).toEqual(bare);
    for (const [vid, tpid] of [
      [1, 0x8100],
      [4095, 0x88a8],
      [10, 0x9100],
    ] as const)
      expect(scene.dropped(1, frame(BROADCAST, mac(1), { tags: [{ vid, tpid }] }))).toEqual({
        "vlan-not-allowed": 1,
      });
    // Only the outermost tag counts; the one inside stays.
    const double = frame(BROADCAST, mac(1), { tags: [{ vid: 0 }, { vid: 7, pcp: 3 }] });
    const single = frame(BROADCAST, mac(1), { tags: [{ vid: 7, pcp: 3 }] });
    expect(scene.send(1, double)[1]!.bytes).toEqual(single);
  });

  it("do not forward reserved groups, nor learn from such frames", () => {
    const { scene, domain } = three();
    using _ = scene;
    for (const last of ["00", "0e", "0f"])
      expect(scene.dropped(1, frame(`01:80:c2:00:00:${last}`, mac(1)))).toEqual({ "reserved-group": 1 });
    expect(scene.sw.fdb.size).toBe(0);
    expect(scene.tallyOfDomain(domain.id)).toEqual({ received: 3, copies: 0, dropped: 3, sent: 0 });
    expect(scene.ports(1, frame("01:80:c2:00:00:10", mac(1)))).toEqual([2, 3]);
    expect(scene.ports(1, frame("01:80:c2:00:01:00", mac(1)))).toEqual([2, 3]);
  });

  it("drop what goes back where it came from", () => {
    using scene = three().scene;
    scene.send(1, frame(BROADCAST, mac(1)));
    expect(scene.dropped(1, frame(mac(1), mac(2)))).toEqual({ "same-port": 1 });
  });

  it("keep static entries, and drop their addresses on other ports", () => {
    const { scene, domain, b } = three();
    using _ = scene;
    scene.sw.fdb.set({ bridgeDomain: domain, mac: mac(2), port: b });
    expect(scene.ports(1, frame(mac(2), mac(1)))).toEqual([2]);
    expect(scene.dropped(3, frame(mac(1), mac(2)))).toEqual({ "source-static": 1 });
    expect(scene.ports(2, frame(mac(1), mac(2)))).toEqual([1]);
    expect(scene.sw.fdb.get(domain, mac(2))!.kind).toBe("static");
  });

  it("drop to and from a blackhole", () => {
    const { scene, domain } = three();
    using _ = scene;
    scene.sw.fdb.set({ bridgeDomain: domain, mac: mac(6), blackhole: true });
    expect(scene.dropped(1, frame(mac(6), mac(1)))).toEqual({ blackhole: 1 });
    expect(scene.dropped(1, frame(BROADCAST, mac(6)))).toEqual({ blackhole: 1 });
    expect(scene.sw.fdb.remove(domain, mac(6))).toBe(true);
    expect(scene.ports(1, frame(mac(6), mac(1)))).toEqual([2, 3]);
  });

  it("do not look at sources where nobody learns", () => {
    for (const [domainSettings, portSettings] of [
      [{ learning: false }, {}],
      [{}, { learning: false }],
    ] as const) {
      const { scene, domain } = three(domainSettings, portSettings);
      using _ = scene;
      scene.sw.fdb.set({ bridgeDomain: domain, mac: mac(6), blackhole: true });
      expect(scene.ports(2, frame(BROADCAST, mac(6)))).toEqual([1, 3]);
      expect(scene.ports(2, frame(BROADCAST, mac(2)))).toEqual([1, 3]);
      expect(scene.sw.fdb.size).toBe(1);
    }
  });

  it("drop unknown unicast where it is not flooded, but flood groups", () => {
    using scene = three({ unknownUnicast: "drop" }).scene;
    expect(scene.dropped(1, frame(mac(9), mac(1)))).toEqual({ "unknown-unicast": 1 });
    expect(scene.ports(1, frame(BROADCAST, mac(1)))).toEqual([2, 3]);
  });

  it("do not flood to ports that want none", () => {
    using scene = three({}, { flood: false }).scene;
    expect(scene.ports(1, frame(BROADCAST, mac(1)))).toEqual([3]);
    expect(scene.ports(2, frame(mac(1), mac(2)))).toEqual([1]);
    expect(scene.ports(1, frame(mac(2), mac(1)))).toEqual([2]);
  });

  it("drop a flood that nobody gets", () => {
    const { scene, b, c } = three({}, { flood: false });
    using _ = scene;
    scene.sw.removePort(c);
    expect(scene.dropped(1, frame(BROADCAST, mac(1)))).toEqual({ "no-egress": 1 });
    scene.sw.removePort(b);
    expect(scene.dropped(1, frame(BROADCAST, mac(1)))).toEqual({ "no-egress": 1 });
  });

  it("drop what is longer than the port takes, behind header and tag", () => {
    const { scene, domain } = three({}, { mtu: 100 });
    using _ = scene;
    const long = frame(BROADCAST, mac(1), { payload: 101 });
    expect(scene.ports(1, long)).toEqual([3]);
    expect(scene.newDrops()).toEqual({ "exceeds-mtu": 1 });
    expect(scene.tallyOf(1)).toMatchObject({ received: 1, copies: 1, dropped: 1, sent: 0 });
    expect(scene.tallyOf(2)).toMatchObject({ dropped: 0, sent: 0 });
    expect(scene.tallyOfDomain(domain.id)).toEqual({ received: 1, copies: 1, dropped: 1, sent: 1 });
    expect(scene.ports(1, frame(BROADCAST, mac(1), { payload: 100 }))).toEqual([2, 3]);
    expect(scene.ports(1, frame(BROADCAST, mac(1), { payload: 100, tags: [{ vid: 0 }] }))).toEqual([2, 3]);
  });

  it("count copies, and what leaves each port", () => {
    const { scene, domain } = three();
    using _ = scene;
    scene.send(1, frame(BROADCAST, mac(1)), frame(BROADCAST, mac(1), { payload: 100 }));
    expect(scene.tallyOf(1)).toEqual({
      received: 2,
      receivedBytes: 174,
      copies: 2,
      dropped: 0,
      sent: 0,
      sentBytes: 0,
    });
    expect(scene.tallyOf(3)).toEqual({
      received: 0,
      receivedBytes: 0,
      copies: 0,
      dropped: 0,
      sent: 2,
      sentBytes: 174,
    });
    expect(scene.tallyOfDomain(domain.id)).toEqual({ received: 2, copies: 2, dropped: 0, sent: 4 });
    expect(scene.sw.counters()).toMatchObject({ received: 2, copies: 2, dropped: 0, sent: 4 });
  });

  it("make more copies in one burst than there are slots for them", () => {
    using scene = new Scene(which, kernels, { copies: 4 }, { frames: 64 });
    const bridgeDomain = scene.sw.addBridgeDomain({});
    for (let i = 0; i < 10; i++) scene.sw.addPort({ bridgeDomain });
    const frames = Array.from({ length: 64 }, (_, i) => frame(BROADCAST, mac(1), { payload: 46 + i }));
    const expected = frames.flatMap((bytes) => [2, 3, 4, 5, 6, 7, 8, 9, 10].map((port) => ({ port, bytes })));
    expect(scene.send(1, ...frames)).toEqual(expected);
  });
});

describe("frames too long for their batch", () => {
  it("are dropped at their port", () => {
    using scene = new Scene("core", kernels, {}, { frameBytes: 100 });
    const bridgeDomain = scene.sw.addBridgeDomain({});
    scene.sw.addPort({ bridgeDomain });
    scene.sw.addPort({ bridgeDomain });
    expect(scene.dropped(1, frame(BROADCAST, mac(1), { payload: 87 }))).toEqual({ "frame-too-long": 1 });
    expect(scene.tallyOf(1)).toMatchObject({ received: 1, dropped: 1 });
    expect(scene.ports(1, frame(BROADCAST, mac(1), { payload: 86 }))).toEqual([2]);
  });
});

describe.each(subjects)("split-horizon groups (%s)", (which) => {
  it("keep the ports of one group apart, and nobody else", () => {
    using scene = new Scene(which, kernels);
    const { sw } = scene;
    const bridgeDomain = sw.addBridgeDomain({});
    for (const group of [7, 7, 8, 0, 0]) sw.addPort({ bridgeDomain, group });
    expect(scene.ports(1, frame(BROADCAST, mac(1)))).toEqual([3, 4, 5]);
    expect(scene.ports(3, frame(BROADCAST, mac(3)))).toEqual([1, 2, 4, 5]);
    expect(scene.ports(4, frame(BROADCAST, mac(4)))).toEqual([1, 2, 3, 5]);
    expect(scene.dropped(2, frame(mac(1), mac(2)))).toEqual({ "split-horizon": 1 });
    expect(scene.ports(5, frame(mac(4), mac(5)))).toEqual([4]);
  });
});

describe.each(subjects)("trunk ports (%s)", (which) => {
  function trunks() {
    const scene = new Scene(which, kernels);
    const { sw } = scene;
    const [sales, research] = [
      sw.addBridgeDomain({ name: "sales" }),
      sw.addBridgeDomain({ name: "research" }),
    ];
    const up = sw.addPort({ name: "up", vlans: { 10: sales, 20: research }, native: 10 });
    const other = sw.addPort({ name: "other", vlans: { 30: sales, 20: research } });
    const s = sw.addPort({ name: "s", bridgeDomain: sales });
    const r = sw.addPort({ name: "r", bridgeDomain: research });
    return { scene, sales, research, up, other, s, r };
  }
  const bare = frame(BROADCAST, mac(1));
  const tagged = (vid: number, tag: { tpid?: number; pcp?: number; dei?: boolean } = {}) =>
    frame(BROADCAST, mac(1), { tags: [{ vid, ...tag }] });

  it("put tags on, take them off and rewrite their VID", () => {
    const { scene, up, other, s, r } = trunks();
    using _ = scene;
    expect(scene.send(s, bare)).toEqual([
      { port: up.number, bytes: bare },
      { port: other.number, bytes: tagged(30) },
    ]);
    expect(scene.send(r, bare)).toEqual([
      { port: up.number, bytes: tagged(20) },
      { port: other.number, bytes: tagged(20) },
    ]);
    // TPID, PCP and DEI stay where a tag stays.
    const fine = { tpid: 0x88a8, pcp: 5, dei: true };
    expect(scene.send(up, tagged(10, fine))).toEqual([
      { port: other.number, bytes: tagged(30, fine) },
      { port: s.number, bytes: bare },
    ]);
    expect(scene.send(r, tagged(0, fine))).toEqual([
      { port: up.number, bytes: tagged(20, fine) },
      { port: other.number, bytes: tagged(20, fine) },
    ]);
  });

  it("know the native VLAN by no tag, a priority tag and its VID", () => {
    const { scene, sales, up } = trunks();
    using _ = scene;
    for (const [i, one] of [bare, tagged(0), tagged(10)].entries()) {
      expect(scene.ports(up, one)).toEqual([2, 3]);
      expect(scene.tallyOfDomain(sales.id).received).toBe(i + 1);
    }
    expect(scene.sw.fdb.size).toBe(1);
    expect(scene.sw.fdb.takeEvents().length).toBe(1);
  });

  it("drop VLANs that are not theirs", () => {
    const { scene, up, other } = trunks();
    using _ = scene;
    for (const vid of [1, 30, 4095])
      expect(scene.dropped(up, tagged(vid))).toEqual({ "vlan-not-allowed": 1 });
    for (const one of [bare, tagged(0), tagged(10)])
      expect(scene.dropped(other, one)).toEqual({ "vlan-not-allowed": 1 });
  });

  it("have one attachment for each VLAN", () => {
    const { scene, sales, research, up } = trunks();
    using _ = scene;
    scene.send(up, tagged(10), tagged(20));
    expect(scene.sw.fdb.size).toBe(2);
    expect(scene.ports(scene.sw.port("s")!, frame(mac(1), mac(3)))).toEqual([up.number]);
    expect(scene.send(scene.sw.port("r")!, frame(mac(1), mac(4)))[0]!.bytes).toEqual(
      frame(mac(1), mac(4), { tags: [{ vid: 20 }] }),
    );
    expect(scene.sw.fdb.flush({ port: up, bridgeDomain: sales })).toBe(1);
    expect(scene.sw.fdb.get(research, mac(1))).toBeDefined();
    expect(scene.dropped(up, frame(mac(1), mac(5), { tags: [{ vid: 20 }] }))).toEqual({ "same-port": 1 });
  });

  it("send static entries with the VID of the domain on that port", () => {
    const { scene, research, other, r } = trunks();
    using _ = scene;
    scene.sw.fdb.set({ bridgeDomain: research, mac: mac(8), port: other });
    expect(scene.send(r, frame(mac(8), mac(1)))).toEqual([
      { port: other.number, bytes: frame(mac(8), mac(1), { tags: [{ vid: 20 }] }) },
    ]);
  });

  it("drop what has no room for a tag", () => {
    using scene = new Scene(which, kernels, {}, { headroom: 3 });
    const { sw } = scene;
    const bridgeDomain = sw.addBridgeDomain({});
    const port = sw.addPort({ bridgeDomain });
    const trunk = sw.addPort({ vlans: { 10: bridgeDomain } });
    sw.fdb.set({ bridgeDomain, mac: mac(2), port: trunk });
    expect(scene.dropped(port, frame(mac(2), mac(1)))).toEqual({ "no-headroom": 1 });
    // A tag that is there already is rewritten where it stands.
    expect(scene.ports(port, frame(mac(2), mac(1), { tags: [{ vid: 0 }] }))).toEqual([trunk.number]);
  });
});
