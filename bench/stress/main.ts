// `npm run stress`: the ring litmus at length, at least 10^8 items over all kinds of rings, the FDB litmus, and a capture
// of more than 1 GiB over workers. The fast versions are tests.
// `npm run stress -- 0.01` does a hundredth of it.

import { Worker } from "node:worker_threads";
import { type FdbCase, fdbNameOf, runFdbLitmus } from "./fdb.ts";
import { type LitmusCase, nameOf, runLitmus } from "./litmus.ts";
import { runLongCapture } from "./long-capture.ts";

const scale = Number(process.argv[2] ?? 1);
if (!(scale > 0)) {
  console.error("stress: expected a factor above 0, such as 0.01");
  process.exit(2);
}

let seed = 1;
const cases: LitmusCase[] = [];
for (const producers of [1, 3]) {
  for (const from of producers === 1 ? (["js", "wasm"] as const) : (["js", "wasm", "mixed"] as const)) {
    for (const to of ["js", "wasm"] as const) {
      for (const [capacity, burst, total] of [
        [1, 1, 50_000],
        [2, 256, 100_000],
        [16, 7, 500_000],
        [256, 32, 4_000_000],
        [1024, 256, 5_000_000],
        [65536, 256, 6_000_000],
      ] as const) {
        for (const pauses of [false, true])
          cases.push({
            kind: "items",
            producers,
            from,
            to,
            capacity,
            burst,
            total: pauses ? total / 10 : total,
            pauses,
            seed: seed++,
          });
      }
    }
  }
  for (const to of ["js", "wasm"] as const) {
    for (const [capacity, burst, total] of [
      [256, 1, 50_000],
      [1024, 8, 200_000],
      [8192, 32, 1_000_000],
      [65536, 256, 2_000_000],
    ] as const) {
      for (const pauses of [false, true])
        cases.push({
          kind: "bytes",
          producers,
          from: "js",
          to,
          capacity,
          burst,
          total: pauses ? total / 10 : total,
          pauses,
          seed: seed++,
        });
    }
  }
}

const fdbCases: FdbCase[] = [];
for (const threads of [2, 4, 8]) {
  for (const [domains, capacity] of [
    [1, 64],
    [4, 80],
    [50, 100],
    [200, 2000],
  ] as const)
    fdbCases.push({ threads, domains, capacity, turns: 400_000 / threads, seed: seed++ });
}

let sum = 0;
const start = performance.now();
for (const wanted of cases) {
  const one = { ...wanted, total: Math.max(1, Math.round(wanted.total * scale)) };
  const began = performance.now();
  const went = await runLitmus(one, () => new Worker(new URL("./litmus-worker.js", import.meta.url)));
  sum += went;
  const seconds = (performance.now() - began) / 1000;
  console.log(`${nameOf(one)}: ${(went / seconds / 1e6).toFixed(2)} million a second`);
}
const seconds = Math.round((performance.now() - start) / 1000);
console.log(
  `${cases.length} cases, ${sum} items and frames in ${seconds} s: nothing lost, doubled, reordered or changed`,
);

for (const wanted of fdbCases) {
  const one = { ...wanted, turns: Math.max(1, Math.round(wanted.turns * scale)) };
  const began = performance.now();
  const found = await runFdbLitmus(one, () => new Worker(new URL("./fdb-worker.js", import.meta.url)));
  console.log(`${fdbNameOf(one)}: ${found} found, all right, in ${Math.round(performance.now() - began)} ms`);
}

const mebibytes = Math.max(1, Math.round(1200 * scale));
const frames = await runLongCapture(mebibytes);
console.log(`a capture of ${mebibytes} MiB, ${frames} frames: one to three workers give what none gives`);
