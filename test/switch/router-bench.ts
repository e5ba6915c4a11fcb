// A switch record by hand: as much of a switch as routers and their kernels need.
import { dropReason, type Kernels } from "frameferry";
import {
  type DomainHandle,
  Neighbours,
  Router,
  type RouterHost,
  type RouterOptions,
} from "frameferry/switch";

/** Offsets of src/layout/switch.layout.ts, route.layout.ts and descriptor.layout.ts. */
const SWITCH = { domains: 12, flowSeed: 72, length: 128 };
const DOMAIN = { flags: 0, length: 64, answersArp: 8 };
const CONTEXT = { switch: 0, domains: 16, stamp: 52, answered: 96, length: 128 };
const DOMAIN_COUNTERS = 64;
const SLOT = 4096;
const POISON = 0xa5;

export interface Routed {
  readonly reason: string | undefined;
  readonly answered: boolean;
  /** The bridge domain it goes on in. */
  readonly domain: number;
  readonly bytes: Uint8Array;
  readonly wireLength: number;
}

export interface Input {
  readonly bytes: Uint8Array;
  readonly wireLength?: number;
  readonly headroom?: number;
}

/** A switch of 16 bridge domains that does nothing but route. */
export class RouteBench implements RouterHost {
  readonly kernels: Kernels;
  readonly neighbours: Neighbours;
  readonly #switch: number;
  readonly #domains: number;
  readonly #context: number;
  readonly #counters: number;
  readonly #descriptor: number;
  readonly #slot: number;
  readonly #routers: Router[] = [];
  changes = 0;

  constructor(kernels: Kernels, options: { neighbours?: number; flowSeed?: number } = {}) {
    this.kernels = kernels;
    this.#switch = kernels.plan.reserve("a switch", SWITCH.length);
    this.#domains = kernels.plan.reserve("bridge domains", 16 * DOMAIN.length);
    this.#context = kernels.plan.reserve("a context", CONTEXT.length);
    this.#counters = kernels.plan.reserve("bridge domains' counters", 16 * DOMAIN_COUNTERS);
    this.#descriptor = kernels.plan.reserve("a descriptor", 32);
    this.#slot = kernels.plan.reserve("a slot", SLOT);
    kernels.view.setUint32(this.#switch + SWITCH.domains, this.#domains, true);
    kernels.view.setUint32(this.#switch + SWITCH.flowSeed, options.flowSeed ?? 0, true);
    kernels.view.setUint32(this.#context + CONTEXT.switch, this.#switch, true);
    kernels.view.setUint32(this.#context + CONTEXT.domains, this.#counters, true);
    this.neighbours = new Neighbours(kernels, this.#switch, options.neighbours ?? 1024, 7n);
  }

  domainAddress({ id }: DomainHandle): number {
    if (!Number.isInteger(id) || id < 1 || id > 15) throw new RangeError(`bridgeDomain: none of this switch`);
    return this.#domains + id * DOMAIN.length;
  }

  changing<T>(change: () => T): T {
    this.changes++;
    return change();
  }

  router(options?: RouterOptions): Router {
    const router = new Router(this, options);
    this.#routers.push(router);
    return router;
  }

  /** Lets a bridge domain answer ARP requests for all neighbours. */
  suppress(id: number): void {
    const at = this.#domains + id * DOMAIN.length + DOMAIN.flags;
    this.kernels.bytes[at]! |= DOMAIN.answersArp;
  }

  /** Lets another second begin, in which all budgets are whole again. */
  nextSecond(): void {
    const { view } = this.kernels;
    const at = this.#context + CONTEXT.stamp;
    view.setUint32(at, (view.getUint32(at, true) + 1) % 2 ** 24, true);
  }

  /** ARP, echo, TTL exceeded, packet too big. */
  get answered(): number[] {
    return [0, 8, 16, 24].map((at) => this.kernels.counter(this.#context + CONTEXT.answered + at));
  }

  /** Runs one of the two kernels over a frame in a poisoned slot, and checks that nothing else has changed. */
  run(kernel: "route" | "answerArp", input: Input, domain: number, tagLength: 0 | 4 = 0): Routed {
    const { bytes, view, functions } = this.kernels;
    const { headroom = 128, wireLength = input.bytes.length } = input;
    const floor = this.#slot + 256;
    const start = floor + headroom;
    const region = bytes.subarray(this.#slot, this.#slot + SLOT);
    region.fill(POISON);
    bytes.set(input.bytes, start);
    const d = this.#descriptor;
    for (const [at, value] of [start, input.bytes.length, wireLength, floor, 0, 0xffffffff, 0, 77].entries())
      view.setUint32(d + 4 * at, value, true);
    const before = region.slice();
    const others = bytes.slice(d + 12, d + 32);
    const result = functions[kernel](this.#context, d, domain, tagLength) >>> 0;
    if (others.some((byte, i) => byte !== bytes[d + 12 + i])) throw new Error("other fields have changed");
    const from = floor - this.#slot;
    const end = from + headroom + input.bytes.length;
    region.forEach((byte, i) => {
      if ((i < from || i >= end) && byte !== before[i]) throw new Error(`byte ${i} outside has changed`);
    });
    const offset = view.getUint32(d, true);
    const length = view.getUint32(d + 4, true);
    if (offset < floor || offset + length > this.#slot + end) throw new Error("the frame has left its slot");
    const dropped = kernel === "route" && (result & 0xff) !== 0;
    const refused = dropped || (kernel === "answerArp" && result === 0);
    if (refused && (offset !== start || region.some((byte, i) => byte !== before[i])))
      throw new Error("a frame that was not answered has changed");
    return {
      reason: dropped ? dropReason(result & 0xff).name : undefined,
      answered: kernel === "answerArp" ? result === 1 : (result & 0x100) !== 0,
      domain: kernel === "answerArp" ? 0 : result >>> 16,
      bytes: bytes.slice(offset, offset + length),
      wireLength: view.getUint32(d + 8, true),
    };
  }

  close(): void {
    for (const router of this.#routers) router.close();
    this.neighbours.close();
    const { kernels } = this;
    const contexts = [this.#context, this.#counters];
    for (const address of [this.#switch, this.#domains, ...contexts, this.#descriptor, this.#slot])
      kernels.plan.release(address);
  }
}
