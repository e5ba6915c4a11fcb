// ARP requests that the switch answers itself: for neighbours it knows, and for its VTEP.
import { type Kernels, loadKernels } from "frameferry";
import { dissect, parseArp } from "frameferry/wire";
import { beforeAll, describe, expect, it } from "vitest";
import { arpRequest } from "../support/switch-frames.ts";
import { mac, Scene } from "../support/switch-scene.ts";
import { coreAnswersArp, subjects } from "../support/switch-subject.ts";
import type { DomainSettings } from "../support/switch-types.ts";

// Until the core has neighbours the model is tested alone.
const answering = subjects.filter((which) => which === "model" || coreAnswersArp);

let kernels: Kernels;
beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 16 << 20 });
});

describe.each(answering)("ARP suppression (%s)", (which) => {
  const asker = { mac: mac(1), ip: "192.0.2.1" };

  function suppressing(settings: DomainSettings = { arpSuppression: true }) {
    const scene = new Scene(which, kernels);
    const bridgeDomain = scene.sw.addBridgeDomain(settings);
    scene.sw.addPort({ bridgeDomain });
    scene.sw.addPort({ bridgeDomain });
    scene.sw.addPort({ vlans: { 10: bridgeDomain } });
    scene.sw.addNeighbour({ bridgeDomain, ip: "192.0.2.2", mac: mac(2) });
    return { scene, bridgeDomain };
  }

  it("answers for neighbours it knows, on the port that asked", () => {
    const { scene, bridgeDomain } = suppressing();
    using _ = scene;
    const request = arpRequest(asker, "192.0.2.2");
    const [reply, ...others] = scene.send(1, request);
    expect(others).toEqual([]);
    expect(reply!.port).toBe(1);
    expect(reply!.bytes.length).toBe(60);
    const ethernet = dissect(reply!.bytes).layers[0]!;
    expect(ethernet).toMatchObject({ name: "ethernet" });
    expect([...reply!.bytes.subarray(0, 14)]).toEqual([2, 0, 0, 0, 2, 1, 2, 0, 0, 0, 2, 2, 8, 6]);
    const arp = parseArp(reply!.bytes, 14);
    expect(arp.ok && { ...arp.header }).toEqual({
      hardwareType: 1,
      protocolType: 0x0800,
      operation: 2,
      senderMac: Uint8Array.of(2, 0, 0, 0, 2, 2),
      senderIp: Uint8Array.of(192, 0, 2, 2),
      targetMac: Uint8Array.of(2, 0, 0, 0, 2, 1),
      targetIp: Uint8Array.of(192, 0, 2, 1),
    });
    expect(reply!.bytes.subarray(42)).toEqual(request.subarray(42));
    expect(scene.sw.counters().answered.arp).toBe(1);
    expect(scene.tallyOf(1)).toMatchObject({ received: 1, copies: 0, dropped: 0, sent: 1, sentBytes: 60 });
    // The asker has been learned.
    expect(scene.sw.fdb.get(bridgeDomain, mac(1))).toBeDefined();
    expect(scene.sw.fdb.size).toBe(1);
  });

  it("answers behind one tag, with that tag", () => {
    using scene = suppressing().scene;
    const tag = { vid: 10, pcp: 6, tpid: 0x9100 };
    const [reply] = scene.send(3, arpRequest(asker, "192.0.2.2", { tags: [tag] }));
    expect(reply!.port).toBe(3);
    expect([...reply!.bytes.subarray(12, 18)]).toEqual([0x91, 0, 0xc0, 10, 8, 6]);
    // An access port bears no tag, not even one of priority.
    const [untagged] = scene.send(
      1,
      arpRequest({ ...asker, mac: mac(5) }, "192.0.2.2", { tags: [{ vid: 0 }] }),
    );
    expect([...untagged!.bytes.subarray(12, 14)]).toEqual([8, 6]);
    expect(scene.ports(3, arpRequest(asker, "192.0.2.2", { tags: [{ vid: 10 }, { vid: 10 }] }))).toEqual([
      1, 2,
    ]);
  });

  it("floods what it cannot answer, and what is no plain request", () => {
    const { scene, bridgeDomain } = suppressing();
    using _ = scene;
    const flooded = [2, 3];
    const request = arpRequest(asker, "192.0.2.2");
    expect(scene.ports(1, arpRequest(asker, "192.0.2.3"))).toEqual(flooded);
    // Asking for one's own address is asking whether somebody else has it (RFC 5227).
    expect(scene.ports(1, arpRequest({ ...asker, ip: "192.0.2.2" }, "192.0.2.2"))).toEqual(flooded);
    expect(scene.ports(1, arpRequest({ ...asker, mac: mac(2) }, "192.0.2.2"))).toEqual(flooded);
    expect(scene.ports(1, request.slice(0, 41))).toEqual(flooded);
    for (const [at, value] of [
      [15, 6],
      [16, 0x86],
      [18, 5],
      [19, 16],
      [21, 2],
      [13, 0],
    ] as const) {
      const other = request.slice();
      other[at] = value;
      expect(scene.ports(1, other), `byte ${at} is ${value}`).toEqual(flooded);
    }
    expect(scene.ports(1, request.slice(0, 42))).toEqual([1]);
    scene.sw.removeNeighbour({ bridgeDomain, ip: "192.0.2.2" });
    expect(scene.ports(1, request)).toEqual(flooded);
    expect(scene.sw.counters().answered.arp).toBe(1);
  });

  it("is off unless it is asked for", () => {
    using scene = suppressing({}).scene;
    expect(scene.ports(1, arpRequest(asker, "192.0.2.2"))).toEqual([2, 3]);
  });
});

