// A network: kernels, switches, machines, links, and a clock of its own.

import { ArgumentRangeError, ArgumentTypeError } from "../core/argument-error.ts";
import { closed, wrongType } from "../core/arguments.ts";
import { type Checked, checkFields, type Fields, given, whole } from "../core/fields.ts";
import { FrameBatch } from "../frame/frame-batch.ts";
import { expectKernels, type Kernels } from "../kernel/kernels.ts";
import { KERNEL_FIELDS, loadKernels } from "../kernel/load-kernels.ts";
import { FRAME_BYTES_DEFAULT, FRAME_BYTES_MAXIMUM } from "../layout/batch.layout.ts";
import { SwitchCore } from "../switch/switch-core.ts";
import type { SwitchOptions, SwitchPort } from "../switch/switch-types.ts";
import { SwitchWorkspace } from "../switch/workspace.ts";
import { Clock } from "./clock.ts";
import {
  type Attachment,
  type Hop,
  LINK_FIELDS,
  Link,
  type LinkHost,
  type LinkOptions,
  type OneWay,
} from "./link.ts";
import { Machine, type MachineOptions } from "./machine.ts";
import { NetworkPort } from "./network-port.ts";
import { seededRandom } from "./random.ts";
import { SwitchNode } from "./switch-node.ts";
import { Traffic } from "./traffic.ts";

const MEMORY_DEFAULT = 256 * 1024 * 1024;
const ADVANCE_MAXIMUM = 1e10; // 115 days

export interface NetworkOptions {
  /** What chance is made of: 0 to 2^32 - 1, default 1. The same calls with the same seed give the same bytes. */
  readonly seed?: number | undefined;
  /** Size of the memory of all switches, in bytes. Default 256 MiB; pages that are never used cost nothing. */
  readonly memoryBytes?: number | undefined;
  /** Kernels that exist already, instead of `memoryBytes`. */
  readonly kernels?: Kernels | undefined;
  /** Longest frame that switches take, in bytes: 64 to 65,535, default 1,984. */
  readonly frameBytes?: number | undefined;
  /** Most frames that one `run` moves before it is taken for a loop. Default 10,000,000. */
  readonly maximumFrames?: number | undefined;
}

type Defaults = "seed" | "memoryBytes" | "frameBytes" | "maximumFrames";

const NETWORK_FIELDS: Fields<NetworkOptions, Defaults> = {
  seed: { ...whole(0, 0xffffffff), fallback: 1 },
  memoryBytes: { ...KERNEL_FIELDS.memoryBytes, fallback: MEMORY_DEFAULT },
  // Those of another version have a sentence of their own.
  kernels: given("kernels"),
  frameBytes: { ...whole(64, FRAME_BYTES_MAXIMUM), fallback: FRAME_BYTES_DEFAULT },
  maximumFrames: { ...whole(1, Number.MAX_SAFE_INTEGER), fallback: 10_000_000 },
};

/** Whatever a network consists of, but for its links. */
type NetworkEnd = SwitchNode | Machine | NetworkPort;

export class Network {
  readonly kernels: Kernels;
  /** Room for frames that switches make, shared by all. */
  readonly workspace: SwitchWorkspace;
  /** The next number of the seed's: from 0 (included) to 1 (excluded). */
  readonly random: () => number;
  /** Called for each frame that enters a link, its copy in hand. It must not send or run. */
  onHop: ((hop: Hop) => void) | undefined = undefined;
  readonly #batch: FrameBatch;
  readonly #clock: Clock = new Clock();
  readonly #traffic: Traffic = new Traffic(this.#clock);
  readonly #links: Map<string, Link> = new Map();
  readonly #nodes: Map<string, NetworkEnd> = new Map();
  readonly #switches: Set<SwitchNode> = new Set();
  readonly #busy: SwitchNode[] = [];
  readonly #maximumFrames: number;
  readonly #host: LinkHost;
  #running = false;
  #closed = false;

  /** Loads the kernels, unless some are given. */
  static async create(options: NetworkOptions = {}): Promise<Network> {
    const checked = checkFields<NetworkOptions, Defaults>("options", NETWORK_FIELDS, options);
    const { kernels, memoryBytes } = checked;
    return new Network(
      kernels === undefined ? await loadKernels({ memoryBytes }) : expectKernels(kernels),
      checked,
    );
  }

