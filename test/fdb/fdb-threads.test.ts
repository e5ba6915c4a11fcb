// The FDB between real threads, in short: `npm run stress` does it at length.
import { loadKernels, type WorkerLike } from "frameferry";
import { SwitchCore } from "frameferry/switch";
import { expect, test } from "vitest";
import { type FdbCase, fdbNameOf, runFdbLitmus } from "../../build/js/bench/stress/fdb.js";
import { FDB_READERS } from "../../src/layout/fdb.layout.ts";
import { isolated } from "../dataplane/support.ts";

function spawn(): WorkerLike {
  const here = import.meta.url;
  const url = new URL("../../build/js/bench/stress/fdb-worker.js", here);
  if ("document" in globalThis) return new Worker(url, { type: "module" }) as unknown as WorkerLike;
  const { Worker: NodeWorker } = globalThis.process.getBuiltinModule("node:worker_threads");
  return new NodeWorker(url) as unknown as WorkerLike;
}

const cases: readonly FdbCase[] = [
  { threads: 2, domains: 1, capacity: 64, turns: 3000, seed: 1 },
  { threads: 3, domains: 4, capacity: 80, turns: 3000, seed: 2 },
  { threads: 3, domains: 50, capacity: 100, turns: 3000, seed: 3 },
  { threads: 2, domains: 200, capacity: 2000, turns: 3000, seed: 4 },
];

test.runIf(isolated).each(cases.map((one) => [fdbNameOf(one), one] as const))("%s", async (_, one) => {
  expect(await runFdbLitmus(one, spawn)).toBeGreaterThan(one.turns);
});

test("a table of one thread has no readers to wait for", async () => {
  const kernels = await loadKernels({ memoryBytes: 4 << 20 });
  using sw = new SwitchCore(kernels);
  expect(kernels.words[(sw.fdb.address + FDB_READERS) >>> 2]).toBe(0);
});
