// frameferry decap on captures whose carriers were cut into fragments: what it writes, what it tells, and how it is left.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Carrier, carrierFrame, cutsOf, pcapOf, seeded, udpOf } from "../support/fragment-frames.ts";
import type { Seen } from "../support/fragment-model.ts";
import { frameferry, recordsOf } from "./program.ts";

const START = 1_700_000_000_000_000_000n;
let folder: string;
const path = (name: string): string => join(folder, name);

/** Three packets of VXLAN in three fragments each, of which one fragment is missing, and a DNS answer in three. */
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "frameferry-fragments-"));
  const records: Seen[] = [4789, 4789, 4789, 53].flatMap((port, id) => {
    const carrier: Carrier = {
      ipv6: id === 1,
      options: false,
      tagged: false,
      id,
      udp: udpOf(seeded(id), port, 3000),
    };
    return cutsOf(() => 174, carrier.udp, 1400).map((cut, i) => {
      const data = carrierFrame(carrier, cut);
      return { time: START + BigInt(10 * id + i), data, wire: data.length };
    });
  });
  records.splice(7, 1);
  writeFileSync(path("parts.pcap"), pcapOf(records));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function decap(...more: string[]) {
  const { status, stdout, stderr } = await frameferry([
    "decap",
    path("parts.pcap"),
    "-o",
    path("out.pcap"),
    ...more,
  ]);
  expect(status, stderr).toBe(0);
  return { stdout: String(stdout), stderr, records: await recordsOf(path("out.pcap")) };
}

test("puts fragments together, and tells how many", async () => {
  const { stdout, records } = await decap();
  expect(records.map(({ timestamp, data }) => [timestamp, data.length])).toEqual([
    [START + 2n, 3000],
    [START + 12n, 3000],
  ]);
  expect(stdout).toMatch(/received +11 /);
  expect(stdout).toMatch(/joined +4 +fragments put together with another, 2 packets in all/);
  expect(stdout).toMatch(/fragment-incomplete +2 +a fragment whose others did not come/);
  expect(stdout).toMatch(/not-tunnel +3 /);
});

test("says so as JSON, with workers as without", async () => {
  const wanted = { received: 11, forwarded: 2, dropped: 5, joined: 4, reassembled: 2 };
  const alone = await decap("--json");
  const bytes = readFileSync(path("out.pcap"));
  for (const { stdout } of [alone, await decap("--json", "--workers", "2")])
    expect(JSON.parse(stdout)).toMatchObject({
      ...wanted,
      drops: { "fragment-incomplete": 2, "not-tunnel": 3 },
    });
  expect(readFileSync(path("out.pcap")).equals(bytes)).toBe(true);
});

test("keeps what does not become a tunnel's, in parts", async () => {
  const { stdout, records } = await decap("--keep-others", "--json");
  expect(JSON.parse(stdout)).toMatchObject({ received: 11, forwarded: 7, dropped: 0, joined: 4 });
  expect(records.map(({ timestamp }) => Number((timestamp ?? 0n) - START))).toEqual([
    2, 12, 30, 31, 32, 20, 22,
  ]);
});

test("leaves them alone with --no-reassembly", async () => {
  const { stdout, stderr } = await decap("--no-reassembly", "--json");
  expect(JSON.parse(stdout)).toMatchObject({ drops: { "outer-ip-fragment": 11 }, joined: 0, reassembled: 0 });
  expect(stderr).toContain("11 outer-ip-fragment: with the others of its packet");
  expect((await decap("--no-reassembly", "--keep-others")).records).toHaveLength(11);
});

test("takes the option once", async () => {
  const { status, stderr } = await frameferry([
    "decap",
    path("parts.pcap"),
    "-o",
    path("out.pcap"),
    "--no-reassembly",
    "--no-reassembly",
  ]);
  expect(status).not.toBe(0);
  expect(stderr).toContain("--no-reassembly: given twice");
});
