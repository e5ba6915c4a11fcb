// A switch with a VTEP: its tables in the one memory, its bursts in one kernel call each.

import { formatIp, formatMac, parseIp, parseStation, parseStationMac } from "../core/addresses.ts";
import { ArgumentRangeError, ArgumentTypeError } from "../core/argument-error.ts";
import { aFunction, closed, wrongType } from "../core/arguments.ts";
import { checkFields, onlyFields } from "../core/fields.ts";
import { Undo } from "../core/undo.ts";
import { expectBatch, type FrameBatch } from "../frame/frame-batch.ts";
import { expectKernels, expectSameKernels, type Kernels } from "../kernel/kernels.ts";
import { DESCRIPTOR_LENGTH } from "../layout/descriptor.layout.ts";
import {
  CONTEXT_STAMP,
  SWITCH_BURST,
  SWITCH_FLOW_SEED,
  SWITCH_INTERRUPTED,
  UPLINK_NUMBER,
} from "../layout/switch.layout.ts";
import { BridgeDomains } from "./bridge-domains.ts";
import { type Deliver, deliverAll } from "./deliver.ts";
import { Neighbours } from "./neighbours.ts";
import { type Added, type HandleMaker, Ports } from "./ports.ts";
import { Router, type RouterHost } from "./router.ts";
import type { RouterOptions } from "./router-options.ts";
import { CounterTable, type SwitchCounters } from "./switch-counters.ts";
import { SwitchFdb, seconds } from "./switch-fdb.ts";
import type { FdbOwner } from "./switch-fdb-events.ts";
import { type SwitchContext, SwitchMemory } from "./switch-memory.ts";
import { NEIGHBOUR_ADDRESS_FIELDS, NEIGHBOUR_FIELDS, SWITCH_FIELDS } from "./switch-options.ts";
import type {
  AccessPortOptions,
  BridgeDomain,
  BridgeDomainOptions,
  NeighbourOptions,
  SwitchOptions,
  SwitchPort,
  TrunkPortOptions,
  TunnelOptions,
} from "./switch-types.ts";
import { Tunnels } from "./tunnels.ts";
import { Vtep } from "./vtep.ts";
import { SwitchWorkspace } from "./workspace.ts";

/** The threads that work on one switch. */
export interface SwitchThreads {
  readonly workspaces: readonly SwitchWorkspace[];
  /** Whether they are threads indeed, beside the caller's. */
  readonly shared: boolean;
  /** What ports are known by, if not by plain handles. */
  readonly makeHandle?: HandleMaker | undefined;
}

export class SwitchCore {
  readonly kernels: Kernels;
  readonly fdb: SwitchFdb;
  /** Where packets of tunnels come and go; undefined without a VTEP. */
  readonly uplink: SwitchPort | undefined;
  readonly #memory: SwitchMemory;
  readonly #ports: Ports;
  readonly #domains: BridgeDomains;
  readonly #counters: CounterTable;
  readonly #tunnels: Tunnels | undefined;
  readonly #neighbours: Neighbours;
  readonly #routers: Set<Router> = new Set();
  readonly #ownWorkspace: SwitchWorkspace | undefined;
  #forwarding = false;
  #closed = false;

