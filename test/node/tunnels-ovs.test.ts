// Tunnels with Open vSwitch at the other end: it takes what we send and we take what it sends, byte for byte.
import { type DecapsulateStage, type Kernels, loadKernels, Pipeline } from "frameferry";
import { dissect } from "frameferry/wire";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { missingOvsProgram, OpenVSwitch, type TunnelEnd } from "../support/ovs.ts";
import { ADDRESSES, framesForOvs, MAC, OURS } from "../support/ovs-ends.ts";
import { PoisonedBatch } from "../support/poisoned-batch.ts";
import { type AnyEncapsulate, decapsulateStage, encapsulateStage } from "../support/tunnel-kinds.ts";

const missing = missingOvsProgram();
const title =
  missing === undefined ? "tunnels to Open vSwitch" : `tunnels to Open vSwitch: there is no ${missing} here`;

const CASES: readonly (readonly [string, AnyEncapsulate, TunnelEnd["kind"], Record<string, string>])[] = [
  ["VXLAN", { kind: "vxlan", vni: 77 }, "vxlan", { key: "77" }],
  ["VXLAN-GPE", { kind: "vxlan-gpe", vni: 77 }, "vxlan", { key: "77", exts: "gpe", dst_port: "4790" }],
  ["Geneve", { kind: "geneve", vni: 0xabcdef }, "geneve", { key: String(0xabcdef) }],
  [
    "Geneve with a checksum",
    { kind: "geneve", vni: 7, udpChecksum: true },
    "geneve",
    { key: "7", csum: "true" },
  ],
  ["GRE", { kind: "gre" }, "gre", {}],
  ["GRE with a key", { kind: "gre", key: 0xfedcba98 }, "gre", { key: String(0xfedcba98) }],
  ["GRE with a checksum", { kind: "gre", checksum: true }, "gre", { csum: "true" }],
  ["GRE with both", { kind: "gre", key: 5, checksum: true }, "gre", { key: "5", csum: "true" }],
  ["GRE that numbers its packets", { kind: "gre", key: 5 }, "gre", { key: "5", seq: "true" }],
];

describe.skipIf(missing !== undefined)(title, () => {
  let kernels: Kernels;
  let ovs: OpenVSwitch;
  let poisoned: PoisonedBatch;
  beforeAll(async () => {
    kernels = await loadKernels({ memoryBytes: 16 << 20 });
    poisoned = new PoisonedBatch(kernels, { frames: 8 });
    ovs = await OpenVSwitch.start();
  });
  afterAll(() => ovs?.stop());

  const frames = framesForOvs();

  describe.each(["IPv4", "IPv6"] as const)("over %s", (version) => {
    test.each(CASES)("%s", async (_, options, kind, theirs) => {
      const { local, remote } = ADDRESSES[version];
      await ovs.replaceTunnel({ kind, local, remote, mac: MAC, remoteMac: OURS, options: theirs });
      const ends = { local: remote, remote: local, localMac: OURS, remoteMac: MAC };
      using into = new Pipeline(kernels, [encapsulateStage({ ...options, ...ends })]);
      const sent = poisoned.run(
        into,
        frames.map((bytes) => ({ bytes })),
      );
      const took = await ovs.receive(sent.map(({ bytes }) => ({ port: 1, frame: bytes! })));
      expect(took.map(({ port }) => port)).toEqual([2, 2, 2, 2]);
      expect(took.map(({ frame }) => hex(frame))).toEqual(frames.map(hex));

      const left = await ovs.receive(frames.map((frame) => ({ port: 2, frame })));
      expect(left.map(({ port }) => port)).toEqual([1, 1, 1, 1]);
      const stage: DecapsulateStage = decapsulateStage({
        kind: options.kind,
        ...(options.vni === undefined ? {} : { vni: options.vni }),
        ...(options.key === undefined ? {} : { key: options.key }),
        ...(options.kind === "geneve" ? {} : { rule: "strict" }),
        udpChecksum: "verify",
      });
      using out = new Pipeline(kernels, [stage]);
      const taken = poisoned.run(
        out,
        left.map(({ frame }) => ({ bytes: frame })),
      );
      expect(taken.map(({ reason }) => reason)).toEqual(frames.map(() => undefined));
      expect(taken.map(({ bytes }) => hex(bytes!))).toEqual(frames.map(hex));
      for (const { vni } of taken) expect(vni).toBe(options.vni ?? options.key);

      // The tunnel headers themselves are the same, where neither a hash nor a count is in them.
      if (theirs.seq !== undefined) return;
      left.forEach(({ frame }, i) => {
        expect(tunnelOf(frame)).toEqual(tunnelOf(sent[i]!.bytes!));
      });
    });
  });
});

function tunnelOf(packet: Uint8Array): unknown {
  const tunnel = dissect(packet).layers.find(({ name }) => ["vxlan", "geneve", "gre"].includes(name));
  return tunnel === undefined
    ? undefined
    : hex(packet.subarray(tunnel.offset, tunnel.offset + tunnel.length));
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
