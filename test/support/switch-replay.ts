// Bursts that are put into a batch once and then run again and again: their bytes and descriptors are kept,
// and written back before each run. Adding frames one by one takes longer than forwarding them.
import { FrameBatch, type Kernels } from "frameferry";
import type { CoreSwitch, PortFrame } from "./switch-types.ts";

const DESCRIPTOR_LENGTH = 32;
const HEADROOM = 128;

interface Kept {
  readonly descriptors: Uint8Array;
  readonly slots: Uint8Array;
}

export class ReplayedBursts {
  readonly #batch: FrameBatch;
  readonly #kernels: Kernels;
  readonly #bursts: Kept[];
  readonly #slotsAt: number;

  constructor(kernels: Kernels, bursts: readonly (readonly PortFrame[])[]) {
    const frames = bursts[0]!.length;
    this.#kernels = kernels;
    this.#batch = new FrameBatch(kernels, { frames, frameBytes: 256, headroom: HEADROOM });
    const batch = this.#batch;
    batch.fill([new Uint8Array(64), new Uint8Array(64)]);
    const stride = batch.frame(1).byteOffset - batch.frame(0).byteOffset;
    this.#slotsAt = batch.frame(0).byteOffset - HEADROOM;
    this.#bursts = bursts.map((burst) => {
      batch.clear();
      for (const { port, bytes } of burst)
        if (!batch.add(bytes, { mark: port })) throw new Error("bursts differ in length");
      if (batch.length !== frames || batch.takeRefused() > 0) throw new Error("frames that do not fit");
      return {
        descriptors: kernels.bytes.slice(batch.descriptors, batch.descriptors + frames * DESCRIPTOR_LENGTH),
        slots: kernels.bytes.slice(this.#slotsAt, this.#slotsAt + frames * stride),
      };
    });
  }

  /** Runs burst `index`; the batch holds as many frames as the bursts, so its length stays. */
  forward(
    index: number,
    sw: CoreSwitch,
    nowMs: number,
    deliver: (frame: Uint8Array, port: number) => void,
  ): void {
    const { descriptors, slots } = this.#bursts[index % this.#bursts.length]!;
    this.#kernels.bytes.set(descriptors, this.#batch.descriptors);
    this.#kernels.bytes.set(slots, this.#slotsAt);
    sw.forward(this.#batch, nowMs, deliver);
  }

  close(): void {
    this.#batch.close();
  }
}
