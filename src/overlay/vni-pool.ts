// Which VNIs are taken. Those that nobody chose are drawn, so that they tell nothing about how many there are.

import { ArgumentRangeError } from "../core/argument-error.ts";
import { wholeNumber } from "../core/arguments.ts";
import { VNI_MAXIMUM } from "../layout/vxlan.layout.ts";

export interface VniPoolOptions {
  /** The range in which VNIs are drawn, both included: 1 to 16,777,215. Default: all of it. */
  readonly first?: number | undefined;
  readonly last?: number | undefined;
}

/** Gives each virtual network a VNI of its own. */
export class VniPool {
  readonly #random: () => number;
  readonly #first: number;
  readonly #last: number;
  readonly #taken = new Set<number>();
  #drawable: number;

  /** `random` returns numbers from 0 up to but not 1. */
  constructor(random: () => number, options: VniPoolOptions = {}) {
    this.#random = random;
    this.#first = wholeNumber("vnis.first", options.first ?? 1, 1, VNI_MAXIMUM);
    this.#last = wholeNumber("vnis.last", options.last ?? VNI_MAXIMUM, this.#first, VNI_MAXIMUM);
    this.#drawable = this.#last - this.#first + 1;
  }

  /** Takes `vni`, or draws one. Throws a RangeError if it is taken, or if all are. */
  take(vni?: number): number {
    const chosen = vni === undefined ? this.#draw() : wholeNumber("vni", vni, 0, VNI_MAXIMUM);
    if (this.#taken.has(chosen)) throw new ArgumentRangeError("taken", "vni", `${chosen} is taken`);
    this.#taken.add(chosen);
    if (this.#draws(chosen)) this.#drawable--;
    return chosen;
  }

  release(vni: number): void {
    if (this.#taken.delete(vni) && this.#draws(vni)) this.#drawable++;
  }

  /** From a drawn place on, the next that is free: no draw is repeated, however full the range is. */
  #draw(): number {
    if (this.#drawable === 0)
      throw new ArgumentRangeError("full", "vni", `all from ${this.#first} to ${this.#last} are taken`);
    let vni = this.#first + Math.floor(this.#random() * (this.#last - this.#first + 1));
    while (this.#taken.has(vni)) vni = vni === this.#last ? this.#first : vni + 1;
    return vni;
  }

  #draws(vni: number): boolean {
    return vni >= this.#first && vni <= this.#last;
  }
}