  private constructor(
    kernels: Kernels,
    { seed, maximumFrames, frameBytes }: Checked<NetworkOptions, Defaults>,
  ) {
    this.kernels = kernels;
    this.random = seededRandom(seed);
    this.#maximumFrames = maximumFrames;
    this.workspace = new SwitchWorkspace(kernels, { frameBytes });
    this.#batch = new FrameBatch(kernels, { frameBytes });
    const traffic = this.#traffic;
    const hook = (): ((hop: Hop) => void) | undefined => this.onHop;
    this.#host = {
      traffic,
      get onHop() {
        return hook();
      },
      land: (to, frame) => this.#land(to, frame),
    };
  }

  /** Virtual time in milliseconds, a multiple of 0.001. */
  get nowMs(): number {
    return this.#clock.nowUs / 1000;
  }

  /**
   * Adds a switch, with the network's workspace and a hash of its FDB that comes from the seed. What is not said is
   * sized for a network of many: 64 ports, 16 bridge domains, 64 neighbours, 1,024 FDB entries, no FDB events.
   */
  addSwitch(name: string, options: SwitchOptions = {}): SwitchNode {
    this.#free(name);
    const seed =
      (BigInt(Math.floor(this.random() * 2 ** 32)) << 32n) | BigInt(Math.floor(this.random() * 2 ** 32));
    const core = new SwitchCore(this.kernels, {
      bridgeDomains: 16,
      neighbours: 64,
      workspace: this.workspace,
      ...options,
      fdb: { capacity: 1024, events: 0, seed, ...options.fdb },
    });
    const node = new SwitchNode(name, core);
    this.#nodes.set(name, node);
    this.#switches.add(node);
    return node;
  }

  addMachine(name: string, options: MachineOptions): Machine {
    this.#free(name);
    const machine = new Machine(name, options, this.#clock);
    this.#nodes.set(name, machine);
    return machine;
  }

  /** Adds a port by which frames come in from outside and leave: it has the place of a machine. */
  addPort(name: string): NetworkPort {
    this.#free(name);
    const port = new NetworkPort(name, { remove: (gone) => this.remove(gone) });
    this.#nodes.set(name, port);
    return port;
  }

  /** Takes a node out, and its links with it. */
  remove(node: NetworkEnd): void {
    this.#between("remove");
    this.#own("node", node);
    for (const link of [...this.#links.values()])
      if (link.ends.some((end) => end.node === node)) this.disconnect(link);
    this.#nodes.delete(node.name);
    if (node instanceof NetworkPort) node.removed();
    if (node instanceof SwitchNode) {
      this.#switches.delete(node);
      node.core.close();
    }
  }

  /** Links two ends: `machine.nic`, `port.nic`, `switch.at(port)`, `switch.at()` for the uplink. An end can have one link. */
  connect(a: Attachment, b: Attachment, options: LinkOptions = {}): Link {
    const checked = checkFields<LinkOptions, "mtu" | "capture">("options", LINK_FIELDS, options);
    this.#checkEnd("a", a);
    this.#checkEnd("b", b);
    if (a.node === b.node && a.port === b.port)
      throw new ArgumentRangeError("contradiction", "b", "it is the same end as a");
    const name = checked.name ?? `${nameOf(a)}--${nameOf(b)}`;
    if (name === "") throw new ArgumentTypeError("wrong-type", "name", "expected a name");
    if (this.#links.has(name))
      throw new ArgumentRangeError("taken", "name", `there is a link ${name} already`);
    const link = new Link(this.#host, [a, b], name, checked.mtu, checked.capture);
    plug(a, link.ab);
    plug(b, link.ba);
    this.#links.set(name, link);
    return link;
  }

  /** Takes a link out; what is under way in it is dropped. */
  disconnect(link: Link): void {
    if (!(link instanceof Link)) throw wrongType("link", "a link", link);
    if (this.#links.get(link.name) !== link)
      throw new ArgumentRangeError("not-found", "link", "it is not, or no longer, in this network");
    link.remove();
    for (const end of link.ends) plug(end, undefined);
    this.#links.delete(link.name);
  }

  link(name: string): Link | undefined {
    return this.#links.get(name);
  }

  node(name: string): NetworkEnd | undefined {
    return this.#nodes.get(name);
  }

  links(): Link[] {
    return [...this.#links.values()];
  }

  nodes(): NetworkEnd[] {
    return [...this.#nodes.values()];
  }

  /**
   * Lets everything that is under way arrive, and what that sets off, until nothing moves. Returns how many frames
   * arrived somewhere.
   * @throws RangeError after `maximumFrames`: frames run in a circle. What moves can be stopped (`link.up`) and the
   * run be resumed.
   */
  run(): number {
    this.#between("run");
    this.#running = true;
    const traffic = this.#traffic;
    let moved = 0;
    try {
      while (traffic.underWay > 0) {
        if (moved >= this.#maximumFrames)
          throw new ArgumentRangeError(
            "full",
            "maximumFrames",
            `${moved} frames have moved and more are under way: a loop?`,
          );
        moved += traffic.arrive();
        this.#work();
        this.#clock.fire();
      }
    } finally {
      this.#running = false;
    }
    return moved;
  }

  /**
   * Lets at least so many milliseconds go by: timers fire, what was learned ages, and everything that this sets in
   * motion arrives. Returns how many frames arrived somewhere.
   */
  advance(ms: number): number {
    if (typeof ms !== "number") throw wrongType("ms", "a number", ms);
    if (!(ms >= 0 && ms <= ADVANCE_MAXIMUM))
      throw new ArgumentRangeError(
        "out-of-range",
        "ms",
        `expected a number from 0 to ${ADVANCE_MAXIMUM}, got ${ms}`,
      );
    const clock = this.#clock;
    const endUs = clock.nowUs + Math.round(ms * 1000);
    let moved = this.run();
    while (clock.nextUs <= endUs) {
      this.#skipTo(clock.nextUs);
      clock.fire();
      moved += this.run();
    }
    this.#skipTo(endUs);
    return moved;
  }

  /** Gives all memory back. The network cannot be used afterwards. */
  close(): void {
    if (this.#closed) return;
    this.#between("close");
    this.#closed = true;
    for (const { core } of this.#switches) core.close();
    this.#switches.clear();
    this.#batch.close();
    this.workspace.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Lets every switch forward what has arrived. */
  #work(): void {
    const busy = this.#busy;
    let done = 0;
    try {
      while (done < busy.length) (busy[done++] as SwitchNode).work(this.#batch, this.nowMs);
    } finally {
      busy.splice(0, done);
    }
  }

  /** Sets the clock forward, and takes out what has grown old before anything else moves. */
  #skipTo(us: number): void {
    const clock = this.#clock;
    if (us <= clock.nowUs) return;
    const before = Math.floor(clock.nowUs / 1e6);
    clock.nowUs = us;
    if (Math.floor(us / 1e6) > before) for (const { core } of this.#switches) core.fdb.sweep(this.nowMs);
  }

  #land(to: Attachment, frame: Uint8Array): void {
    const node = to.node as NetworkEnd;
    if (node instanceof Machine) node.take(frame);
    else if (node instanceof NetworkPort) node.arrive(frame);
    else if (node.take(frame, (to.port as SwitchPort).number)) this.#busy.push(node);
  }

  #checkEnd(name: string, end: Attachment): void {
    if (typeof end !== "object" || end === null)
      throw new ArgumentTypeError("wrong-type", name, `expected an attachment, got ${end}`);
    const node = this.#own(name, end.node);
    if (!(node instanceof SwitchNode)) {
      if (node.wayOut !== undefined)
        throw new ArgumentRangeError("taken", name, `${node.name} has a link already`);
      return;
    }
    const { port } = end;
    if (port === undefined)
      throw new ArgumentTypeError("wrong-type", name, `expected a port of ${node.name}`);
    if (node.core.port(port.name) !== port)
      throw new ArgumentRangeError("not-found", name, `${port.name} is no port of ${node.name}`);
    if (port.kind === "tunnel")
      throw new ArgumentRangeError(
        "not-for-this",
        name,
        `${port.name} is a tunnel, whose packets leave by the uplink`,
      );
    if (node.wayOut(port.number) !== undefined)
      throw new ArgumentRangeError("taken", name, `port ${port.name} of ${node.name} has a link already`);
  }

  #own(name: string, node: unknown): NetworkEnd {
    if (!(node instanceof SwitchNode || node instanceof Machine || node instanceof NetworkPort))
      throw new ArgumentTypeError("wrong-type", name, "expected a node of this network");
    if (this.#nodes.get(node.name) !== node)
      throw new ArgumentRangeError("not-found", name, `${node.name} is not, or no longer, in this network`);
    return node;
  }

  #free(name: string): void {
    this.#open();
    if (typeof name !== "string" || name === "")
      throw new ArgumentTypeError("wrong-type", "name", "expected a name");
    if (this.#nodes.has(name))
      throw new ArgumentRangeError("taken", "name", `there is a node ${name} already`);
  }

  #between(name: string): void {
    this.#open();
    if (this.#running) throw new ArgumentTypeError("busy", name, "not while the network runs");
  }

  #open(): void {
    if (this.#closed) throw closed("network");
  }
}

function plug(end: Attachment, wayOut: OneWay | undefined): void {
  const node = end.node as NetworkEnd;
  if (!(node instanceof SwitchNode)) node.plug(wayOut);
  else node.plug((end.port as SwitchPort).number, wayOut);
}

function nameOf({ node, port }: Attachment): string {
  return port === undefined ? node.name : `${node.name}.${port.name}`;
}
