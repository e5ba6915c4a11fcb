// Packets of all kinds of tunnels, cut everywhere and with every bit of their headers wrong, in one stream: what gets in,
// and why the rest does not, is what the model says, and nothing is lost.
import { type Kernels, loadKernels } from "frameferry";
import { beforeAll, describe, expect, it } from "vitest";
import { condensed } from "../../src/switch/condense.ts";
import { frame, tunnelLength, tunnelPacket, UNDERLAYS } from "../support/switch-frames.ts";
import { mac, Scene } from "../support/switch-scene.ts";
import { tallyText } from "../support/switch-subject.ts";
import type { PortFrame, SwitchSettings } from "../support/switch-types.ts";
import { KINDS, overUdp } from "../support/tunnel-kinds.ts";

let kernels: Kernels;
beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 16 << 20 });
});

const VNI = 0x123456;
const RULES = [
  {},
  { rule: "strict", udpChecksum: "verify" },
  { ipChecksum: "ignore", udpChecksum: "verify" },
] as const;
const cases = (["ipv4", "ipv6"] as const).flatMap((family) =>
  [false, true].flatMap((checksums) => RULES.map((rules) => ({ family, checksums, rules }))),
);

describe.each(cases)("a VTEP over $family, checksums $checksums, $rules", ({ family, checksums, rules }) => {
  const { local, remotes } = UNDERLAYS[family];
  const settings: SwitchSettings = { vtep: { address: local, ...rules } };

  function scene(which: "model" | "core"): Scene {
    const made = new Scene(which, kernels, settings, { frames: 128 });
    const { sw } = made;
    const bridgeDomain = sw.addBridgeDomain({ vni: VNI });
    sw.addBridgeDomain({ vni: 0 });
    sw.addPort({ bridgeDomain });
    // One remote of all kinds but NVGRE, which looks like GRE and has a remote of its own.
    for (const kind of KINDS)
      sw.addTunnel({ kind, remote: remotes[kind === "nvgre" ? 1 : 0]!, bridgeDomains: [bridgeDomain] });
    return made;
  }

  /** A stream in which kinds follow each other in runs of different lengths. */
  function stream(): Uint8Array[] {
    const passenger = frame(mac(200), mac(5), { payload: 50 });
    const broken = KINDS.map((kind) => {
      const fields = {
        kind,
        source: remotes[kind === "nvgre" ? 1 : 0]!,
        destination: local,
        vni: VNI,
        udpChecksum: checksums && kind !== "nvgre",
        ...(kind === "geneve" && checksums
          ? { options: [{ class: 1, type: 2, data: new Uint8Array(8) }] }
          : {}),
      };
      const packet = tunnelPacket(fields, passenger);
      const headers = (family === "ipv4" ? 34 : 54) + tunnelLength(fields);
      expect(packet.length).toBe(headers + passenger.length);
      const packets: Uint8Array[] = [];
      for (let length = 0; length < packet.length; length++) packets.push(packet.slice(0, length));
      for (let bit = 0; bit < 8 * (headers + 14); bit++) {
        const bytes = packet.slice();
        bytes[bit >> 3]! ^= 1 << (bit & 7);
        packets.push(bytes, packet);
      }
      if (overUdp(kind)) packets.push(tunnelPacket({ ...fields, moreFragments: true }, passenger));
      return packets;
    });
    const mixed: Uint8Array[] = [];
    for (let turn = 0; broken.some((packets) => packets.length > 0); turn++)
      mixed.push(...broken[turn % broken.length]!.splice(0, 1 + (turn % 7)));
    return mixed;
  }

  it("takes what the model takes, for the same reasons", () => {
    using model = scene("model");
    using core = scene("core");
    const packets = stream();
    let left = 0;
    for (let i = 0; i < packets.length; i += 100) {
      const burst = packets.slice(i, i + 100).map((bytes): PortFrame => ({ port: 0, bytes }));
      const expected = model.burst(burst);
      expect(core.burst(burst)).toEqual(expected);
      left += expected.length;
    }
    const counters = core.sw.counters();
    expect(tallyText(counters)).toEqual(tallyText(model.sw.counters()));
    expect(counters.received).toBe(packets.length);
    expect(counters.sent + counters.dropped).toBe(counters.received + counters.copies);
    expect(left).toBeGreaterThan(packets.length / 3);
    expect(Object.keys(counters.drops).length).toBeGreaterThan(15);
  });
});

/** An address with another prefix, of which keys hold the same 32 bits: its last word makes up for what is different. */
function twinOf(address: Uint8Array): Uint8Array {
  const twin = address.slice();
  twin[7]! ^= 0x5a;
  const last = new DataView(twin.buffer).getUint32(12, true);
  const before = (bytes: Uint8Array): number => {
    const view = new DataView(bytes.buffer);
    let h = Math.imul(view.getUint32(0, true), 0x9e3779b1);
    h = Math.imul(h ^ (h >>> 15) ^ view.getUint32(4, true), 0x85ebca77);
    h = Math.imul(h ^ (h >>> 13) ^ view.getUint32(8, true), 0xc2b2ae3d);
    return h ^ (h >>> 16);
  };
  new DataView(twin.buffer).setUint32(12, last ^ before(address) ^ before(twin), true);
  return twin;
}

function textOf(address: Uint8Array): string {
  const view = new DataView(address.buffer);
  return Array.from({ length: 8 }, (_, i) => view.getUint16(2 * i).toString(16)).join(":");
}

describe.each(KINDS)("a remote of %s over IPv6", (kind) => {
  it("lets nobody in whose address is another one with the same bits in the table", () => {
    const { local } = UNDERLAYS.ipv6;
    using core = new Scene("core", kernels, { vtep: { address: local } }, { frames: 128 });
    const bridgeDomain = core.sw.addBridgeDomain({ vni: VNI });
    core.sw.addPort({ bridgeDomain });
    const passenger = frame(mac(200), mac(5), { payload: 50 });
    const from = (source: string): PortFrame => {
      const fields = { kind, source, destination: local, vni: VNI, udpChecksum: overUdp(kind) };
      return { port: 0, bytes: tunnelPacket(fields, passenger) };
    };
    for (let i = 0; i < 20; i++) {
      const remote = Uint8Array.of(0xfd, 0, 0, i, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, i, 9);
      const twin = twinOf(remote);
      expect(condensed(twin)).toBe(condensed(remote));
      core.sw.addTunnel({ kind, remote: textOf(remote), bridgeDomains: [bridgeDomain] });
      expect(core.burst([from(textOf(twin))])).toEqual([]);
      expect(core.sw.counters().drops).toEqual({ "unknown-remote": i + 1 });
      expect(core.burst([from(textOf(remote))])).toHaveLength(1);
    }
  });
});
