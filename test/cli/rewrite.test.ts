// Headers of captures rewritten from the command line.
import { join } from "node:path";
import { expect, test } from "vitest";
import { good, layer } from "./captures-support.ts";
import { frameferry, recordsOf, temporaryFolder, VXLAN } from "./program.ts";

test("rewrite changes what was asked for in the outermost headers", async () => {
  const out = join(temporaryFolder(), "out.pcap");
  const options = ["--addresses", "0.0.0.0/0=10.9.0.0/16", "--ports", "4789=8472", "--ttl", "5"];
  const { stdout } = await good(["rewrite", VXLAN, "-o", out, ...options, "--dscp", "0=46", "--json"]);
  const before = await recordsOf(VXLAN);
  expect(JSON.parse(stdout)).toMatchObject({
    command: "rewrite",
    received: before.length,
    forwarded: before.length,
    changed: before.length,
  });
  (await recordsOf(out)).forEach((record, i) => {
    const [was, is] = [layer(before[i]!, "ipv4"), layer(record, "ipv4")];
    expect([...is.header.source]).toEqual([10, 9, ...was.header.source.slice(2)]);
    expect(is.header.ttl).toBe(5);
    expect(layer(record, "udp").header.destinationPort).toBe(8472);
    expect(record.data.slice(50)).toEqual(before[i]!.data.slice(50));
  });
});

test("TTLs that do not last are counted as dropped", async () => {
  const out = join(temporaryFolder(), "out.pcap");
  const { stdout } = await good(["rewrite", VXLAN, "-o", out, "--ttl-less", "255", "--json"]);
  const before = await recordsOf(VXLAN);
  expect(JSON.parse(stdout)).toMatchObject({ forwarded: 0, drops: { "ttl-exceeded": before.length } });
});

test.each([
  [[], "nothing to rewrite: give --source-mac, --destination-mac, --macs, --source"],
  [["--ports", "80-70=1"], "--ports: expected the lower one first, got 80, 70"],
  [["--ports", "80=90-91"], "--ports: a range can only come of one that is as long"],
  [["--ports", "http=80"], "--ports: expected a whole number from 0 to 65535"],
  [["--ports", "1=2=3"], "--ports: expected a whole number from 0 to 65535"],
  [["--source", "10.0.0.0/8=fd00::/8"], "--source: one address is of IPv4, and the other of IPv6"],
  [["--source", "10.0.0.1/8=10.0.0.0/8"], "--source: expected 10.0.0.0/8 or a longer prefix"],
  [["--macs", "02:00"], "--macs"],
  [["--ttl", "1", "--ttl-less", "1"], "--ttl-less: what the TTL becomes is said by ttl already"],
  [["--ttl-less", "0"], "--ttl-less: expected a whole number from 1 to 255"],
])("%j is bad usage", async (args, sentence) => {
  const { status, stderr } = await frameferry(["rewrite", VXLAN, "-o", "x.pcap", ...args]);
  expect(stderr).toContain(sentence);
  expect(status).toBe(2);
});
