// A switch's tunnels with Open vSwitch at the other end: it takes what the switch sends and the switch takes what it sends,
// byte for byte, and only with the right number.
import { FrameBatch, type Kernels, loadKernels } from "frameferry";
import { SwitchCore, type TunnelOptions } from "frameferry/switch";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { missingOvsProgram, OpenVSwitch, type TunnelEnd } from "../support/ovs.ts";
import { ADDRESSES, framesForOvs, MAC, OURS } from "../support/ovs-ends.ts";
import type { AnyEncapsulate } from "../support/tunnel-kinds.ts";

const missing = missingOvsProgram();
const title = "a switch's tunnels to Open vSwitch";
const VNI = 0xabcdef;

type Own = Pick<AnyEncapsulate, "kind" | "udpChecksum" | "checksum">;
const CASES: readonly (readonly [string, Own, TunnelEnd["kind"], Record<string, string>])[] = [
  ["VXLAN", { kind: "vxlan" }, "vxlan", {}],
  ["VXLAN with a checksum", { kind: "vxlan", udpChecksum: true }, "vxlan", { csum: "true" }],
  ["Geneve", { kind: "geneve" }, "geneve", {}],
  ["Geneve with a checksum", { kind: "geneve", udpChecksum: true }, "geneve", { csum: "true" }],
  ["GRE", { kind: "gre" }, "gre", {}],
  ["GRE with a checksum", { kind: "gre", checksum: true }, "gre", { csum: "true" }],
  ["GRE that numbers its packets", { kind: "gre" }, "gre", { seq: "true" }],
];

describe.skipIf(missing !== undefined)(
  missing === undefined ? title : `${title}: there is no ${missing}`,
  () => {
    let kernels: Kernels;
    let ovs: OpenVSwitch;
    let batch: FrameBatch;
    beforeAll(async () => {
      kernels = await loadKernels({ memoryBytes: 16 << 20 });
      batch = new FrameBatch(kernels, { frames: 8 });
      ovs = await OpenVSwitch.start();
    });
    afterAll(() => ovs?.stop());

    const frames = framesForOvs();
    const turned = frames.map((frame) =>
      Uint8Array.from([...frame.subarray(6, 12), ...frame.subarray(0, 6), ...frame.subarray(12)]),
    );

    function forward(sw: SwitchCore, mark: number, burst: readonly Uint8Array[]) {
      batch.clear();
      for (const frame of burst) batch.add(frame, { mark });
      const left: { port: number; frame: Uint8Array }[] = [];
      sw.forward(batch, 0, (frame, port) => void left.push({ port, frame: frame.slice() }));
      return left;
    }

    describe.each(["IPv4", "IPv6"] as const)("over %s", (version) => {
      test.each(CASES)("%s", async (_, own, kind, theirs) => {
        const { local, remote } = ADDRESSES[version];
        const end = { kind, local, remote, mac: MAC, remoteMac: OURS };
        const key = { key: String(VNI) };
        await ovs.replaceTunnel({ ...end, options: { ...key, ...theirs } });
        using sw = new SwitchCore(kernels, {
          vtep: { address: remote, mac: OURS, rule: "strict", udpChecksum: "verify" },
          fdb: { capacity: 16 },
        });
        const bridgeDomain = sw.addBridgeDomain({ vni: VNI });
        const { number } = sw.addPort({ bridgeDomain });
        const tunnel = {
          ...own,
          remote: local,
          remoteMac: MAC,
          bridgeDomains: [bridgeDomain],
        } as TunnelOptions;
        sw.addTunnel(tunnel);

        const sent = forward(sw, number, frames);
        expect(sent.map(({ port }) => port)).toEqual([0, 0, 0, 0]);
        const took = await ovs.receive(sent.map(({ frame }) => ({ port: 1, frame })));
        expect(took.map(({ port }) => port)).toEqual([2, 2, 2, 2]);
        expect(took.map(({ frame }) => hex(frame))).toEqual(frames.map(hex));

        const packets = await ovs.receive(turned.map((frame) => ({ port: 2, frame })));
        expect(packets.map(({ port }) => port)).toEqual([1, 1, 1, 1]);
        const back = forward(
          sw,
          0,
          packets.map(({ frame }) => frame),
        );
        expect(back.map(({ port }) => port)).toEqual([number, number, number, number]);
        expect(back.map(({ frame }) => hex(frame))).toEqual(turned.map(hex));
        // Both stations are known by now: one packet each, not flooded.
        expect(forward(sw, number, frames)).toHaveLength(4);

        // With another number nobody takes what the other sends.
        await ovs.replaceTunnel({ ...end, options: { key: String(VNI - 1), ...theirs } });
        expect(await ovs.receive(sent.map(({ frame }) => ({ port: 1, frame })))).toEqual([]);
        const others = await ovs.receive(turned.map((frame) => ({ port: 2, frame })));
        expect(others).toHaveLength(4);
        expect(
          forward(
            sw,
            0,
            others.map(({ frame }) => frame),
          ),
        ).toEqual([]);
        expect(sw.counters().drops).toEqual({ "other-vni": 4 });
      });
    });
  },
);

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
