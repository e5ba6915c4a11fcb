// A switch record by hand: as much of a switch as routers and their kernels need.
import { dropReason, type Kernels } from "frameferry";
import {
  type DomainHandle,
  Neighbours,
  Router,
  type RouterHost,
  type RouterOptions,
} from "frameferry/switch";
import { allKernels } from "../../build/js/bench/all-kernels.js";
import {
  DESCRIPTOR_FLOOR,
  DESCRIPTOR_FRAME_LENGTH,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_MARK,
  DESCRIPTOR_OFFSET,
  DESCRIPTOR_VNI,
  DESCRIPTOR_WIRE_LENGTH,
  VNI_NONE,
} from "../../src/layout/descriptor.layout.ts";
import {
  ANSWERED_ARP,
  ANSWERED_ECHO,
  ANSWERED_TOO_BIG,
  ANSWERED_TTL,
  CONTEXT_ANSWERED,
  CONTEXT_LENGTH,
  CONTEXT_SWITCH,
  DOMAIN_ANSWERS_ARP,
  DOMAIN_FLAGS,
  DOMAIN_LENGTH,
  SWITCH_DOMAINS,
  SWITCH_FLOW_SEED,
  SWITCH_LENGTH,
} from "../../src/layout/switch.layout.ts";

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
  readonly #descriptor: number;
  readonly #slot: number;
  readonly #routers: Router[] = [];
  changes = 0;

  constructor(kernels: Kernels, options: { neighbours?: number; flowSeed?: number } = {}) {
    this.kernels = kernels;
    this.#switch = kernels.plan.reserve("a switch", SWITCH_LENGTH);
    this.#domains = kernels.plan.reserve("bridge domains", 16 * DOMAIN_LENGTH);
    this.#context = kernels.plan.reserve("a context", CONTEXT_LENGTH);
    this.#descriptor = kernels.plan.reserve("a descriptor", DESCRIPTOR_LENGTH);
    this.#slot = kernels.plan.reserve("a slot", SLOT);
    kernels.view.setUint32(this.#switch + SWITCH_DOMAINS, this.#domains, true);
    kernels.view.setUint32(this.#switch + SWITCH_FLOW_SEED, options.flowSeed ?? 0, true);
    kernels.view.setUint32(this.#context + CONTEXT_SWITCH, this.#switch, true);
    this.neighbours = new Neighbours(kernels, this.#switch, options.neighbours ?? 1024, 7n);
  }

  domainAddress({ id }: DomainHandle): number {
    if (!Number.isInteger(id) || id < 1 || id > 15) throw new RangeError(`bridgeDomain: none of this switch`);
    return this.#domains + id * DOMAIN_LENGTH;
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
    const at = this.#domains + id * DOMAIN_LENGTH + DOMAIN_FLAGS;
    this.kernels.bytes[at]! |= DOMAIN_ANSWERS_ARP;
  }

  /** ARP, echo, TTL exceeded, packet too big. */
  get answered(): number[] {
    return [ANSWERED_ARP, ANSWERED_ECHO, ANSWERED_TTL, ANSWERED_TOO_BIG].map((at) =>
      this.kernels.counter(this.#context + CONTEXT_ANSWERED + at),
    );
  }

  /** Runs one of the two kernels over a frame in a poisoned slot, and checks that nothing else has changed. */
  run(kernel: "route" | "answerArp", input: Input, domain: number, tagLength: 0 | 4 = 0): Routed {
    const { bytes, view } = this.kernels;
    const { headroom = 128, wireLength = input.bytes.length } = input;
    const floor = this.#slot + 256;
    const start = floor + headroom;
    const region = bytes.subarray(this.#slot, this.#slot + SLOT);
    region.fill(POISON);
    bytes.set(input.bytes, start);
    const d = this.#descriptor;
    bytes.fill(0, d, d + DESCRIPTOR_LENGTH);
    for (const [at, value] of [
      [DESCRIPTOR_OFFSET, start],
      [DESCRIPTOR_FRAME_LENGTH, input.bytes.length],
      [DESCRIPTOR_WIRE_LENGTH, wireLength],
      [DESCRIPTOR_FLOOR, floor],
      [DESCRIPTOR_VNI, VNI_NONE],
      [DESCRIPTOR_MARK, 77],
    ] as const)
      view.setUint32(d + at, value, true);
    const before = region.slice();
    const others = bytes.slice(d + DESCRIPTOR_FLOOR, d + DESCRIPTOR_LENGTH);
    const result = allKernels(this.kernels)[kernel](this.#context, d, domain, tagLength) >>> 0;
    if (others.some((byte, i) => byte !== bytes[d + DESCRIPTOR_FLOOR + i]))
      throw new Error("other fields have changed");
    const from = floor - this.#slot;
    const end = from + headroom + input.bytes.length;
    region.forEach((byte, i) => {
      if ((i < from || i >= end) && byte !== before[i]) throw new Error(`byte ${i} outside has changed`);
    });
    const offset = view.getUint32(d + DESCRIPTOR_OFFSET, true);
    const length = view.getUint32(d + DESCRIPTOR_FRAME_LENGTH, true);
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
      wireLength: view.getUint32(d + DESCRIPTOR_WIRE_LENGTH, true),
    };
  }

  close(): void {
    for (const router of this.#routers) router.close();
    this.neighbours.close();
    for (const address of [this.#switch, this.#domains, this.#context, this.#descriptor, this.#slot])
      this.kernels.plan.release(address);
  }
}
