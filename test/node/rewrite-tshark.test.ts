// Captures with rewritten headers as tshark reads them: checksums are as right as they were, and addresses, ports and TTLs are
// those that were asked for. Real captures too, where they are at hand.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadKernels, Pipeline, processCapture } from "frameferry";
import { createCaptureFile } from "frameferry/node";
import { rewrite } from "frameferry/stages";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CAPTURES_FOLDER, capturesLikeTshark } from "../support/real-captures.ts";
import { hasTshark, tsharkFields } from "../support/tshark.ts";

const FIXTURES = ["vxlan.pcap", "QinQ_802.1_AD.pcapng"].map((name) =>
  join(import.meta.dirname, "../fixtures", name),
);
/** Small ones, so that a run stays short. */
const REAL = capturesLikeTshark
  .map((path) => join(CAPTURES_FOLDER, path))
  .filter((path) => readFileSync(path).length < 100_000)
  .slice(0, 12);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "frameferry-rewrite-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const CHECKSUMS = ["ip", "tcp", "udp", "icmpv6"].map((name) => `${name}.checksum.status`);
const SAID = ["ip.src", "ipv6.src", "ip.ttl", "ipv6.hlim", "ip.dsfield.dscp"];

const fields = (path: string): string[][] => tsharkFields(path, ["frame.protocols", ...SAID, ...CHECKSUMS]);

/** Frames whose outermost packet is one that is rewritten: behind Ethernet, and up to two tags. */
const PLAIN = /^(eth:ethertype:(vlan:ethertype:){0,2}|raw:|null:)(ip|ipv6)\b/;

describe.skipIf(!hasTshark())("tshark", () => {
  test.each([...FIXTURES, ...REAL])("%s", async (path) => {
    const out = join(folder, "out.pcapng");
    const stage = rewrite({
      addresses: [{ to: "172.0.0.0/8" }, { to: "fd00::/8" }],
      ttl: { to: 77 },
      dscp: { to: 46 },
    });
    using pipeline = new Pipeline(await loadKernels(), [stage]);
    await processCapture(readFileSync(path), pipeline, await createCaptureFile(out), { format: "pcapng" });
    const [before, after] = [fields(path), fields(out)];
    expect(after.length).toBe(before.length);
    before.forEach(([protocols = "", ...was], i) => {
      const is = after[i]!.slice(1);
      const about = `frame ${i + 1}: ${protocols}`;
      expect(is.slice(SAID.length), about).toEqual(was.slice(SAID.length));
      if (!PLAIN.test(protocols)) return;
      const [ipv4, ipv6, ttl, hops, dscp] = is;
      if (protocols.includes(":ipv6") && !protocols.includes(":ip:")) {
        expect(ipv6, about).toMatch(/^fd/);
        expect(hops, about).toBe("77");
      } else if (!protocols.includes(":ipv6")) {
        expect(ipv4, about).toBe(was[0]!.replace(/^\d+/, "172"));
        expect([ttl, dscp], about).toEqual(["77", "46"]);
      }
    });
  });
});
