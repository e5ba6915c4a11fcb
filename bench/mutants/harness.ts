// What is set on a planted fault: the tests of its place, the fuzzer, the soak, the stress; and whether that finds it.

import { spawn } from "node:child_process";
import { type Fault, kindOfFault } from "../trial/report.ts";
import type { Mutant } from "./list.ts";

export const HARNESSES = ["tests", "fuzz", "soak", "stress"] as const;
export type HarnessName = (typeof HARNESSES)[number];

/** After so many seconds it was found; undefined: it was not. */
export type Finding = number | undefined;

/** What a program that hangs takes longer than it should: then that is how it was found. */
const GRACE_SECONDS = 90;
const STRESS_SCALE = "0.01";

export class Harness {
  readonly #folder: string;
  readonly #seconds: number;
  /** What is found without any fault planted. */
  readonly #known: Map<HarnessName, ReadonlySet<string>> = new Map();

  constructor(folder: string, seconds: number) {
    this.#folder = folder;
    this.#seconds = seconds;
  }

  /** Looks what is found where no fault is planted; that is no finding later. */
  async calibrate(name: HarnessName): Promise<void> {
    if (name !== "fuzz" && name !== "soak") return;
    const { faults } = await this.#trial(name);
    this.#known.set(name, new Set(faults.map(kindOfFault)));
  }

  async find(name: HarnessName, mutant: Mutant): Promise<Finding> {
    if (name === "tests")
      return this.#exit([
        ...["node_modules/vitest/vitest.mjs", "run", "--project", "node", "--bail", "1"],
        ...mutant.tests.map((path) => `test/${path}`),
      ]);
    if (name === "stress") return this.#exit(["build/js/bench/stress/main.js", STRESS_SCALE]);
    const { faults, hung } = await this.#trial(name);
    const known = this.#known.get(name);
    const first = faults.find((fault) => known?.has(kindOfFault(fault)) !== true);
    return first?.atSeconds ?? hung;
  }

  /** How many seconds it took to fail; undefined if it did not. */
  async #exit(args: readonly string[]): Promise<Finding> {
    const { code, seconds } = await this.#run(args);
    return code === 0 ? undefined : seconds;
  }

  async #trial(
    name: "fuzz" | "soak",
  ): Promise<{ readonly faults: readonly Fault[]; readonly hung: Finding }> {
    const minutes = String(this.#seconds / 60);
    const { stdout, seconds } = await this.#run([
      `build/js/bench/${name}/main.js`,
      ...["--minutes", minutes, "--seed", "1", "--json"],
    ]);
    try {
      return { faults: (JSON.parse(stdout) as { faults: readonly Fault[] }).faults, hung: undefined };
    } catch {
      // It hung, or ended in the middle: that is a finding, too.
      return { faults: [], hung: seconds };
    }
  }

  #run(args: readonly string[]): Promise<{ code: number | null; stdout: string; seconds: number }> {
    const begin = performance.now();
    const child = spawn(process.execPath, args, { cwd: this.#folder, stdio: ["ignore", "pipe", "ignore"] });
    let stdout = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    const timer = setTimeout(() => child.kill("SIGKILL"), (this.#seconds + GRACE_SECONDS) * 1000);
    return new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code) => {
        clearTimeout(timer);
        resolve({ code, stdout, seconds: (performance.now() - begin) / 1000 });
      });
    });
  }
}
