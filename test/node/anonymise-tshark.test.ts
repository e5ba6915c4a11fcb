// Anonymised captures as tshark reads them: the same protocols of the network, checksums that are as right as they were, and
// nowhere an address of those that it found before. Real captures too, where they are at hand.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadKernels, Pipeline, processCapture } from "frameferry";
import { createCaptureFile } from "frameferry/node";
import { type AnonymiseOptions, anonymise } from "frameferry/stages";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CAPTURES_FOLDER, capturesLikeTshark } from "../support/real-captures.ts";
import { hasTshark, tsharkFields } from "../support/tshark.ts";

const FIXTURES = ["vxlan.pcap", "QinQ_802.1_AD.pcapng"].map((name) =>
  join(import.meta.dirname, "../fixtures", name),
);
/** Small ones, so that a run stays short. */
const REAL = capturesLikeTshark
  .map((path) => join(CAPTURES_FOLDER, path))
  .filter((path) => readFileSync(path).length < 200_000)
  .slice(0, 20);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "frameferry-anonymise-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const CHECKSUMS = ["ip", "tcp", "udp", "icmp", "icmpv6"].map((name) => `${name}.checksum.status`);
const ADDRESSES = ["ip.addr", "ipv6.addr", "eth.addr", "arp.src.proto_ipv4", "arp.dst.proto_ipv4"];

async function anonymised(path: string, options: Partial<AnonymiseOptions>): Promise<string> {
  const out = join(folder, "out.pcap");
  using pipeline = new Pipeline(await loadKernels(), [anonymise({ key: new Uint8Array(16), ...options })]);
  await processCapture(readFileSync(path), pipeline, await createCaptureFile(out), { format: "pcap" });
  return out;
}

/** What stays whatever it is: nobody's, everybody's, and groups that all know. */
const COMMON =
  /^(0\.|127\.|224\.0\.[01]\.|255\.255\.255\.255|::1?$|ff0|ff:ff:ff|00:00:00:00:00:00|01:80:c2|01:00:0c|01:00:5e:00:0[01]|33:33:00)/;

describe.skipIf(!hasTshark()).each([...FIXTURES, ...REAL])("%s", (path) => {
  test.each(["zero", "keep"] as const)("with payload %s", async (payload) => {
    const out = await anonymised(path, { payload });
    const [before, after] = [tsharkFields(path, CHECKSUMS), tsharkFields(out, CHECKSUMS)];
    expect(after.length).toBe(before.length);
    before.forEach((row, i) => {
      row.forEach((status, at) => {
        // "0" is bad; what tshark could not check it does not call bad.
        if (status === "1") expect(after[i]![at], `frame ${i + 1}: ${CHECKSUMS[at]}`).toBe("1");
        if (status === "2") expect(after[i]![at], `frame ${i + 1}: ${CHECKSUMS[at]}`).not.toBe("1");
      });
    });
    if (payload === "keep") return;
    const wanted = new Set(
      tsharkFields(path, ADDRESSES)
        .flat()
        .filter((text) => text !== "" && !COMMON.test(text)),
    );
    const found = new Set(tsharkFields(out, ADDRESSES).flat());
    expect([...wanted].filter((address) => found.has(address))).toEqual([]);
  });
});
