// A network: kernels, switches, machines, links, and a clock of its own.

import { knownKeys, trueOrFalse, wholeNumber } from "../core/arguments.ts";
import { FrameBatch } from "../frame/frame-batch.ts";
import { expectKernels, type Kernels } from "../kernel/kernels.ts";
import { loadKernels } from "../kernel/load-kernels.ts";
import { SwitchCore } from "../switch/switch-core.ts";
import type { SwitchOptions } from "../switch/switch-types.ts";
import { SwitchWorkspace } from "../switch/workspace.ts";
import type { Attachment, Hop, Link, LinkHost, LinkOptions } from "./link.ts";
import type { Machine, MachineOptions } from "./machine.ts";
import { seededRandom } from "./random.ts";
import type { SwitchNode } from "./switch-node.ts";
import { Timers } from "./timers.ts";
import { Traffic } from "./traffic.ts";

export interface NetworkOptions {
  /** What chance is made of: 0 to 2^32 - 1, default 1. The same calls with the same seed give the same bytes. */
  readonly seed?: number;
  /** Size of the memory of all switches, in bytes. Default 256 MiB; pages that are never used cost nothing. */
  readonly memoryBytes?: number;
  /** Kernels that exist already, instead of `memoryBytes`. */
  readonly kernels?: Kernels;
  /** Most rounds of one `run`, a microsecond each, before it is taken for a loop. Default 10,000,000. */
  readonly maximumSteps?: number;
}

export class Network {
  readonly kernels: Kernels;
  /** Room for frames that switches make, shared by all. */
  readonly workspace: SwitchWorkspace;
  /** The next number of the seed's: from 0 (included) to 1 (excluded). */
  readonly random: () => number;
  /** Called for each frame that enters a link, its copy in hand. It must not send or run. */
  onHop: ((hop: Hop) => void) | undefined = undefined;
  readonly #batch: FrameBatch;
  readonly #traffic: Traffic = new Traffic();
  readonly #timers: Timers = new Timers();
  readonly #links: Map<string, Link> = new Map();
  readonly #nodes: Map<string, SwitchNode | Machine> = new Map();
  readonly #maximumSteps: number;

  /** Loads the kernels, unless some are given. */
  static async create(options: NetworkOptions = {}): Promise<Network> {
    knownKeys("options", options, ["seed", "memoryBytes", "kernels", "maximumSteps"]);
    const kernels =
      options.kernels === undefined
        ? await loadKernels({ memoryBytes: options.memoryBytes ?? 256 * 1024 * 1024 })
        : expectKernels(options.kernels);
    return new Network(kernels, options);
  }

  private constructor(kernels: Kernels, options: NetworkOptions) {
    this.kernels = kernels;
    this.random = seededRandom(options.seed ?? 1);
    this.#maximumSteps = wholeNumber(
      "maximumSteps",
      options.maximumSteps ?? 10_000_000,
      1,
      Number.MAX_SAFE_INTEGER,
    );
    this.workspace = new SwitchWorkspace(kernels);
    this.#batch = new FrameBatch(kernels);
  }

  /** Virtual time in milliseconds, a multiple of 0.001. */
  get nowMs(): number {
    return this.#traffic.nowUs / 1000;
  }

  /** Adds a switch, with the network's workspace and a hash of its FDB that comes from the seed. */
  addSwitch(name: string, options: SwitchOptions = {}): SwitchNode {
    throw new TypeError(`not yet ${name} ${options} ${SwitchCore}`);
  }

  addMachine(name: string, options: MachineOptions): Machine {
    throw new TypeError(`not yet ${name} ${options}`);
  }

  /** Takes a node out, and its links with it. */
  remove(node: SwitchNode | Machine): void {
    throw new TypeError(`not yet ${node}`);
  }

  /** Links two ends: `machine.nic`, `switch.at(port)`, `switch.at()` for the uplink. An end can have one link. */
  connect(a: Attachment, b: Attachment, options: LinkOptions = {}): Link {
    throw new TypeError(
      `not yet ${a} ${b} ${options} ${trueOrFalse} ${this.#host} ${this.#timers} ${this.#batch} ${this.#maximumSteps}`,
    );
  }

  /** Takes a link out; what is under way in it is dropped. */
  disconnect(link: Link): void {
    throw new TypeError(`not yet ${link}`);
  }

  link(name: string): Link | undefined {
    return this.#links.get(name);
  }

  node(name: string): SwitchNode | Machine | undefined {
    return this.#nodes.get(name);
  }

  links(): Link[] {
    return [...this.#links.values()];
  }

  nodes(): (SwitchNode | Machine)[] {
    return [...this.#nodes.values()];
  }

  /**
   * Lets everything that is under way arrive, and what that sets off, until nothing moves. Returns how many frames
   * arrived somewhere.
   * @throws RangeError after `maximumSteps`: frames run in a circle.
   */
  run(): number {
    throw new TypeError("not yet");
  }

  /** Lets time go by: timers fire, what was learned ages. Runs to the end. Returns how many frames arrived. */
  advance(ms: number): number {
    throw new TypeError(`not yet ${ms}`);
  }

  /** Gives all memory back. The network cannot be used afterwards. */
  close(): void {
    throw new TypeError("not yet");
  }

  [Symbol.dispose](): void {
    this.close();
  }

  readonly #host: LinkHost = { traffic: this.#traffic, onHop: undefined, land: () => {} };
}
