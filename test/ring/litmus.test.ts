// Rings across real threads, in short: `npm run stress` does it at length.
import type { WorkerLike } from "frameferry";
import { expect, test } from "vitest";
import { type LitmusCase, nameOf, runLitmus } from "../../build/js/bench/stress/litmus.js";
import { isolated } from "../dataplane/support.ts";

function spawn(): WorkerLike {
  const here = import.meta.url;
  const url = new URL("../../build/js/bench/stress/litmus-worker.js", here);
  if ("document" in globalThis) return new Worker(url, { type: "module" }) as unknown as WorkerLike;
  const { Worker: NodeWorker } = globalThis.process.getBuiltinModule("node:worker_threads");
  return new NodeWorker(url) as unknown as WorkerLike;
}

const common = { from: "js", to: "js", pauses: false } as const;
const cases: readonly Omit<LitmusCase, "seed">[] = [
  { ...common, kind: "items", producers: 1, capacity: 1, burst: 1, total: 2000 },
  { ...common, kind: "items", producers: 1, to: "wasm", capacity: 16, burst: 7, total: 20_000, pauses: true },
  { ...common, kind: "items", producers: 1, from: "wasm", capacity: 256, burst: 32, total: 300_000 },
  {
    ...common,
    kind: "items",
    producers: 1,
    from: "wasm",
    to: "wasm",
    capacity: 65536,
    burst: 256,
    total: 500_000,
  },
  // Every item is the only one: what a plain store of a count would let another thread see too early is seen here.
  {
    ...common,
    kind: "items",
    producers: 1,
    from: "wasm",
    to: "wasm",
    capacity: 1,
    burst: 1,
    total: 20_000,
  },
  { ...common, kind: "items", producers: 2, capacity: 2, burst: 256, total: 2000 },
  {
    ...common,
    kind: "items",
    producers: 3,
    from: "mixed",
    capacity: 64,
    burst: 32,
    total: 100_000,
    pauses: true,
  },
  {
    ...common,
    kind: "items",
    producers: 3,
    from: "mixed",
    to: "wasm",
    capacity: 4096,
    burst: 256,
    total: 300_000,
  },
  { ...common, kind: "bytes", producers: 1, capacity: 256, burst: 1, total: 1000 },
  { ...common, kind: "bytes", producers: 1, capacity: 8192, burst: 32, total: 30_000, pauses: true },
  { ...common, kind: "bytes", producers: 1, to: "wasm", capacity: 16384, burst: 256, total: 50_000 },
  { ...common, kind: "bytes", producers: 3, capacity: 4096, burst: 32, total: 20_000 },
  {
    ...common,
    kind: "bytes",
    producers: 2,
    to: "wasm",
    capacity: 4096,
    burst: 8,
    total: 20_000,
    pauses: true,
  },
];

for (const [index, wanted] of cases.entries()) {
  test.runIf(isolated)(nameOf({ ...wanted, seed: 0 }), async () => {
    for (const seed of [2 * index + 2, 2 * index + 3]) {
      const went = await runLitmus({ ...wanted, total: wanted.total / 2, seed }, spawn);
      expect(went).toBeGreaterThanOrEqual(wanted.total / 2);
    }
  });
}
