// Tunnels of two kinds between running switches: each has its packets, its remotes and its way back.
import { createSwitch, type LivePort } from "frameferry/switch";
import { dissect } from "frameferry/wire";
import { expect } from "vitest";
import { until } from "../dataplane/support.ts";
import { countersOf, expectBalanced, frameOf, stampOf, switchTest, taking, VTEP } from "./support.ts";

const FAR = "10.9.0.2";
const options = [{ class: 0x0102, type: 7, data: new Uint8Array(124).fill(5) }];
/** Of a domain each. */
const KINDS = [
  { kind: "geneve", options, udpChecksum: true },
  { kind: "gre", checksum: true },
] as const;
const PINGS = 20;

switchTest(
  "two kinds of tunnels to one remote, a bridge domain in each",
  async (sw) => {
    // Options are longer than the usual headroom.
    await using other = await createSwitch({
      workers: 0,
      sweepSeconds: 0,
      vtep: { address: FAR },
      copies: { headroom: 256 },
    });
    const ends = await Promise.all(
      [sw, other].map((one, i) =>
        Promise.all(
          KINDS.map(async (own, k) => {
            const bridgeDomain = await one.addBridgeDomain({ vni: 7000 + k });
            const remote = i === 0 ? FAR : VTEP.address;
            const tunnel = await one.addTunnel({ ...own, remote, bridgeDomains: [bridgeDomain] });
            return { tunnel, port: await one.addPort({ bridgeDomain }) };
          }),
        ),
      ),
    );
    const { uplink: from } = sw;
    const { uplink: to } = other;
    if (!from || !to) throw new Error("unreachable");
    const kinds: string[] = [];
    const join = async (one: LivePort, two: LivePort): Promise<void> => {
      for await (const burst of one) {
        const packets = [...burst].map((packet) => packet.slice());
        for (const packet of packets) {
          const { layers } = dissect(packet);
          kinds.push(
            layers.map(({ name }) => name).find((name) => name === "geneve" || name === "gre") ?? "none",
          );
        }
        await two.sendAll(packets);
      }
    };
    const joined = [join(from, to), join(to, from)];
    for (const k of [0, 1]) {
      const [a, far] = [ends[0]![k]!.port, ends[1]![k]!.port];
      const atA = taking(a);
      const atFar = taking(far);
      for (let turn = 0; turn < PINGS; turn++) {
        a.send([frameOf(1, 2, turn)]);
        await until(() => atFar.frames.length === turn + 1, "the ping");
        far.send([frameOf(2, 1, turn)]);
        await until(() => atA.frames.length === turn + 1, "the answer");
      }
      expect(atFar.frames.map((frame) => stampOf(frame))).toEqual(
        Array.from({ length: PINGS }, (_, sequence) => ({ from: 1, sequence })),
      );
    }
    await sw.idle();
    await other.idle();
    for (const [i, one] of [sw, other].entries()) {
      expectBalanced(one.counters());
      expect(one.counters().dropped).toBe(0);
      for (const { tunnel } of ends[i]!)
        expect(one.counters().ports.find(({ number }) => number === tunnel.number)).toMatchObject({
          received: PINGS,
          sent: PINGS,
        });
    }
    expect(countersOf(sw, from)).toMatchObject({ received: 2 * PINGS, sent: 2 * PINGS });
    expect(kinds.filter((kind) => kind === "geneve")).toHaveLength(2 * PINGS);
    expect(kinds.filter((kind) => kind === "gre")).toHaveLength(2 * PINGS);
    await sw.removePort(ends[0]![0]!.tunnel);
    // A packet of the kind whose tunnel has gone no longer gets in, one of the other does.
    for (const k of [0, 1]) ends[1]![k]!.port.send([frameOf(2, 1, 99)]);
    await until(() => (sw.counters().drops["unknown-remote"] ?? 0) === 1, "the refusal");
    await until(() => countersOf(sw, from).received === 2 * PINGS + 2, "both");
    await sw.idle();
    expect(sw.counters().dropped).toBe(1);
    await Promise.all([sw.close(), other.close()]);
    await Promise.allSettled(joined);
  },
  { vtep: VTEP, copies: { headroom: 256 } },
);
