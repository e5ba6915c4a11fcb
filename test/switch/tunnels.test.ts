// Tunnels of all kinds: what leaves by the uplink, byte for byte, what comes in by it, and who is let in.
import { type Kernels, loadKernels, type TunnelKind } from "frameferry";
import {
  dissect,
  flowHash,
  formatIp,
  formatMac,
  ipv4ChecksumIsGood,
  sourcePort,
  udpChecksumStatus,
  vnisOf,
} from "frameferry/wire";
import { beforeAll, describe, expect, it } from "vitest";
import { BROADCAST, frame, type PacketFields, tunnelLength, UNDERLAYS } from "../support/switch-frames.ts";
import { mac, Scene } from "../support/switch-scene.ts";
import { subjects } from "../support/switch-subject.ts";
import type { SwitchSettings, TunnelSettings } from "../support/switch-types.ts";
import { LAST_VNI, VNI, vtepScenes } from "../support/switch-vtep.ts";
import { defaultPort, KINDS, overUdp } from "../support/tunnel-kinds.ts";

let kernels: Kernels;
beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 32 << 20 });
});

const cases = subjects.flatMap((which) =>
  (["ipv4", "ipv6"] as const).flatMap((family) => KINDS.map((kind) => ({ which, family, kind }))),
);
/** What bits of the header a reason stands for, beside those that all GRE has. */
const OF_KIND: Readonly<Record<TunnelKind, readonly (readonly [string, number, number])[]>> = {
  vxlan: [["vxlan-no-vni", 0, 8]],
  geneve: [
    ["geneve-version", 0, 0x40],
    ["geneve-truncated", 0, 0x3f],
    ["geneve-options", 0, 1],
    ["geneve-oam", 1, 0x80],
    ["geneve-protocol", 3, 1],
  ],
  gre: [["other-key", 4, 1]],
  nvgre: [["nvgre-fields", 0, 0x10]],
  "vxlan-gpe": [
    ["vxlan-no-vni", 0, 8],
    ["gpe-version", 0, 0x10],
    ["gpe-oam", 0, 1],
    ["gpe-protocol", 3, 2],
  ],
};

