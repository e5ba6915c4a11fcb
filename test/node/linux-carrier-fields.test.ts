// What outer IP headers say of traffic class and TTL goes through carriers of Linux, both ways: alone, in runs that the system cuts
// (UDP_SEGMENT) and joins (UDP_GRO), and from tunnel to tunnel as RFC 6040 has it.
import { connect, type FramePort } from "frameferry";
import { createSwitch } from "frameferry/switch";
import { type ComposeLayer, compose, dissect, ipv4ChecksumIsGood } from "frameferry/wire";
import { describe, expect, test } from "vitest";
import { loadNative } from "../../build/js/src/linux/libc.js";
import { until } from "../dataplane/support.ts";

const missing = await loadNative().then(
  () => undefined,
  (error: Error) => error.message,
);
if (missing !== undefined) console.warn(`skipped: ${missing}`);

interface Says {
  readonly ecn: number;
  readonly dscp: number;
  readonly ttl: number;
}

const ENDS = { ipv4: ["127.0.0.1", "127.0.0.2"], ipv6: ["::1", "::1"] } as const;

function ipOf(
  family: "ipv4" | "ipv6",
  { ecn, dscp, ttl }: Says,
  ends: readonly [string, string],
): ComposeLayer {
  const [source, destination] = ends;
  return family === "ipv4"
    ? { name: "ipv4", ecn, dscp, ttl, source, destination }
    : { name: "ipv6", ecn, dscp, hopLimit: ttl, source, destination };
}

function passenger(says: Says, length: number, number: number): Uint8Array {
  return compose(
    [
      { name: "ethernet", source: "02:00:00:00:00:01", destination: "02:00:00:00:00:02" },
      ipOf("ipv4", says, ["172.16.0.1", "172.16.0.2"]),
      { name: "udp", sourcePort: 7, destinationPort: 8 },
    ],
    Uint8Array.from({ length }, () => number),
  );
}

function saysOf(bytes: Uint8Array, index: number): Says {
  const found = dissect(bytes).layers.filter(({ name }) => name === "ipv4" || name === "ipv6")[index]!;
  if (found.name === "ipv4") expect(ipv4ChecksumIsGood(bytes, found.offset, 20)).toBe(true);
  const { ecn, dscp, ttl, hopLimit } = found.header as unknown as Says & { hopLimit: number };
  return { ecn, dscp, ttl: ttl ?? hopLimit };
}

async function first(port: FramePort): Promise<Uint8Array> {
  let frame: Uint8Array | undefined;
  await until(() => {
    for (const each of port.receive() ?? []) frame ??= each.slice();
    return frame !== undefined;
  }, "a frame has come");
  return frame!;
}

describe.skipIf(missing !== undefined).each(["ipv4", "ipv6"] as const)("over %s", (family) => {
  test("each packet comes as it was sent, and those that differ are not joined", async () => {
    const { openUdpCarrier } = await import("frameferry/linux");
    const [from, to] = ENDS[family];
    await using there = await openUdpCarrier({ local: to, ports: 0 });
    const port = there.locals[0]!.port;
    await using here = await openUdpCarrier({ local: from, ports: 0 });
    const says: Says[] = [];
    // Runs of some alike, and then others.
    for (let i = 0; i < 60; i++)
      says.push(
        i % 12 < 6 ? { ecn: 2, dscp: 46, ttl: 9 } : { ecn: i & 3, dscp: i, ttl: i % 12 < 9 ? 64 : 1 + 4 * i },
      );
    const packets = says.map((each, i) =>
      compose(
        [
          { name: "ethernet", source: "02:00:00:00:00:01", destination: "02:00:00:00:00:02" },
          ipOf(family, each, [from, to]),
          { name: "udp", sourcePort: here.locals[0]!.port, destinationPort: port, checksum: 0 },
          { name: "vxlan", vni: 5 },
        ],
        passenger({ ecn: 2, dscp: 0, ttl: 64 }, 100, i),
      ),
    );
    await here.sendAll(packets);
    const come: Uint8Array[] = [];
    void (async () => {
      for await (const burst of there) for (const frame of burst) come.push(frame.slice());
    })();
    await until(() => come.length === packets.length, "all have come");
    expect(come.map((frame) => saysOf(frame, 0))).toEqual(says);
    // Loopback keeps order.
    expect(come.map((frame) => frame.at(-1))).toEqual(says.map((_, i) => i));
  });
});

test.skipIf(missing !== undefined)(
  "a switch's passengers take over what packets say, and its packets what passengers do",
  async () => {
    const { openUdpCarrier } = await import("frameferry/linux");
    const [from, to] = ENDS.ipv4;
    await using peer = await openUdpCarrier({ local: from, ports: 0 });
    const { port } = peer.locals[0]!;
    await using sw = await createSwitch({ workers: 0, vtep: { address: to, ports: { vxlan: port } } });
    const sales = await sw.addBridgeDomain({ vni: 42 });
    const machine = await sw.addPort({ bridgeDomain: sales });
    const both = { ecn: "rfc6040", dscp: "uniform", ttl: "uniform" } as const;
    await sw.addTunnel({ kind: "vxlan", remote: from, bridgeDomains: [sales], ...both });
    await using carrier = await openUdpCarrier({ local: to, ports: port, remotes: [from] });
    void connect(sw.uplink!, carrier);

    const told = { ecn: 3, dscp: 34, ttl: 20 };
    const packet = compose(
      [
        { name: "ethernet", source: "02:00:00:00:00:01", destination: "02:00:00:00:00:02" },
        ipOf("ipv4", told, [from, to]),
        { name: "udp", sourcePort: port, destinationPort: port, checksum: 0 },
        { name: "vxlan", vni: 42 },
      ],
      passenger({ ecn: 2, dscp: 1, ttl: 64 }, 200, 1),
    );
    await peer.sendAll([packet]);
    expect(await first(machine)).toEqual(passenger(told, 200, 1));

    const own = { ecn: 1, dscp: 12, ttl: 33 };
    await machine.sendAll([passenger(own, 200, 2)]);
    const out = await first(peer);
    expect(saysOf(out, 0)).toEqual(own);
    expect(saysOf(out.subarray(50), 0)).toEqual(own);
  },
);
