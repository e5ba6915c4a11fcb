// What only one kind of tunnel of a switch has, and that kinds are kept apart.
import { type Kernels, loadKernels, type TunnelKind } from "frameferry";
import { greChecksumStatus, parseIp, udpChecksumStatus } from "frameferry/wire";
import { beforeAll, describe, expect, it } from "vitest";
import { BROADCAST, frame, tunnelLength, UNDERLAYS } from "../support/switch-frames.ts";
import { mac } from "../support/switch-scene.ts";
import { subjects } from "../support/switch-subject.ts";
import { vtepScenes } from "../support/switch-vtep.ts";
import { KINDS, overUdp } from "../support/tunnel-kinds.ts";

let kernels: Kernels;
beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 32 << 20 });
});

const cases = subjects.flatMap((which) =>
  (["ipv4", "ipv6"] as const).flatMap((family) => KINDS.map((kind) => ({ which, family, kind }))),
);
const as = (kind: TunnelKind): string => (kind === "nvgre" ? "other-key" : "unknown-remote");

describe.each(cases)("tunnels of kind $kind over $family ($which)", ({ which, family, kind }) => {
  const { local, remotes, stranger } = UNDERLAYS[family];
  const udp = overUdp(kind);
  const headers = (family === "ipv4" ? 34 : 54) + tunnelLength({ kind, vni: 0 });
  const { vtep, packet } = vtepScenes(which, () => kernels, kind, family);

  it.runIf(kind === "gre")("computes a checksum over key and frame, and takes packets with one", () => {
    const { scene, vm } = vtep({ checksum: true });
    using _ = scene;
    for (const payload of [46, 47, 300]) {
      const passenger = frame(BROADCAST, mac(1), { payload });
      const { bytes } = scene.send(vm, passenger)[0]!;
      expect(bytes.subarray(headers + 4)).toEqual(passenger);
      expect([...bytes.subarray(headers, headers + 4)]).toEqual([0, 0x12, 0x34, 0x56]);
      expect(greChecksumStatus(bytes, headers - 8, bytes.length)).toBe("good");
    }
    const passenger = frame(BROADCAST, mac(5));
    const good = packet(passenger, { udpChecksum: true, sequence: 7 });
    expect(scene.send(0, good)).toEqual([{ port: vm.number, bytes: passenger }]);
    good[good.length - 1]! ^= 1;
    expect(scene.dropped(0, good)).toEqual({ "gre-checksum": 1 });
  });

  it.runIf(kind === "geneve")("puts its options into every packet, and sums them up", () => {
    const options = [
      { class: 0x0102, type: 0x80, data: Uint8Array.of(1, 2, 3, 4) },
      { class: 0xffff, type: 1, data: new Uint8Array() },
    ];
    const { scene, vm, one } = vtep({ options, udpChecksum: true });
    using _ = scene;
    // What was given is not looked at again.
    options[0]!.data[0] = 99;
    for (const payload of [46, 47, 1000]) {
      const passenger = frame(BROADCAST, mac(1), { payload });
      const { bytes } = scene.send(vm, passenger)[0]!;
      expect([...bytes.subarray(headers - 8, headers + 12)]).toEqual([
        ...[3, 0x40, 0x65, 0x58, 0x12, 0x34, 0x56, 0],
        ...[1, 2, 0x80, 1, 1, 2, 3, 4, 0xff, 0xff, 1, 0],
      ]);
      expect(bytes.subarray(headers + 12)).toEqual(passenger);
      const [source, destination] = [local, remotes[0]!].map((ip) => parseIp("ip", ip));
      expect(udpChecksumStatus(bytes, headers - 16, bytes.length, source!, destination!)).toBe("good");
    }
    const passenger = frame(BROADCAST, mac(5));
    const known = [{ class: 1, type: 2, data: new Uint8Array(124) }];
    expect(scene.send(0, packet(passenger, { options: known }))).toEqual([
      { port: vm.number, bytes: passenger },
    ]);
    const critical = [{ class: 1, type: 0x82, data: new Uint8Array(4) }];
    expect(scene.dropped(0, packet(passenger, { options: critical }))).toEqual({
      "geneve-critical-option": 1,
    });
    scene.sw.removePort(one);
    const more = [{ class: 1, type: 2, data: new Uint8Array(124) }];
    const far = { kind, remote: remotes[2]!, bridgeDomains: [scene.sw.bridgeDomain("domain-1")!] };
    const third = scene.sw.addTunnel({
      ...far,
      options: [...more, { ...more[0]!, data: new Uint8Array(120) }],
    });
    scene.sw.fdb.set({ bridgeDomain: far.bridgeDomains[0]!, mac: mac(9), port: third });
    // 252 bytes are more than there is in front of it.
    expect(scene.dropped(vm, frame(mac(9), mac(1)))).toEqual({ "no-headroom": 1 });
  });

  it.runIf(kind === "nvgre")("takes all tags off what goes into NVGRE", () => {
    const { scene, orange } = vtep();
    using _ = scene;
    const trunk = scene.sw.addPort({ vlans: { 10: orange }, flood: false });
    const [, sent] = scene.send(
      trunk,
      frame(BROADCAST, mac(1), { tags: [{ vid: 10 }, { vid: 11 }, { vid: 12 }] }),
    );
    expect(sent!.bytes.subarray(headers)).toEqual(frame(BROADCAST, mac(1)));
  });

  it("lets nobody in by another kind of tunnel than theirs", () => {
    const { scene, sw, orange, vm, ...first } = vtep();
    using _ = scene;
    let one = first.one;
    const passenger = frame(BROADCAST, mac(5));
    for (const other of KINDS) {
      const gre = !udp && !overUdp(other);
      if (other === kind) continue;
      // GRE and NVGRE look alike: what comes from a remote is read as what it speaks.
      expect(scene.dropped(0, packet(passenger, { kind: other }))).toEqual(
        gre && kind === "nvgre" ? { "other-vni": 1 } : { [as(other)]: 1 },
      );
      // From others GRE is GRE, and a VSID with its FlowID no key that can be a VNI.
      expect(scene.dropped(0, packet(passenger, { kind: other, source: stranger }))).toEqual({
        [as(other)]: 1,
      });
      const tunnel = { kind: other, remote: remotes[0]!, bridgeDomains: [orange] };
      if (gre) {
        expect(() => sw.addTunnel(tunnel)).toThrow(RangeError);
        continue;
      }
      // Two tunnels to one remote, each with ports, entries and counters of its own.
      const second = sw.addTunnel(tunnel);
      expect(scene.send(0, packet(passenger, { kind: other }))).toEqual([
        { port: vm.number, bytes: passenger },
      ]);
      expect(sw.fdb.get(orange, mac(5))?.port).toSatisfy((port: unknown) =>
        [second, second.number].includes(port as never),
      );
      expect(scene.send(0, packet(passenger))).toEqual([{ port: vm.number, bytes: passenger }]);
      expect([scene.tallyOf(one).received, scene.tallyOf(second).received]).toEqual([1, 1]);
      expect(() => sw.addTunnel(tunnel)).toThrow(RangeError);
      sw.removePort(second);
      expect(scene.dropped(0, packet(passenger, { kind: other }))).toEqual({ [as(other)]: 1 });
      expect(scene.send(0, packet(passenger)).length).toBe(1);
      sw.removePort(one);
      one = sw.addTunnel({ name: one.name, kind, remote: remotes[0]!, bridgeDomains: [orange] });
    }
  });

  it.runIf(!udp)("ignores reserved flags of GRE, or drops packets that have them", () => {
    for (const rule of ["rfc", "strict"] as const) {
      const { scene } = vtep({}, { address: local, rule });
      using _ = scene;
      // Recursion control and flags (RFC 1701); others must be zero for everybody.
      for (let bit = 6; bit < 13; bit++) {
        const bytes = packet(frame(BROADCAST, mac(5)));
        bytes[headers - 8 + (bit >> 3)]! ^= 0x80 >> (bit & 7);
        const outputs = scene.send(0, bytes).length;
        expect([bit, outputs, scene.newDrops()]).toEqual(
          rule === "rfc" ? [bit, 1, {}] : [bit, 0, { "gre-reserved": 1 }],
        );
      }
    }
  });

  it("has nobody of address or number zero, or of ones, in its memory", () => {
    const { scene } = vtep();
    using _ = scene;
    const zero = family === "ipv4" ? "0.0.0.0" : "::";
    const ones = family === "ipv4" ? "255.255.255.255" : "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
    const passenger = frame(BROADCAST, mac(5));
    expect(scene.dropped(0, packet(passenger, { source: zero, vni: 0 }))).toEqual({ "other-vni": 1 });
    const last = kind === "gre" ? 0xffffffff : 0xffffff;
    const reason = udp ? "other-vni" : "other-key";
    expect(scene.dropped(0, packet(passenger, { source: ones, vni: last }))).toEqual({ [reason]: 1 });
  });
});
