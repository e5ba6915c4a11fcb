// What is left of captures without copies: the same frames that editcap leaves.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadKernels, Pipeline, processCapture } from "frameferry";
import { createCaptureFile } from "frameferry/node";
import { dedup } from "frameferry/stages";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CAPTURES_FOLDER, capturesLikeTshark } from "../support/real-captures.ts";

const hasEditcap = spawnSync("editcap", ["--version"]).status === 0;
if (!hasEditcap) console.warn("skipped: editcap is not installed");

const FIXTURES = ["vxlan.pcap", "QinQ_802.1_AD.pcapng"].map((name) =>
  join(import.meta.dirname, "../fixtures", name),
);
/** Small ones, so that a run stays short. */
const REAL = capturesLikeTshark
  .map((path) => join(CAPTURES_FOLDER, path))
  .filter((path) => readFileSync(path).length < 200_000)
  .slice(0, 6);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "frameferry-dedup-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Times and hashes of all frames of a capture, by tshark. */
function framesOf(path: string): string[] {
  const args = ["-n", "-r", path, "-o", "frame.generate_md5_hash:TRUE", "-T", "fields"];
  const fields = ["frame.time_epoch", "frame.md5_hash", "frame.len"].flatMap((name) => ["-e", name]);
  const out = execFileSync("tshark", [...args, ...fields], {
    encoding: "utf8",
    maxBuffer: 1 << 28,
    stdio: ["ignore", "pipe", "ignore"],
  });
  return out.split("\n").slice(0, -1);
}

describe.skipIf(!hasEditcap).each([1, 4, 99])("a window of %d frames", (window) => {
  test("leaves what editcap leaves", async () => {
    const [doubled, ours, theirs] = ["doubled", "ours", "theirs"].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    for (const path of [...FIXTURES, ...REAL]) {
      // The same capture twice, in the order of time: each frame comes again.
      execFileSync("mergecap", ["-w", doubled, "-F", "pcapng", path, path], { stdio: "ignore" });
      using pipeline = new Pipeline(await loadKernels(), [dedup({ window })]);
      await processCapture(readFileSync(doubled), pipeline, await createCaptureFile(ours));
      // It counts the frame itself.
      execFileSync("editcap", ["-D", String(window + 1), doubled, theirs], { stdio: "ignore" });
      expect(framesOf(ours), path).toEqual(framesOf(theirs));
    }
  });
});