describe.each(answering)("the VTEP (%s)", (which) => {
  const router = { mac: "02:aa:00:00:00:01", ip: "10.1.5.1" };
  const vtep = { address: "10.1.5.7" };

  it("answers ARP requests for its address on the uplink", () => {
    using scene = new Scene(which, kernels, { vtep });
    expect(scene.sw.uplink!.number).toBe(0);
    const [reply] = scene.send(0, arpRequest(router, "10.1.5.7"));
    expect(reply!.port).toBe(0);
    expect([...reply!.bytes.subarray(0, 14)]).toEqual([2, 0xaa, 0, 0, 0, 1, 2, 0, 10, 1, 5, 7, 8, 6]);
    const arp = parseArp(reply!.bytes, 14);
    expect(arp.ok && [arp.header.operation, ...arp.header.senderIp, ...arp.header.senderMac]).toEqual([
      2, 10, 1, 5, 7, 2, 0, 10, 1, 5, 7,
    ]);
    expect(scene.tallyOf(0)).toMatchObject({
      received: 1,
      receivedBytes: 60,
      sent: 1,
      sentBytes: 60,
      dropped: 0,
    });
    expect(scene.sw.counters().answered.arp).toBe(1);
  });

  it("answers with the MAC that it was given, and keeps an outer tag", () => {
    using scene = new Scene(which, kernels, { vtep: { ...vtep, mac: "02:bb:00:00:00:09" } });
    const [reply] = scene.send(0, arpRequest(router, "10.1.5.7", { tags: [{ vid: 9, pcp: 2 }] }));
    expect([...reply!.bytes.subarray(6, 18)]).toEqual([2, 0xbb, 0, 0, 0, 9, 0x81, 0, 0x40, 9, 8, 6]);
  });

  it("answers for nobody else", () => {
    using scene = new Scene(which, kernels, { vtep });
    expect(scene.dropped(0, arpRequest(router, "10.1.5.8"))).toEqual({ "not-tunnel": 1 });
    expect(scene.dropped(0, arpRequest({ ...router, ip: "10.1.5.7" }, "10.1.5.7"))).toEqual({
      "not-tunnel": 1,
    });
    using other = new Scene(which, kernels, { vtep: { address: "2001:db8::7" } });
    expect(other.dropped(0, arpRequest(router, "10.1.5.7"))).toEqual({ "not-tunnel": 1 });
  });
});
