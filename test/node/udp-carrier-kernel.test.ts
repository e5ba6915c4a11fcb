// Linux's own VXLAN and Geneve on the other side of a switch on a UDP carrier: what it sends is taken, and what it is sent
// it takes. tshark says what is on the cable between them.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  KERNEL,
  KERNEL_TUNNELS,
  KernelPeer,
  OURS,
  type RunningProgram,
  whyNoKernelPeer,
} from "../support/kernel-tunnels.ts";
import { hasTshark, tsharkFields } from "../support/tshark.ts";

if (whyNoKernelPeer !== undefined) console.warn(`skipped: ${whyNoKernelPeer}`);

const root = join(import.meta.dirname, "../..");

/** A switch of each family on carriers, and a machine in each bridge domain that answers ARP and echo requests. */
const VTEP = `
import { connect } from ${JSON.stringify(join(root, "dist/index.js"))};
import { openUdpCarrier } from ${JSON.stringify(join(root, "dist/node.js"))};
import { createSwitch } from ${JSON.stringify(join(root, "dist/switch.js"))};

const tunnels = ${JSON.stringify(KERNEL_TUNNELS)};
const ours = ${JSON.stringify(OURS)};
const kernel = ${JSON.stringify(KERNEL)};
const MAC = [2, 0, 0, 0, 0, 8];

function answer(frame, ip) {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  const back = frame.slice();
  back.set(frame.subarray(6, 12), 0);
  back.set(MAC, 6);
  const to = new DataView(back.buffer);
  if (view.getUint16(12) === 0x0806 && view.getUint16(20) === 1 && ip.every((byte, i) => frame[38 + i] === byte)) {
    to.setUint16(20, 2);
    back.set(frame.subarray(22, 32), 32);
    back.set(MAC, 22);
    back.set(ip, 28);
    return back;
  }
  if (view.getUint16(12) === 0x0800 && frame[23] === 1 && frame[34] === 8 && ip.every((byte, i) => frame[30 + i] === byte)) {
    back.set(frame.subarray(26, 30), 30);
    back.set(ip, 26);
    back[34] = 0;
    const sum = view.getUint16(36) + 0x0800;
    to.setUint16(36, (sum & 0xffff) + (sum >>> 16));
    return back;
  }
  return undefined;
}

const switches = {};
const carriers = {};
for (const family of ["IPv4", "IPv6"]) {
  switches[family] = await createSwitch({ workers: 0, vtep: { address: ours[family], udpChecksum: "verify" } });
  carriers[family] = await openUdpCarrier({ local: ours[family], ports: [4789, 6081], remotes: [kernel[family]] });
  connect(switches[family].uplink, carriers[family]);
}
for (const { kind, family, vni, ours: address } of tunnels) {
  const sw = switches[family];
  const bridgeDomain = await sw.addBridgeDomain({ vni });
  await sw.addTunnel({ kind, remote: kernel[family], bridgeDomains: [bridgeDomain] });
  const port = await sw.addPort({ bridgeDomain });
  const ip = address.split(".").map(Number);
  void (async () => {
    for await (const burst of port)
      for (const frame of burst) {
        const back = answer(frame, ip);
        if (back !== undefined) await port.sendAll([back]);
      }
  })();
}
process.on("SIGTERM", () => {
  console.log(JSON.stringify(Object.values(carriers).map((carrier) => carrier.counters())));
  process.exit(0);
});
console.log("ready");
`;

describe.skipIf(whyNoKernelPeer !== undefined)("the kernel's tunnels", () => {
  let peer: KernelPeer;
  let vtep: RunningProgram;
  beforeAll(async () => {
    peer = new KernelPeer();
    vtep = await peer.start("ready", process.execPath, "--input-type=module", "-e", VTEP);
  }, 60_000);
  afterAll(() => peer?.close());

  test.each(KERNEL_TUNNELS)("$kind over $family: pings of all sizes come back", ({ ours }) => {
    for (const size of [0, 1, 56, 1472]) {
      const { status, output } = peer.run("ping", "-c", "5", "-i", "0.1", "-M", "do", "-s", `${size}`, ours);
      expect(output).toContain("5 received, 0% packet loss");
      expect(status).toBe(0);
    }
  });

  test.skipIf(!hasTshark())("tshark has nothing to say against what is on the cable", async () => {
    const folder = mkdtempSync(join(tmpdir(), "ferry-cable-"));
    try {
      const path = join(folder, "cable.pcap");
      const recording = await peer.start(
        "listening on",
        "tcpdump",
        "--immediate-mode",
        "-Z",
        "root",
        "-i",
        "v1",
        "-U",
        "-w",
        path,
        "udp",
      );
      for (const { ours } of KERNEL_TUNNELS)
        expect(peer.run("ping", "-c", "3", "-i", "0.1", "-s", "400", ours).output).toContain("3 received");
      await new Promise((resolve) => setTimeout(resolve, 100));
      await recording.end("SIGINT");
      const names = [
        ...["ip.src", "ipv6.src", "udp.dstport", "vxlan.vni", "geneve.vni"],
        ...["ip.checksum.status", "udp.checksum.status", "icmp.checksum.status", "_ws.malformed"],
      ];
      const ours = tsharkFields(path, names).filter(([four, six]) => four === OURS.IPv4 || six === OURS.IPv6);
      for (const { family, kind, vni } of KERNEL_TUNNELS) {
        const echoes = ours.filter((fields) => fields[kind === "vxlan" ? 3 : 4] === vniText(kind, vni));
        expect(echoes.length).toBeGreaterThanOrEqual(3);
        for (const fields of echoes) {
          expect(fields[2]).toBe(kind === "vxlan" ? "4789" : "6081");
          // 1 is good, and over IPv4 the outer ones are absent, which is 3.
          expect(["1", "3"]).toContain(fields[6]);
          if (family === "IPv6") expect(fields[6]).toBe("1");
          expect(fields[8]).toBe("");
        }
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test("nothing was dropped on the way", async () => {
    const [four, six] = JSON.parse((await vtep.end()).split("\n")[1]!);
    // Neighbour discovery and the like are flooded to the machine, which says nothing to them.
    expect(four).toMatchObject({ dropped: 0, waiting: 0 });
    expect(six).toMatchObject({ dropped: 0, waiting: 0 });
    expect(four.received).toBeGreaterThanOrEqual(20);
    expect(six.received).toBeGreaterThanOrEqual(20);
  });
});

function vniText(kind: string, vni: number): string {
  return kind === "vxlan" ? `${vni}` : `0x${vni.toString(16).padStart(6, "0")}`;
}
