// The interfaces of a capture as the kernels see them: link, check sequence, snap length, unit of time, and by which
// interfaces of the output their frames leave.

import { linkOf } from "../core/link-types.ts";
import type { Kernels } from "../kernel/kernels.ts";
import {
  INTERFACE_ENTRY_ETHERNET,
  INTERFACE_ENTRY_LENGTH,
  INTERFACE_ENTRY_LINK,
  INTERFACE_ENTRY_OFFSET,
  INTERFACE_ENTRY_RAW,
  INTERFACE_ENTRY_SNAP_LENGTH,
  INTERFACE_ENTRY_SNAP_LENGTH_OUT,
  INTERFACE_ENTRY_TRAILER,
  INTERFACE_ENTRY_UNCHANGED,
  INTERFACE_ENTRY_UNITS,
  INTERFACE_NONE,
  INTERFACE_UNITS_FINE,
} from "../layout/capture.layout.ts";
import { TIME_POWER_OF_TWO } from "../layout/pcapng.layout.ts";
import type { InterfaceBlock } from "../pcap/pcapng-format.ts";
import type { KnownInterfaces } from "../pcap/problems.ts";
import type { TimeResolution } from "../pcap/time.ts";
import type { OutputNumbers } from "./output-interfaces.ts";

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

  /** Adds what kernels have to know of an interface, and by which of the output its frames leave. */
  add(description: Omit<InterfaceBlock, "options">, numbers: OutputNumbers, snapLengthOut: number): void {
    if (this.#count === this.#capacity) this.#grow();
    const { view } = this.#kernels;
    const at = this.#address + this.#count * INTERFACE_ENTRY_LENGTH;
    view.setUint8(at + INTERFACE_ENTRY_LINK, linkOf(description.linkType));
    view.setUint8(at + INTERFACE_ENTRY_TRAILER, description.fcsLength ?? 0);
    view.setUint32(at + INTERFACE_ENTRY_SNAP_LENGTH, description.snapLength, true);
    view.setBigUint64(at + INTERFACE_ENTRY_UNITS, unitsOf(description.resolution), true);
    view.setBigInt64(at + INTERFACE_ENTRY_OFFSET, description.offsetSeconds, true);
    view.setUint32(at + INTERFACE_ENTRY_SNAP_LENGTH_OUT, snapLengthOut, true);
    view.setUint32(at + INTERFACE_ENTRY_UNCHANGED, numbers.unchanged, true);
    view.setUint32(at + INTERFACE_ENTRY_ETHERNET, numbers.ethernet, true);
    view.setUint32(at + INTERFACE_ENTRY_RAW, numbers.raw, true);
    this.#count++;
  }

  /** The number by which most of an interface's frames leave: for what speaks of the interface itself. */
  numberOf(id: number): number | undefined {
    if (id >= this.#count) return undefined;
    const { view } = this.#kernels;
    const at = this.#address + id * INTERFACE_ENTRY_LENGTH;
    const numbers = [INTERFACE_ENTRY_UNCHANGED, INTERFACE_ENTRY_ETHERNET, INTERFACE_ENTRY_RAW];
    return numbers
      .map((field) => view.getUint32(at + field, true))
      .find((number) => number !== INTERFACE_NONE);
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

function unitsOf({ base, exponent }: TimeResolution): bigint {
  const units = BigInt(base) ** BigInt(exponent);
  if (units <= U64_MAXIMUM) return units;
  return (BigInt(INTERFACE_UNITS_FINE) << 32n) | BigInt(exponent | (base === 2 ? TIME_POWER_OF_TWO : 0));
}
