// Code and data of stages in the kernels' memory, for as long as records point at them: those of several programs may.

import { Undo } from "../core/undo.ts";
import type { Kernels } from "../kernel/kernels.ts";
import type { CompiledStages } from "./compiled-stages.ts";

/** Where one part lies. It is given back when all who use it have released it, whoever made it among them. */
export class CodeRegion {
  readonly address: number;
  readonly #kernels: Kernels;
  #users = 1;

  constructor(kernels: Kernels, bytes: Uint8Array) {
    this.#kernels = kernels;
    this.address = kernels.plan.reserve("a stage's code", bytes.length);
    kernels.bytes.set(bytes, this.address);
  }

  use(): this {
    this.#users++;
    return this;
  }

  release(): void {
    if (--this.#users === 0) this.#kernels.plan.release(this.address);
  }
}

/** The code of compiled stages in a memory. It is to be released; what records point at then stays. */
export class PlacedCode {
  readonly compiled: CompiledStages;
  readonly #kernels: Kernels;
  /** Undefined where no stage that is asked for uses the part. */
  readonly #regions: readonly (CodeRegion | undefined)[];

  /** Of all stages, or only of these. */
  constructor(kernels: Kernels, compiled: CompiledStages, stages?: readonly number[]) {
    this.compiled = compiled;
    this.#kernels = kernels;
    const undo = new Undo();
    try {
      this.#regions = compiled.parts.map(({ bytes, uses }) => {
        if (stages !== undefined && !uses.some(({ stage }) => stages.includes(stage))) return undefined;
        return undo.with(new CodeRegion(kernels, bytes), (region) => region.release());
      });
    } catch (error) {
      throw undo.because(error);
    }
  }

  /**
   * Lets the record of a stage that lies at `record` say where its code is, as seen from `place`, where it will be run. Returns
   * what it uses then, to be released.
   */
  point(stage: number, record: number, place: number): CodeRegion[] {
    return this.compiled.parts.flatMap(({ uses }, index) => {
      const region = this.#regions[index] as CodeRegion;
      return uses
        .filter((use) => use.stage === stage)
        .map(({ field, from }) => {
          // It may lie in front: kernels add up in 32 bits.
          this.#kernels.words[(record + field) >>> 2] = region.address - place - from;
          return region.use();
        });
    });
  }

  release(): void {
    for (const region of this.#regions) region?.release();
  }
}
