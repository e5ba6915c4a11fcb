// The package itself, through its public interface: a FrameBatch, a Pipeline of one stage, an Fdb.

import { FrameBatch, type Kernels, Pipeline } from "../../src/index.ts";
import { DESCRIPTOR_LENGTH } from "../../src/layout/descriptor.layout.ts";
import { allKernels } from "../all-kernels.ts";
import { tunnel } from "../frames.ts";
import { type Outcome, VLAN_ID } from "../image.ts";

export interface FrameferryDatapath {
  encapsulate(): void;
  decapsulate(): void;
  vlanPush(): void;
  vlanPop(): void;
  flowHashes(): void;
  checksums(): void;
  renew(): void;
  outcomes(): Outcome[];
  close(): void;
}

const BURST = 256;
/** Verdicts as the peers number them. */
const VERDICTS = { forward: 0, drop: 3 };

/** Batches of 256 frames that hold copies of `frames`. */
export function frameferryDatapath(
  kernels: Kernels,
  frames: readonly Uint8Array[],
  seed: number,
  wireLengths?: readonly number[],
): FrameferryDatapath {
  const batches: FrameBatch[] = [];
  for (let first = 0; first < frames.length; first += BURST) {
    const batch = new FrameBatch(kernels);
    for (let i = first; i < first + BURST; i++) {
      batch.add(frames[i]!, { mark: i, wireLength: wireLengths?.[i] ?? frames[i]!.length });
    }
    batches.push(batch);
  }
  const { vni, local, remote, localMac, remoteMac, port, ttl } = tunnel;
  const pipelines = {
    encapsulate: new Pipeline(kernels, [
      { stage: "encapsulate", kind: "vxlan", vni, local, remote, localMac, remoteMac, port, ttl, seed },
    ]),
    decapsulate: new Pipeline(kernels, [
      { stage: "decapsulate", kind: "vxlan", vni, port, lengths: "strict" },
    ]),
    vlanPush: new Pipeline(kernels, [{ stage: "vlan-push", vid: VLAN_ID }]),
    vlanPop: new Pipeline(kernels, [{ stage: "vlan-pop" }]),
  };
  const { words } = kernels;
  const functions = allKernels(kernels);
  const fresh = batches.map((batch) => {
    const start = batch.descriptors >>> 2;
    return words.slice(start, start + (batch.length * DESCRIPTOR_LENGTH) / 4);
  });
  const run = (pipeline: Pipeline): void => {
    for (const batch of batches) pipeline.run(batch);
  };
  const eachFrame = (work: (word: number) => void): void => {
    for (const batch of batches) {
      for (let i = 0; i < batch.length; i++) work((batch.descriptors + i * DESCRIPTOR_LENGTH) >>> 2);
    }
  };
  return {
    encapsulate: () => run(pipelines.encapsulate),
    decapsulate: () => run(pipelines.decapsulate),
    vlanPush: () => run(pipelines.vlanPush),
    vlanPop: () => run(pipelines.vlanPop),
    flowHashes: () =>
      eachFrame((word) => {
        words[word + 6] = functions.flowHash(words[word]!, words[word + 1]!, seed);
      }),
    checksums: () =>
      eachFrame((word) => {
        words[word + 7] = functions.checksum(words[word]!, words[word + 1]!);
      }),
    renew: () => batches.forEach((batch, i) => void words.set(fresh[i]!, batch.descriptors >>> 2)),
    outcomes: () =>
      batches.flatMap((batch) =>
        Array.from({ length: batch.length }, (_, i) => ({
          verdict: VERDICTS[batch.verdict(i)],
          reason: batch.dropReason(i)?.code ?? 0,
          wireLength: batch.wireLength(i),
          vni: batch.vni(i) ?? 0xffffffff,
          flowHash: batch.flowHash(i),
          mark: batch.mark(i),
          bytes: batch.frame(i).slice(),
        })),
      ),
    close: () => {
      for (const batch of batches) batch.close();
      for (const pipeline of Object.values(pipelines)) pipeline.close();
    },
  };
}