describe.each(cases)("a VTEP over $family, tunnels of kind $kind ($which)", ({ which, family, kind }) => {
  const { local, remotes, stranger } = UNDERLAYS[family];
  const udp = overUdp(kind);
  /** Nobody knows that a stranger's GRE is NVGRE, and its VSIDs are no keys. */
  const fromStranger = kind === "nvgre" ? "other-key" : "unknown-remote";
  const headers = (family === "ipv4" ? 34 : 54) + tunnelLength({ kind, vni: 0 });

  const { vtep, packet } = vtepScenes(which, () => kernels, kind, family);
  /** The tunnel header of frames that have this hash. */
  const headerOf = (hash: number): number[] =>
    ({
      vxlan: [8, 0, 0, 0, 0x12, 0x34, 0x56, 0],
      geneve: [0, 0, 0x65, 0x58, 0x12, 0x34, 0x56, 0],
      gre: [0x20, 0, 0x65, 0x58, 0, 0x12, 0x34, 0x56],
      nvgre: [0x20, 0, 0x65, 0x58, 0x12, 0x34, 0x56, hash >>> 24],
      "vxlan-gpe": [0x0c, 0, 0, 3, 0x12, 0x34, 0x56, 0],
    })[kind];

  it("puts frames into packets, in front of which nothing is left to chance", () => {
    const { scene, vm, one } = vtep({ remoteMac: "02:cc:00:00:00:01", ttl: 9, dscp: 46 });
    using _ = scene;
    scene.sw.removePort(scene.sw.port("port-3")!);
    const passenger = frame(BROADCAST, mac(1));
    const [sent, ...others] = scene.send(vm, passenger);
    expect(others).toEqual([]);
    expect(sent!.port).toBe(0);
    const { bytes } = sent!;
    expect(bytes.length).toBe(headers + passenger.length);
    expect(bytes.subarray(headers)).toEqual(passenger);
    const { layers } = dissect(bytes);
    const named = (name: string) =>
      layers.find((layer) => layer.name === name)!.header as Record<string, unknown>;
    const ethernet = named("ethernet") as { destination: Uint8Array; source: Uint8Array };
    expect(formatMac(ethernet.destination)).toBe("02:cc:00:00:00:01");
    expect(formatMac(ethernet.source)).toBe(family === "ipv4" ? "02:00:0a:01:05:07" : "02:00:00:00:00:07");
    const ip = named(family) as { source: Uint8Array; destination: Uint8Array };
    expect(formatIp(ip.source)).toBe(local);
    expect(formatIp(ip.destination)).toBe(remotes[0]);
    expect(ip).toMatchObject(
      family === "ipv4"
        ? { dscp: 46, ecn: 0, ttl: 9, dontFragment: true, identification: 0, totalLength: bytes.length - 14 }
        : { dscp: 46, ecn: 0, hopLimit: 9, flowLabel: 0, payloadLength: bytes.length - 54 },
    );
    if (family === "ipv4") expect(ipv4ChecksumIsGood(bytes, 14, 20)).toBe(true);
    if (udp) {
      expect(named("udp")).toMatchObject({
        sourcePort: sourcePort(flowHash(passenger)),
        destinationPort: defaultPort(kind),
        length: 16 + passenger.length,
      });
      expect(udpChecksumStatus(bytes, headers - 16, bytes.length, ip.source, ip.destination)).toBe(
        family === "ipv4" ? "absent" : "good",
      );
      expect(vnisOf(layers)).toEqual([VNI]);
    }
    expect([...bytes.subarray(headers - 8, headers)]).toEqual(headerOf(flowHash(passenger)));
    expect(scene.tallyOf(one)).toMatchObject({ sent: 1, sentBytes: bytes.length });
    expect(scene.tallyOf(0)).toMatchObject({ received: 0, sent: 1, sentBytes: bytes.length });
    expect(scene.sw.counters().sent).toBe(1);
  });

  it.runIf(udp)("sends to the VTEP's own UDP port, unless the tunnel has another", () => {
    const portOf = (tunnel: Partial<TunnelSettings>) => {
      const { scene, vm } = vtep(tunnel, {
        address: local,
        ports: { [kind]: 8472 },
      });
      using _ = scene;
      const { bytes } = scene.send(vm, frame(BROADCAST, mac(1)))[0]!;
      return (bytes[headers - 14]! << 8) | bytes[headers - 13]!;
    };
    expect(portOf({ port: 4790 })).toBe(4790);
    expect(portOf({})).toBe(8472);
  });

  it.runIf(udp)(
    "computes the UDP checksum or leaves it out, as the tunnel says, and uses the VTEP's MAC",
    () => {
      const udpChecksum = family === "ipv4";
      const { scene, vm } = vtep({ udpChecksum }, { address: local, mac: "02:dd:00:00:00:07" });
      using _ = scene;
      const { bytes } = scene.send(vm, frame(BROADCAST, mac(1), { payload: 63 }))[0]!;
      const at = headers - 16;
      expect((bytes[at + 6]! | bytes[at + 7]!) !== 0).toBe(udpChecksum);
      expect([...bytes.subarray(6, 12)]).toEqual([2, 0xdd, 0, 0, 0, 7]);
    },
  );

  it("takes the tag off what goes into a tunnel, and hashes without it", () => {
    const { scene, sw, orange, vm } = vtep();
    using _ = scene;
    const trunk = sw.addPort({ vlans: { 10: orange }, flood: false });
    const bare = frame(BROADCAST, mac(1));
    const [first] = scene.send(trunk, frame(BROADCAST, mac(1), { tags: [{ vid: 10, pcp: 3 }] })).slice(1);
    const [second] = scene.send(vm, frame(BROADCAST, mac(1)));
    expect(first!.bytes.subarray(headers)).toEqual(bare);
    expect(first!.bytes).toEqual(second!.bytes);
  });

  it("replicates to every remote of the domain, and never from tunnel to tunnel", () => {
    const { scene, vm, one, two } = vtep();
    using _ = scene;
    const sent = scene.send(vm, frame(BROADCAST, mac(1)));
    expect(sent.map(({ port }) => port)).toEqual([0, 0]);
    const at = family === "ipv4" ? 30 : 38;
    expect(sent.map(({ bytes }) => formatIp(bytes.subarray(at, family === "ipv4" ? 34 : 54)))).toEqual(
      remotes.slice(0, 2),
    );
    expect([scene.tallyOf(one).sent, scene.tallyOf(two).sent]).toEqual([1, 1]);
    const passenger = frame(BROADCAST, mac(5));
    expect(scene.send(0, packet(passenger))).toEqual([{ port: vm.number, bytes: passenger }]);
    expect(scene.dropped(0, packet(frame(mac(5), mac(6)), { source: remotes[1]! }))).toEqual({
      "split-horizon": 1,
    });
    // What was learned from the tunnel goes back into it, and nowhere else.
    const [answer, ...others] = scene.send(vm, frame(mac(5), mac(1)));
    expect(others).toEqual([]);
    expect(answer!.bytes.subarray(headers)).toEqual(frame(mac(5), mac(1)));
    expect(scene.tallyOf(one).sent).toBe(2);
  });

  it("forwards from tunnel to tunnel where no group forbids it", () => {
    const { scene, one } = vtep({ group: 0 });
    using _ = scene;
    const passenger = frame(BROADCAST, mac(5));
    const sent = scene.send(0, packet(passenger, { source: remotes[1]! }));
    expect(sent.map(({ port }) => port)).toEqual([1, 0]);
    expect(sent[1]!.bytes.subarray(headers)).toEqual(passenger);
    expect(scene.tallyOf(one).sent).toBe(1);
    expect(scene.dropped(0, packet(frame(mac(5), mac(6)), { source: remotes[1]! }))).toEqual({
      "same-port": 1,
    });
  });

  it("counts what comes in at the tunnel, by the passenger's bytes", () => {
    const { scene, sw, one, orange } = vtep();
    using _ = scene;
    scene.send(0, packet(frame(BROADCAST, mac(5)), { outerTags: 1 }));
    expect(scene.tallyOf(one)).toMatchObject({ received: 1, receivedBytes: 60, dropped: 0 });
    expect(scene.tallyOf(0)).toMatchObject({ received: 1, receivedBytes: headers + 64, dropped: 0 });
    expect(scene.sw.counters().received).toBe(1);
    expect(scene.tallyOfDomain(orange.id)).toEqual({ received: 1, copies: 0, dropped: 0, sent: 1 });
    expect(sw.fdb.get(orange, mac(5))).toMatchObject({ kind: "learned" });
  });

  it("lets nobody in who is not a remote of that VNI", () => {
    const { scene, sw, blue, one, box } = vtep();
    using _ = scene;
    const passenger = frame(BROADCAST, mac(5));
    expect(scene.dropped(0, packet(passenger, { source: stranger }))).toEqual({ [fromStranger]: 1 });
    expect(scene.dropped(0, packet(passenger, { vni: LAST_VNI }))).toEqual({ "unknown-remote": 1 });
    expect(scene.dropped(0, packet(passenger, { vni: 99 }))).toEqual({ "other-vni": 1 });
    expect(scene.dropped(0, packet(passenger, { vni: 99, source: stranger }))).toEqual({ "other-vni": 1 });
    expect(scene.tallyOf(0)).toMatchObject({ received: 4, dropped: 4, receivedBytes: 4 * (headers + 60) });
    sw.joinTunnel(one, blue);
    expect(scene.ports(0, packet(passenger, { vni: LAST_VNI }))).toEqual([box.number]);
    sw.leaveTunnel(one, blue);
    expect(scene.dropped(0, packet(passenger, { vni: LAST_VNI }))).toEqual({ "unknown-remote": 1 });
    // What it had said of the domain has gone with it.
    expect(sw.fdb.get(blue, mac(5))).toBeUndefined();
    sw.removePort(one);
    expect(scene.dropped(0, packet(passenger))).toEqual({ [fromStranger]: 1 });
  });

  it("drops what is no packet of a tunnel of its own", () => {
    const { scene } = vtep({}, { address: local, udpChecksum: "verify" });
    using _ = scene;
    const passenger = frame(BROADCAST, mac(5));
    const tunnel = headers - 8;
    const changed = (at: number, bits: number, fields: Partial<PacketFields> = {}) => {
      const bytes = packet(passenger, fields);
      bytes[at]! ^= bits;
      return bytes;
    };
    const expected: (readonly [string, Uint8Array])[] = [
      ["not-tunnel", packet(passenger, { destination: stranger })],
      ["not-tunnel", frame(mac(1), mac(2))],
      ["frame-too-short", packet(passenger).slice(0, 13)],
      ["outer-ip-truncated", packet(passenger).slice(0, 33)],
      ["outer-ip-truncated", packet(passenger).slice(0, headers + 20)],
      ["inner-truncated", packet(passenger.subarray(0, 13))],
      ...(udp
        ? ([
            ["not-tunnel", packet(passenger, { port: 8472 })],
            ["udp-truncated", packet(passenger).slice(0, headers - 9)],
            ["udp-checksum", changed(headers + 20, 1, { udpChecksum: true })],
            ["udp-length", changed(headers - 12, 0x10)],
          ] as const)
        : ([
            ["gre-truncated", packet(passenger).slice(0, tunnel + 3)],
            ["gre-version", changed(tunnel + 1, 1)],
            ["gre-protocol", changed(tunnel + 3, 1)],
            ["gre-reserved", changed(tunnel, 0x40)],
            [kind === "gre" ? "other-key" : "nvgre-fields", packet(passenger, { keyless: true })],
          ] as const)),
      ...OF_KIND[kind].map(([reason, at, bits]) => [reason, changed(tunnel + at, bits)] as const),
    ];
    if (family === "ipv4") {
      expected.push(["outer-ip-checksum", changed(24, 1)]);
      expected.push(["outer-ip-fragment", packet(passenger, { moreFragments: true })]);
    }
    for (const [reason, bytes] of expected) expect(scene.dropped(0, bytes)).toEqual({ [reason]: 1 });
    expect(scene.tallyOf(0)).toMatchObject({ received: expected.length, dropped: expected.length });
    expect(scene.sw.fdb.size).toBe(0);
  });

  it.runIf(kind === "vxlan")("ignores reserved bits, or drops packets that have them", () => {
    for (const rule of ["rfc", "strict"] as const) {
      const { scene } = vtep({}, { address: local, rule });
      using _ = scene;
      for (let bit = 0; bit < 64; bit++) {
        if (bit === 4 || (bit >= 32 && bit < 56)) continue;
        const bytes = packet(frame(BROADCAST, mac(5)));
        bytes[headers - 8 + (bit >> 3)]! ^= 0x80 >> (bit & 7);
        const outputs = scene.send(0, bytes).length;
        expect([bit, outputs, scene.newDrops()]).toEqual(
          rule === "rfc" ? [bit, 1, {}] : [bit, 0, { "vxlan-reserved": 1 }],
        );
      }
    }
  });

  it("drops bad passengers at the tunnel", () => {
    const { scene, one, orange } = vtep();
    using _ = scene;
    expect(scene.dropped(0, packet(frame(mac(1), BROADCAST)))).toEqual({ "source-multicast": 1 });
    expect(scene.dropped(0, packet(frame(mac(1), "00:00:00:00:00:00")))).toEqual({ "source-zero": 1 });
    for (const vid of [0, 10])
      expect(scene.dropped(0, packet(frame(mac(1), mac(5), { tags: [{ vid }] })))).toEqual({
        "inner-tagged": 1,
      });
    expect(scene.tallyOf(one)).toMatchObject({ received: 4, dropped: 4 });
    expect(scene.tallyOf(0)).toMatchObject({ received: 4, dropped: 0 });
    expect(scene.tallyOfDomain(orange.id)).toEqual({ received: 0, copies: 0, dropped: 0, sent: 0 });
    expect(scene.dropped(0, packet(frame("01:80:c2:00:00:00", mac(5))))).toEqual({ "reserved-group": 1 });
    expect(scene.tallyOfDomain(orange.id)).toMatchObject({ received: 1, dropped: 1 });
    expect(scene.sw.fdb.size).toBe(0);
  });

  it("drops what does not fit: MTU, headroom, length", () => {
    const settings: SwitchSettings = { vtep: { address: local }, frameBytes: 65535 };
    for (const [slots, payload, expected] of [
      [{}, 1401, { "exceeds-mtu": 1 }],
      [{ headroom: headers - 1 }, 1400, { "no-headroom": 1 }],
      [{ headroom: headers }, 1400, {}],
      [{ frames: 2, frameBytes: 65535 }, 65535 - 14, { "frame-too-long": 1 }],
    ] as const) {
      using scene = new Scene(which, kernels, { ...settings, copies: 2 }, slots);
      const { sw } = scene;
      const bridgeDomain = sw.addBridgeDomain({ vni: VNI });
      const port = sw.addPort({ bridgeDomain });
      const mtu = payload < 65000 ? { mtu: 1400 } : {};
      const tunnel = sw.addTunnel({
        kind,
        remote: remotes[0]!,
        bridgeDomains: [bridgeDomain],
        ...mtu,
      });
      sw.fdb.set({ bridgeDomain, mac: mac(2), port: tunnel });
      scene.newDrops();
      scene.send(port, frame(mac(2), mac(1), { payload }));
      expect(scene.newDrops()).toEqual(expected);
    }
  });
});
