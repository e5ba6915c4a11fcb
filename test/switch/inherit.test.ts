// Tunnels of a switch whose outer headers and passengers take over ECN, DSCP and TTL from each other.
import { type Kernels, loadKernels } from "frameferry";
import { type ComposeLayer, compose, dissect, ipv4ChecksumIsGood } from "frameferry/wire";
import { beforeAll, describe, expect, test } from "vitest";
import { UNDERLAYS } from "../support/switch-frames.ts";
import { mac } from "../support/switch-scene.ts";
import type { TunnelSettings } from "../support/switch-types.ts";
import { VNI, vtepScenes } from "../support/switch-vtep.ts";
import { defaultPort, KINDS, overUdp } from "../support/tunnel-kinds.ts";

let kernels: Kernels;
beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 32 << 20 });
});

interface Says {
  readonly ecn: number;
  readonly dscp: number;
  readonly ttl: number;
}

const OWN: Says = { ecn: 2, dscp: 11, ttl: 40 };

function passenger(to: string, from: string, { ecn, dscp, ttl }: Says, extra = 0): Uint8Array {
  return compose(
    [
      { name: "ethernet", destination: to, source: from },
      { name: "ipv4", source: "172.16.0.1", destination: "172.16.0.2", ecn, dscp, ttl },
      { name: "udp", sourcePort: 1, destinationPort: 2 },
    ],
    Uint8Array.from({ length: 30 + extra }, (_, i) => i),
  );
}

/** What the IP header number `index` says, whose checksum is right. */
function saysOf(bytes: Uint8Array, index: number): Says {
  const found = dissect(bytes).layers.filter(({ name }) => name === "ipv4" || name === "ipv6")[index]!;
  if (found.name === "ipv4") expect(ipv4ChecksumIsGood(bytes, found.offset, 20)).toBe(true);
  const { ecn, dscp, ttl, hopLimit } = found.header as unknown as Says & { hopLimit: number };
  return { ecn, dscp, ttl: ttl ?? hopLimit };
}

const cases = (["ipv4", "ipv6"] as const).flatMap((family) => KINDS.map((kind) => ({ family, kind })));

describe.each(cases)("tunnels of kind $kind over $family", ({ family, kind }) => {
  const { local, remotes } = UNDERLAYS[family];
  const { vtep } = vtepScenes("core", () => kernels, kind, family);
  // Models know nothing of these.
  const both = { ecn: "rfc6040", dscp: "uniform", ttl: "uniform" } as unknown as Partial<TunnelSettings>;

  /** What the first or the second remote sends: an outer packet that says this. */
  function packet(remote: number, { ecn, dscp, ttl }: Says, inner: Uint8Array): Uint8Array {
    const ends = { source: remotes[remote]!, destination: local, ecn, dscp };
    const header: ComposeLayer =
      kind === "gre"
        ? { name: "gre", key: VNI }
        : kind === "nvgre"
          ? { name: "gre", key: VNI * 256 }
          : kind === "geneve"
            ? { name: "geneve", vni: VNI }
            : kind === "vxlan-gpe"
              ? { name: "vxlan", vni: VNI, gpe: { nextProtocol: 3, bum: false, oam: false } }
              : { name: "vxlan", vni: VNI };
    return compose(
      [
        { name: "ethernet", destination: "02:00:00:00:00:99", source: "02:00:00:00:00:98" },
        family === "ipv4" ? { name: "ipv4", ...ends, ttl } : { name: "ipv6", ...ends, hopLimit: ttl },
        ...(overUdp(kind)
          ? [{ name: "udp", sourcePort: 9, destinationPort: defaultPort(kind), checksum: 0 } as const]
          : []),
        header,
      ],
      inner,
    );
  }

  test("outer packets say what their passengers do, if the tunnel is to", () => {
    const { scene, vm } = vtep(both);
    using _ = scene;
    const sent = scene.send(vm, passenger("ff:ff:ff:ff:ff:ff", mac(1), OWN));
    expect(sent.length).toBe(2);
    const outer = sent.map(({ bytes }) => saysOf(bytes, 0));
    // The second tunnel is as tunnels are.
    expect(outer).toEqual(expect.arrayContaining([OWN, { ecn: 0, dscp: 0, ttl: 64 }]));
    for (const { bytes } of sent) expect(saysOf(bytes, 1)).toEqual(OWN);
  });

  test("and passengers what their packets do, of that tunnel alone", () => {
    const { scene } = vtep(both);
    using _ = scene;
    const told = { ecn: 3, dscp: 46, ttl: 7 };
    const inner = passenger("ff:ff:ff:ff:ff:ff", mac(1), OWN);
    const frames = [0, 1, 0, 0, 1, 1].map((remote) => packet(remote, told, inner));
    const sent = scene.send(0, ...frames).filter(({ bytes }) => bytes.length === inner.length);
    expect(sent.map(({ bytes }) => saysOf(bytes, 0))).toEqual([told, OWN, told, told, OWN, OWN]);
    const raised = packet(0, { ecn: 2, dscp: 11, ttl: 255 }, inner);
    const [same] = scene.send(0, raised).filter(({ bytes }) => bytes.length === inner.length);
    expect(same!.bytes).toEqual(inner);
  });

  test("one that cannot tell of congestion is dropped, and counted; one that is no IP packet goes on", () => {
    const { scene, one } = vtep({ ecn: "rfc6040" } as unknown as Partial<TunnelSettings>);
    using _ = scene;
    const told = { ecn: 3, dscp: 46, ttl: 7 };
    const not = passenger("ff:ff:ff:ff:ff:ff", mac(1), { ...OWN, ecn: 0 });
    expect(scene.dropped(0, packet(0, told, not))).toEqual({ "ecn-not-capable": 1 });
    expect(scene.tallyOf(one)).toMatchObject({ received: 1, dropped: 1 });
    const arp = not.slice();
    arp[13] = 6;
    const sent = scene.send(0, packet(0, told, arp));
    expect(sent.some(({ bytes }) => bytes.length === arp.length)).toBe(true);
    const marked = scene.send(0, packet(0, told, passenger("ff:ff:ff:ff:ff:ff", mac(1), OWN)));
    // DSCP and TTL are the passenger's own.
    expect(marked.map(({ bytes }) => saysOf(bytes, 0))).toContainEqual({ ...OWN, ecn: 3 });
  });
});
