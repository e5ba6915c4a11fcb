// What a pipeline writes of captures that are nearly sound, as Wireshark's reader judges it. Skipped without it.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join as joinPath } from "node:path";
import fc from "fast-check";
import { loadKernels, Pipeline } from "frameferry";
import { expect, test } from "vitest";
import { enhanced, iface, join, section } from "../pcap/capture-bytes.ts";
import { processed } from "../support/capture-corpus.ts";
import { nearlySound } from "../support/capture-mutations.ts";
import { noise } from "../support/passengers.ts";

const hasCapinfos = spawnSync("capinfos", ["--version"]).status === 0;

test.skipIf(!hasCapinfos)(
  "nothing that is written is refused, whatever was read",
  async () => {
    const folder = mkdtempSync(joinPath(tmpdir(), "frameferry-verdicts-"));
    const kernels = await loadKernels({ memoryBytes: 16 << 20 });
    using pipeline = new Pipeline(kernels, []);
    using tagged = new Pipeline(kernels, [{ stage: "vlan-push", vid: 5 }]);
    const write = async (name: string, bytes: Uint8Array, through = pipeline): Promise<boolean> => {
      try {
        const { bytes: written } = await processed(bytes, through);
        // A section alone is a file, and capinfos wants an interface in it.
        if (written.length > 0) writeFileSync(joinPath(folder, name), written);
        return written.length > 0;
      } catch {
        return false;
      }
    };
    try {
      const names: string[] = [];
      const samples = fc.sample(nearlySound, { seed: 1304, numRuns: 400 });
      for (const [i, blocks] of samples.entries())
        if (await write(`${i}`, join(blocks).bytes, i % 2 === 0 ? pipeline : tagged)) names.push(`${i}`);
      for (const code of [0, 1, 2, 3, 4, 5, 6, 7, 8, 2988, 2989, 19372, 19373])
        for (let length = 0; length <= 9; length++) {
          const last = enhanced(false, 0, 5n, noise(60, 1), 60, (b) =>
            b.option(code, new Uint8Array(length)),
          );
          const { bytes } = join([section(false), iface(false, 1, 0), last]);
          if (await write(`${code}-${length}`, bytes)) names.push(`${code}-${length}`);
        }
      expect(names.length).toBeGreaterThan(300);
      const { stderr, stdout } = spawnSync("capinfos", ["-c", "-T", ...names], {
        cwd: folder,
        encoding: "utf8",
      });
      expect(stderr.split("\n").filter((line) => line !== "" && !/^Running as/.test(line))).toEqual([]);
      expect(stdout.trim().split("\n")).toHaveLength(names.length + 1);

      // It would have said so: the same options, as they were read.
      const refused = join([
        section(false),
        iface(false, 1, 0),
        enhanced(false, 0, 5n, noise(60, 1), 60, (b) => b.number(2, 1).number(2, 50).number(4, 0)),
      ]).bytes;
      writeFileSync(joinPath(folder, "refused"), refused);
      expect(spawnSync("capinfos", ["-c", "refused"], { cwd: folder }).status).not.toBe(0);
      expect((await processed(refused, pipeline)).summary.damage?.reason).toMatch(
        /^option 1 claims 50 bytes/,
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
  60_000,
);