  /**
   * Lays a switch out in the kernels' memory.
   * @throws TypeError or RangeError that names the option; nothing is kept then.
   * `threads` is for those who run it on several: a workspace for each, and no `forward` then.
   */
  constructor(kernels: Kernels, options: SwitchOptions = {}, threads?: SwitchThreads) {
    const checked = checkFields("options", SWITCH_FIELDS, options);
    this.kernels = expectKernels(kernels);
    const { ports, bridgeDomains, workspace: given } = checked;
    const vtep = checked.vtep === undefined ? undefined : new Vtep(checked.vtep);
    if (given !== undefined && !(given instanceof SwitchWorkspace))
      throw wrongType("workspace", "a SwitchWorkspace", given);
    if (given !== undefined) expectSameKernels("workspace", given, kernels, "switch");
    const undo = new Undo();
    try {
      const workspace = given ?? threads?.workspaces[0] ?? new SwitchWorkspace(kernels);
      if (given === undefined && threads === undefined) this.#ownWorkspace = undo.closes(workspace);
      const workspaces = threads?.workspaces ?? [workspace];
      const shared = threads?.shared ?? false;
      const memory = undo.closes(new SwitchMemory(kernels, { ports, bridgeDomains, workspaces, shared }));
      this.#memory = memory;
      memory.set(SWITCH_FLOW_SEED, checked.flowSeed);
      this.#domains = new BridgeDomains(memory);
      this.#ports = new Ports(memory, this.#domains, threads?.makeHandle ?? ((plain) => plain));
      this.#counters = new CounterTable(memory);
      this.fdb = undo.closes(new SwitchFdb(this.#fdbOwner(), checked.fdb));
      const neighbours = undo.closes(new Neighbours(kernels, memory.address, checked.neighbours));
      this.#neighbours = neighbours;
      if (vtep !== undefined) {
        this.#tunnels = undo.closes(new Tunnels(memory, this.#domains, this.#ports, vtep));
        vtep.write(memory);
        this.uplink = this.#ports.addUplink();
        // Whoever asks for its address on the underlay gets an answer.
        neighbours.set(UPLINK_NUMBER, vtep.address, vtep.mac, true);
      }
    } catch (error) {
      throw undo.because(error);
    }
  }

  /** Makes a bridge domain: one layer-2 network that no frame leaves but by its ports. */
  addBridgeDomain(options: BridgeDomainOptions = {}): BridgeDomain {
    return this.#change(() => {
      this.#tunnels?.remotes.prepare(1);
      const { handle, fdbLimit } = this.#domains.add(options);
      this.#counters.retireDomain(handle.id);
      this.fdb.limitDomain(handle.id, fdbLimit);
      if (handle.vni !== undefined) this.#tunnels?.remotes.addVni(handle.vni, handle.id);
      return handle;
    });
  }

  /** Removes a bridge domain that no port is in any more, and all that is known in it. */
  removeBridgeDomain(bridgeDomain: BridgeDomain): void {
    this.#change(() => {
      const handle = this.#domains.expect("bridgeDomain", bridgeDomain);
      if ([...this.#routers].some((router) => router.standsIn(handle.id)))
        throw new ArgumentRangeError("in-use", "bridgeDomain", `a router stands in ${handle.name} still`);
      this.#domains.remove(handle);
      this.fdb.forget(handle.id, undefined);
      this.#neighbours.deleteDomain(handle.id);
      if (handle.vni !== undefined) this.#tunnels?.remotes.removeVni(handle.vni);
    });
  }

