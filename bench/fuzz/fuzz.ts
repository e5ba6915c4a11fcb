// The fuzzer: batches of cases of every kind in turn until the time is over.

import { createDataplane } from "../../src/dataplane/create-dataplane.ts";
import { loadKernels } from "../../src/kernel/load-kernels.ts";
import { numbers } from "../stress/litmus-task.ts";
import { type Fault, kindOfFault, sentenceOf } from "../trial/report.ts";
import { CaptureFuzz } from "./capture-fuzz.ts";
import type { CaseFault } from "./faults.ts";
import { FrameFuzz } from "./frame-fuzz.ts";
import type { Next } from "./mutate.ts";
import { SwitchFuzz } from "./switch-fuzz.ts";

export interface FuzzOptions {
  readonly seconds: number;
  readonly seed: number;
  /** Only cases of kinds whose name has this in it: frames, switch, captures. */
  readonly only?: string | undefined;
  /** It ends with so many faults. */
  readonly faultsMost?: number;
  readonly onProgress?: (cases: Readonly<Record<string, number>>, seconds: number) => void;
}

export interface FuzzFault extends Fault {
  /** The smallest input that shows it, in hex. */
  readonly input: readonly string[];
}

export interface FuzzReport {
  readonly seed: number;
  readonly seconds: number;
  readonly cases: Readonly<Record<string, number>>;
  readonly faults: readonly FuzzFault[];
}

interface Kind {
  readonly name: string;
  /** Does a batch; returns how many cases, or the fault. */
  run(next: Next): Promise<number | CaseFault>;
}

const FAULTS_MOST = 20;
/** Milliseconds of one kind before it is the next one's turn. */
const SLICE = 100;
const PROGRESS_EVERY = 10_000;

export async function runFuzz(options: FuzzOptions): Promise<FuzzReport> {
  const { seconds, seed, only = "", faultsMost = FAULTS_MOST, onProgress } = options;
  const kernels = await loadKernels({ memoryBytes: 48 << 20 });
  const begin = performance.now();
  const end = begin + seconds * 1000;
  await using shared = await createDataplane({ workers: 2 });
  await using transfer = await createDataplane({ workers: 1, transport: "transfer" });
  const first = numbers(seed + 1);
  const kinds: readonly Kind[] = [
    new FrameFuzz(kernels, first),
    new SwitchFuzz(kernels, first),
    new CaptureFuzz(kernels, [shared, transfer], first),
  ].filter(({ name }) => name.includes(only));
  if (kinds.length === 0) throw new RangeError(`only: no kind's name has "${only}" in it`);
  const cases: Record<string, number> = Object.fromEntries(kinds.map(({ name }) => [name, 0]));
  const faults: FuzzFault[] = [];
  const known = new Set<string>();
  let told = begin;
  let batch = 0;
  for (let turn = 0; performance.now() < end && faults.length < faultsMost; turn++) {
    const kind = kinds[turn % kinds.length] as Kind;
    const slice = Math.min(end, performance.now() + SLICE);
    do {
      const batchSeed = (seed + batch++ * 0x9e3779b1) >>> 0;
      let outcome: number | CaseFault;
      try {
        outcome = await kind.run(numbers(batchSeed));
      } catch (error) {
        outcome = { where: "a batch", what: sentenceOf(error), input: [] };
      }
      if (typeof outcome === "number") cases[kind.name] = (cases[kind.name] as number) + outcome;
      else if (!known.has(kindOfFault(outcome))) {
        // The same again in other bytes is told once.
        known.add(kindOfFault(outcome));
        const atSeconds = (performance.now() - begin) / 1000;
        faults.push({ ...outcome, where: `${kind.name}: ${outcome.where}`, seed: batchSeed, atSeconds });
      }
    } while (performance.now() < slice && faults.length < faultsMost);
    if (performance.now() - told < PROGRESS_EVERY) continue;
    told = performance.now();
    onProgress?.(cases, (told - begin) / 1000);
  }
  return { seed, seconds: (performance.now() - begin) / 1000, cases, faults };
}
