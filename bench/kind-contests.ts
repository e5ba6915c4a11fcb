// What the kinds of tunnels cost beside one another, on the way in and on the way out.

import {
  type DecapsulateStage,
  type EncapsulateStage,
  FrameBatch,
  type Kernels,
  Pipeline,
} from "../src/index.ts";
import { DESCRIPTOR_LENGTH } from "../src/layout/descriptor.layout.ts";
import type { Contest } from "./contests.ts";
import { makeFrames, tunnel } from "./frames.ts";
import { type Contender, contender } from "./rounds.ts";

export const KINDS_INTO = "encapsulate, by kind";
export const KINDS_OUT = "decapsulate, by kind";
const BURST = 256;
const { local, remote } = tunnel;
const ENDS = { stage: "encapsulate", local, remote } as const;
const OPTIONS = [{ class: 0x0102, type: 1, data: new Uint8Array(4) }];

const KINDS: readonly (readonly [string, EncapsulateStage])[] = [
  ["VXLAN", { ...ENDS, kind: "vxlan", vni: 42 }],
  ["Geneve", { ...ENDS, kind: "geneve", vni: 42 }],
  ["Geneve with an option", { ...ENDS, kind: "geneve", vni: 42, options: OPTIONS }],
  ["GRE", { ...ENDS, kind: "gre" }],
  ["GRE with a key", { ...ENDS, kind: "gre", key: 42 }],
  ["GRE with a checksum", { ...ENDS, kind: "gre", checksum: true }],
  ["NVGRE", { ...ENDS, kind: "nvgre", vni: 5000 }],
  ["VXLAN-GPE", { ...ENDS, kind: "vxlan-gpe", vni: 42 }],
];

export function* kindContests(
  kernels: Kernels,
  bytes: number,
  wanted: (group: string) => boolean,
): Generator<Contest> {
  for (const group of [KINDS_INTO, KINDS_OUT]) {
    if (!wanted(group)) continue;
    const ways = KINDS.map(([name, stage]) => new Way(kernels, name, stage, makeFrames(BURST, bytes)));
    yield { group, bytes, contenders: ways.map((way) => (group === KINDS_INTO ? way.into() : way.out())) };
    for (const way of ways) way.close();
  }
}

/** A burst, into a tunnel and out of it. */
class Way {
  readonly #name: string;
  readonly #batch: FrameBatch;
  readonly #into: Pipeline;
  readonly #out: Pipeline;
  readonly #renew: () => void;

  constructor(kernels: Kernels, name: string, stage: EncapsulateStage, frames: readonly Uint8Array[]) {
    this.#name = name;
    this.#batch = new FrameBatch(kernels, { frames: BURST });
    this.#batch.fill(frames);
    const out: DecapsulateStage = { stage: "decapsulate", kind: stage.kind };
    this.#into = new Pipeline(kernels, [stage]);
    this.#out = new Pipeline(kernels, [out]);
    const start = this.#batch.descriptors >>> 2;
    const fresh = kernels.words.slice(start, start + (BURST * DESCRIPTOR_LENGTH) / 4);
    this.#renew = () => void kernels.words.set(fresh, start);
    this.#into.run(this.#batch);
    if (this.#out.run(this.#batch) !== BURST) throw new Error(`${name}: not all passengers came back`);
  }

  into(): Contender {
    return contender(this.#name, BURST, () => void this.#into.run(this.#batch), this.#renew);
  }

  out(): Contender {
    const prepare = (): void => {
      this.#renew();
      this.#into.run(this.#batch);
    };
    return contender(this.#name, BURST, () => void this.#out.run(this.#batch), prepare);
  }

  close(): void {
    this.#batch.close();
    this.#into.close();
    this.#out.close();
  }
}