  /** Adds an access port (`bridgeDomain`) or a trunk (`vlans`). */
  addPort(options: AccessPortOptions | TrunkPortOptions): SwitchPort {
    return this.#change(() => {
      if (typeof options !== "object" || options === null) throw wrongType("port", "options", options);
      if ("vlans" in options && "bridgeDomain" in options)
        throw new ArgumentTypeError(
          "contradiction",
          "vlans",
          "a port is an access port or a trunk; leave bridgeDomain out",
        );
      return this.#keep("vlans" in options ? this.#ports.addTrunk(options) : this.#ports.addAccess(options));
    });
  }

  /** Adds a tunnel to a remote VTEP. */
  addTunnel(options: TunnelOptions): SwitchPort {
    return this.#change(() => {
      if (typeof options !== "object" || options === null) throw wrongType("tunnel", "options", options);
      return this.#keep(this.#needTunnels().add(options));
    });
  }

  /** Lets a tunnel carry one more bridge domain. */
  joinTunnel(tunnel: SwitchPort, bridgeDomain: BridgeDomain): void {
    this.#change(() => {
      const tunnels = this.#needTunnels();
      tunnels.join(tunnel, this.#domains.expect("bridgeDomain", bridgeDomain));
    });
  }

  /** Lets a tunnel carry a bridge domain no longer; what was learned from there is forgotten. */
  leaveTunnel(tunnel: SwitchPort, bridgeDomain: BridgeDomain): void {
    this.#change(() => {
      const tunnels = this.#needTunnels();
      const domain = this.#domains.expect("bridgeDomain", bridgeDomain);
      tunnels.leave(tunnel, domain);
      this.fdb.forget(domain.id, tunnel.number);
    });
  }

  /** Removes a port or a tunnel, and all that is known behind it. */
  removePort(port: SwitchPort): void {
    this.#change(() => {
      const handle = this.#ports.expect("port", port);
      if (handle.kind === "uplink")
        throw new ArgumentRangeError("not-for-this", "port", "the uplink belongs to the VTEP");
      this.fdb.forget(undefined, handle.number);
      this.#counters.retirePort(handle);
      if (handle.kind === "tunnel") this.#needTunnels().remove(handle);
      this.#ports.remove(handle);
    });
  }

  /**
   * Says which MAC an IP address has: for bridge domains with `arpSuppression`, and for routers in them.
   * @throws RangeError if the table is full, or if the address is the switch's own.
   */
  addNeighbour(neighbour: NeighbourOptions): void {
    this.#change(() => {
      onlyFields("neighbour", NEIGHBOUR_FIELDS, neighbour);
      const { id } = this.#domains.expect("bridgeDomain", neighbour.bridgeDomain);
      const ip = parseStation("ip", neighbour.ip);
      this.#neighbours.set(id, ip, parseStationMac("mac", neighbour.mac));
    });
  }

  /** Forgets a neighbour; false if it was not known. */
  removeNeighbour(neighbour: Omit<NeighbourOptions, "mac">): boolean {
    return this.#change(() => {
      onlyFields("neighbour", NEIGHBOUR_ADDRESS_FIELDS, neighbour);
      const { id } = this.#domains.expect("bridgeDomain", neighbour.bridgeDomain);
      const ip = parseIp("ip", neighbour.ip);
      if (this.#neighbours.get(id, ip)?.gateway === true)
        throw new ArgumentRangeError("taken", "ip", `${formatIp(ip)} is an address of the switch itself`);
      return this.#neighbours.delete(id, ip);
    });
  }

  /** All neighbours that were entered, by hand. */
  *neighbours(): Generator<{ bridgeDomain: BridgeDomain; ip: string; mac: string }, void, undefined> {
    this.#open();
    for (const { domain, ip, mac, gateway } of this.#neighbours.entries()) {
      const bridgeDomain = this.#domains.byId(domain);
      if (!gateway && bridgeDomain !== undefined)
        yield { bridgeDomain, ip: formatIp(ip), mac: formatMac(mac) };
    }
  }

  /** Makes a router: the gateway of those bridge domains that it is given interfaces in. Routers share no routes. */
  addRouter(options: RouterOptions = {}): Router {
    return this.#change(() => {
      const router = new Router(this.#routerHost(), options);
      this.#routers.add(router);
      return router;
    });
  }

  removeRouter(router: Router): void {
    this.#change(() => {
      if (!this.#routers.delete(router))
        throw new ArgumentRangeError("not-found", "router", "expected a router of this switch");
      router.close();
    });
  }

  /** All ports, tunnels and the uplink, by number. */
  ports(): readonly SwitchPort[] {
    this.#open();
    return this.#ports.all();
  }

  bridgeDomains(): readonly BridgeDomain[] {
    this.#open();
    return this.#domains.all();
  }

  port(which: string | number): SwitchPort | undefined {
    this.#open();
    return this.#ports.find(which);
  }

  bridgeDomain(name: string): BridgeDomain | undefined {
    this.#open();
    return this.#domains.byName(name);
  }

  /** Its regions, for those who run it on several threads. */
  get memory(): SwitchMemory {
    return this.#memory;
  }

  /** Address of the context in which the caller's thread works, for kernels: see `KernelFunctions.runSwitch`. */
  get contextAddress(): number {
    return (this.#memory.contexts[0] as SwitchContext).address;
  }

  /**
   * Takes all frames of a batch in, each by the port whose number is its mark, and delivers what leaves, in order.
   * Frames change in place: the batch is used up. `nowMs` is the caller's clock, for learning.
   */
  forward(batch: FrameBatch, nowMs: number, deliver: Deliver): void {
    this.#open();
    expectBatch(batch, this.kernels, "switch");
    aFunction("deliver", deliver);
    if (this.#forwarding) throw new ArgumentTypeError("busy", "forward", "it is under way already");
    const context = this.#memory.contexts[0] as SwitchContext;
    const { functions, words } = this.kernels;
    words[(context.address + CONTEXT_STAMP) >>> 2] = seconds(nowMs);
    this.#forwarding = true;
    try {
      for (let start = 0; start < batch.length; start += SWITCH_BURST) {
        const descriptors = batch.descriptors + start * DESCRIPTOR_LENGTH;
        const count = Math.min(SWITCH_BURST, batch.length - start);
        let status: number;
        do {
          status = functions.runSwitch(context.address, descriptors, count);
          try {
            deliverAll(this.kernels, context, deliver);
          } catch (error) {
            // The burst must come to its end, or the next one would go on with it.
            while (status === SWITCH_INTERRUPTED)
              status = functions.runSwitch(context.address, descriptors, count);
            throw error;
          }
        } while (status === SWITCH_INTERRUPTED);
      }
    } finally {
      this.#forwarding = false;
    }
  }

  /** For those who run it on several threads: one has ended, having received so many frames in all. */
  settleDied(context: SwitchContext, received: number): void {
    this.#counters.settleDied(context, received, this.#ports.all(), this.#domains.all());
  }

  counters(): SwitchCounters {
    this.#open();
    return this.#counters.read(this.#ports.all(), this.#domains.all(), this.fdb.refused);
  }

  /** Gives the memory back. The switch cannot be used afterwards. */
  close(): void {
    if (this.#closed) return;
    this.#expectIdle();
    for (const router of this.#routers) router.close();
    this.#closed = true;
    this.#neighbours.close();
    this.#tunnels?.close();
    this.fdb.close();
    this.#memory.close();
    this.#ownWorkspace?.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #keep({ handle, fdbLimit }: Added): SwitchPort {
    this.fdb.limitPort(handle.number, fdbLimit);
    return handle;
  }

  #needTunnels(): Tunnels {
    if (this.#tunnels === undefined)
      throw new ArgumentRangeError("not-for-this", "vtep", "this switch has none, so it has no tunnels");
    return this.#tunnels;
  }

  /** Changes happen between bursts. */
  #change<T>(change: () => T): T {
    this.#open();
    this.#expectIdle();
    return change();
  }

  #expectIdle(): void {
    if (this.#forwarding)
      throw new ArgumentTypeError("busy", "forward", "a switch cannot be changed while it delivers frames");
  }

  #open(): void {
    if (this.#closed) throw closed("switch");
  }

  #routerHost(): RouterHost {
    return {
      kernels: this.kernels,
      neighbours: this.#neighbours,
      domainAddress: (domain) => this.#memory.domainAddress(this.#domains.expect("bridgeDomain", domain).id),
      changing: (change) => this.#change(change),
    };
  }

  #fdbOwner(): FdbOwner {
    return {
      memory: this.#memory,
      expectOpen: () => this.#open(),
      expectDomain: (name, domain) => this.#domains.expect(name, domain),
      expectPort: (name, port) => this.#ports.expect(name, port),
      domainById: (id) => this.#domains.byId(id),
      portByNumber: (number) => this.#ports.byNumber(number),
      destination: (port, domain) => this.#ports.destination(port, domain),
    };
  }
}
