// The interfaces of a capture as the kernels see them: link type, snap length and unit of time.

import type { Kernels } from "../kernel/kernels.ts";
import {
  INTERFACE_ENTRY_LENGTH,
  INTERFACE_ENTRY_LINK_TYPE,
  INTERFACE_ENTRY_OFFSET,
  INTERFACE_ENTRY_SNAP_LENGTH,
  INTERFACE_ENTRY_UNITS,
} from "../layout/capture.layout.ts";
import type { InterfaceBlock } from "../pcap/pcapng-format.ts";
import type { KnownInterfaces } from "../pcap/problems.ts";

const CAPACITY_FIRST = 64;
const U64_MAXIMUM = (1n << 64n) - 1n;

export class InterfaceTable {
  readonly #kernels: Kernels;
  #capacity = CAPACITY_FIRST;
  #address: number;
  #count = 0;

  constructor(kernels: Kernels) {
    this.#kernels = kernels;
    this.#address = kernels.plan.reserve("an interface table", CAPACITY_FIRST * INTERFACE_ENTRY_LENGTH);
  }

  get address(): number {
    return this.#address;
  }

  get count(): number {
    return this.#count;
  }

  /** What packet blocks are measured by. */
  get known(): KnownInterfaces {
    const snapLength = this.#kernels.view.getUint32(this.#address + INTERFACE_ENTRY_SNAP_LENGTH, true);
    return { count: this.#count, snapLength: this.#count === 0 ? 0 : snapLength };
  }

  /** A new section starts to count from zero. */
  clear(): void {
    this.#count = 0;
  }

  add(description: Pick<InterfaceBlock, "linkType" | "snapLength" | "resolution" | "offsetSeconds">): void {
    if (this.#count === this.#capacity) this.#grow();
    const { view } = this.#kernels;
    const at = this.#address + this.#count * INTERFACE_ENTRY_LENGTH;
    const { base, exponent } = description.resolution;
    // Units too fine for 64 bits tick so fast that no real time fits either: any unit does.
    const units = BigInt(base) ** BigInt(exponent);
    view.setUint32(at + INTERFACE_ENTRY_LINK_TYPE, description.linkType, true);
    view.setUint32(at + INTERFACE_ENTRY_SNAP_LENGTH, description.snapLength, true);
    view.setBigUint64(at + INTERFACE_ENTRY_UNITS, units > U64_MAXIMUM ? U64_MAXIMUM : units, true);
    view.setBigInt64(at + INTERFACE_ENTRY_OFFSET, description.offsetSeconds, true);
    this.#count++;
  }

  close(): void {
    this.#kernels.plan.release(this.#address);
  }

  #grow(): void {
    const { plan, bytes } = this.#kernels;
    const length = this.#capacity * INTERFACE_ENTRY_LENGTH;
    const address = plan.reserve("an interface table", 2 * length);
    bytes.copyWithin(address, this.#address, this.#address + length);
    plan.release(this.#address);
    this.#address = address;
    this.#capacity *= 2;
  }
}
