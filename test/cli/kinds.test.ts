// encap and decap with every kind of tunnel: what went in comes out, the summary and workers are what they are for VXLAN.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CaptureWriter, readCapture } from "frameferry/pcap";
import { dissect } from "frameferry/wire";
import { expect, test } from "vitest";
import { cook } from "../support/passengers.ts";
import { good } from "./captures-support.ts";
import { temporaryFolder } from "./program.ts";

const ENDS = ["--local", "fd00::1", "--remote", "fd00::2"];
const OPTION = ["--geneve-option", "0x0102:0x80:00010002"];

test.each([
  ["geneve", ["--vni", "7"], ["--vni", "7", "--verify-udp"], "geneve"],
  ["geneve", ["--vni", "7", ...OPTION, "--geneve-option", "1:1"], ["--take-critical"], "geneve"],
  ["gre", [], ["--strict"], "gre"],
  ["gre", ["--key", "0xffffffff", "--gre-checksum"], ["--key", "4294967295"], "gre"],
  ["nvgre", ["--vni", "5000"], ["--vni", "5000"], "gre"],
  ["vxlan-gpe", ["--vni", "7"], ["--vni", "7", "--strict"], "vxlan"],
])("%s %j there, %j back", async (kind, into, out, layer) => {
  const folder = temporaryFolder();
  const [lan, tunnel, back] = ["lan.pcap", "tunnel.pcap", "back.pcap"].map((name) => join(folder, name));
  const frames = Array.from({ length: 200 }, (_, seed) =>
    cook({ kind: seed % 2 ? "ipv4" : "ipv6", tags: [], protocol: 6, seed: seed + 1, length: 60 + seed }),
  );
  const writer = new CaptureWriter({ format: "pcap" });
  const records = frames.map((data, index) => ({ data, timestamp: BigInt(index) }));
  writeFileSync(lan!, Buffer.concat([writer.write(records), writer.finish()]));

  await good(["encap", lan!, "-o", tunnel!, "--kind", kind, ...ENDS, ...into]);
  for await (const { data } of readCapture(readFileSync(tunnel!))) {
    const { layers } = dissect(data, { checksums: true });
    expect(layers.map(({ name }) => name)).toContain(layer);
  }
  for (const workers of ["0", "2"]) {
    const args = ["decap", tunnel!, "-o", back!, "--kind", kind, ...out, "--workers", workers, "--json"];
    const { stdout } = await good(args);
    expect(JSON.parse(stdout)).toMatchObject({ received: 200, forwarded: 200, dropped: 0, changed: 200 });
    const passengers: string[] = [];
    for await (const { data } of readCapture(readFileSync(back!)))
      passengers.push(Buffer.from(data).toString("hex"));
    expect(passengers).toEqual(frames.map((frame) => Buffer.from(frame).toString("hex")));
  }
});
