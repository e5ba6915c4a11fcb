// Where a switch works: scratch for one burst, and slots for the copies that flooding makes.

import { knownKeys, wholeNumber } from "../core/arguments.ts";
import { expectKernels, type Kernels } from "../kernel/kernels.ts";
import {
  BATCH_FRAMES_MAXIMUM,
  FRAME_BYTES_DEFAULT,
  FRAME_BYTES_MAXIMUM,
  HEADROOM_DEFAULT,
  HEADROOM_MAXIMUM,
} from "../layout/batch.layout.ts";
import { DESCRIPTOR_LENGTH } from "../layout/descriptor.layout.ts";
import { CACHE_LINE } from "../layout/memory.layout.ts";
import { SCRATCH_LENGTH, SWITCH_BURST } from "../layout/switch.layout.ts";
import type { Workspace } from "./switch-types.ts";

export interface SwitchWorkspaceOptions {
  /** How many copies of frames there is room for at a time: 1 to 65,536, default 256. */
  readonly copies?: number;
  /** Longest frame that is copied, in bytes. Default 1,984. */
  readonly frameBytes?: number;
  /** Bytes in front of each copy, for tags and tunnels. Default 128. */
  readonly headroom?: number;
}

/** Room that switches of one thread share: half a mebibyte by default, which a thousand switches need only once. */
export class SwitchWorkspace implements Workspace {
  readonly kernels: Kernels;
  readonly copies: number;
  readonly frameBytes: number;
  readonly headroom: number;
  /** Bytes from slot to slot. */
  readonly stride: number;
  /** Addresses: scratch records, descriptors of copies, the list of what leaves, slots. */
  readonly scratch: number;
  readonly descriptors: number;
  readonly out: number;
  readonly slots: number;
  readonly #regions: number[] = [];
  #closed = false;
  #users = 0;

  constructor(kernels: Kernels, options: SwitchWorkspaceOptions = {}) {
    knownKeys("options", options, ["copies", "frameBytes", "headroom"]);
    this.kernels = expectKernels(kernels);
    this.copies = wholeNumber("copies", options.copies ?? 256, 1, BATCH_FRAMES_MAXIMUM);
    this.frameBytes = wholeNumber(
      "frameBytes",
      options.frameBytes ?? FRAME_BYTES_DEFAULT,
      1,
      FRAME_BYTES_MAXIMUM,
    );
    this.headroom = wholeNumber("headroom", options.headroom ?? HEADROOM_DEFAULT, 0, HEADROOM_MAXIMUM);
    const lines = Math.ceil((this.headroom + this.frameBytes) / CACHE_LINE);
    this.stride = (lines % 2 === 0 ? lines + 1 : lines) * CACHE_LINE;
    const reserve = (purpose: string, length: number): number => {
      const address = kernels.plan.reserve(purpose, length);
      this.#regions.push(address);
      return address;
    };
    try {
      this.scratch = reserve("a switch's scratch", SCRATCH_LENGTH);
      this.out = reserve("a switch's list of what leaves", (SWITCH_BURST + this.copies) * 4);
      this.descriptors = reserve("a switch's copies", this.copies * DESCRIPTOR_LENGTH);
      this.slots = reserve("slots for a switch's copies", this.copies * this.stride);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** For a switch that begins to use it, until `leave()`. */
  enter(): void {
    if (this.#closed) throw new TypeError("workspace: it has been closed");
    this.#users++;
  }

  leave(): void {
    this.#users--;
    this.#release();
  }

  /** Gives the memory back, at once or when the last of the switches that use it is closed; no other may use it then. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#release();
  }

  #release(): void {
    if (!this.#closed || this.#users > 0) return;
    for (const region of this.#regions.splice(0)) this.kernels.plan.release(region);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
