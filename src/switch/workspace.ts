// Where a switch works: scratch for one burst, and slots for the copies that flooding makes.

import { closed } from "../core/arguments.ts";
import { checkFields } from "../core/fields.ts";
import { expectKernels, type Kernels } from "../kernel/kernels.ts";
import { DESCRIPTOR_LENGTH } from "../layout/descriptor.layout.ts";
import { CACHE_LINE } from "../layout/memory.layout.ts";
import { SCRATCH_LENGTH, SWITCH_BURST } from "../layout/switch.layout.ts";
import { WORKSPACE_FIELDS } from "./switch-options.ts";
import type { SwitchWorkspaceOptions, Workspace } from "./switch-types.ts";

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
    const { copies, frameBytes, headroom } = checkFields("options", WORKSPACE_FIELDS, options);
    this.kernels = expectKernels(kernels);
    this.copies = copies;
    this.frameBytes = frameBytes;
    this.headroom = headroom;
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
    if (this.#closed) throw closed("workspace");
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
