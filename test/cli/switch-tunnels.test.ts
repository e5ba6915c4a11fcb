// frameferry switch: tunnels of all kinds in one configuration.
import { expect, test } from "vitest";
import { run } from "../support/run-program.ts";
import { hasTshark } from "./program.ts";
import { A, at, EVERYBODY, frame, Laboratory } from "./switch-support.ts";

const LEFT = "10.0.0.1";
const RIGHT = "10.0.0.2";

test.runIf(hasTshark)("tunnels of all kinds to one remote, as tshark reads them", async () => {
  const laboratory = new Laboratory();
  const lengths = [60, 61, 300, 1500];
  const records = lengths.map((length, i) => at(i, frame({ to: EVERYBODY, from: A, length })));
  laboratory.writeCapture("a.pcap", records);
  const options = [
    { class: 258, type: 128, data: "00010002" },
    { class: 1, type: 1 },
  ];
  const tunnels = [
    { name: "vxlan", remote: RIGHT },
    { name: "geneve", kind: "geneve", remote: RIGHT, options, udpChecksum: true },
    { name: "gre", kind: "gre", remote: RIGHT, checksum: true },
    { name: "nvgre", kind: "nvgre", remote: "10.0.0.3" },
  ].map((tunnel) => ({ ...tunnel, bridgeDomains: ["orange"] }));
  await laboratory.run({
    vtep: { address: LEFT, ports: { geneve: 6082 } },
    bridgeDomains: [{ name: "orange", vni: 5000 }],
    ports: [{ name: "host", bridgeDomain: "orange", in: "a.pcap" }],
    tunnels: tunnels.map((tunnel) => (tunnel.kind === "geneve" ? { ...tunnel, port: 6081 } : tunnel)),
    uplink: { out: "left.pcapng" },
  });
  const fields = [
    "ip.dst",
    "vxlan.vni",
    "geneve.vni",
    "geneve.option.class",
    "gre.key",
    "gre.checksum.status",
  ];
  const { stdout } = run(
    "tshark",
    [
      ...["-r", laboratory.path("left.pcapng"), "-Y", "!_ws.malformed && !(udp.checksum.status == 0)"],
      ...["-o", "udp.check_checksum:TRUE", "-Tfields", "-Eoccurrence=f"],
      ...fields.flatMap((field) => ["-e", field]),
    ],
    laboratory.folder,
  );
  const lines = stdout.trimEnd().split("\n");
  // Every frame is flooded to all.
  expect(lines).toHaveLength(4 * lengths.length);
  for (const line of lines)
    expect(line).toMatch(
      /^10\.0\.0\.2\t5000\t{4}$|^10\.0\.0\.2\t\t0x001388\t(0x0102|258)\t\t$|^10\.0\.0\.2\t{4}0x00001388\t1$|^10\.0\.0\.3\t{4}0x001388..\t?$/,
    );
  const counts = [/\t5000\t/, /0x0102|258/, /0x00001388/, /0\.3\t/].map(
    (pattern) => lines.filter((line) => pattern.test(line)).length,
  );
  expect(counts).toEqual([4, 4, 4, 4]);
});
