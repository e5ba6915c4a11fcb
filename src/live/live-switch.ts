// A running switch: ports that send and receive, on workers or on the caller's own thread.

import { ArgumentTypeError } from "../core/argument-error.ts";
import { closed } from "../core/arguments.ts";
import { inTime } from "../core/in-time.ts";
import type { LiveSwitchHost, WorkerHealth } from "../dataplane/switch-host.ts";
import type { LaneSet } from "../lane/lane-set.ts";
import { CONTEXT_STAMP, SWITCH_PAUSE } from "../layout/switch.layout.ts";
import { nextTurn } from "../platform/threads.ts";
import type { Bell } from "../ring/bell.ts";
import { ringAlways } from "../ring/doorbell.ts";
import type { RouterOptions } from "../switch/router-options.ts";
import type { SwitchCore } from "../switch/switch-core.ts";
import type { SwitchCounters } from "../switch/switch-counters.ts";
import { type SwitchFdb, seconds } from "../switch/switch-fdb.ts";
import type {
  AccessPortOptions,
  BridgeDomain,
  BridgeDomainOptions,
  NeighbourOptions,
  SwitchPort,
  TrunkPortOptions,
  TunnelOptions,
} from "../switch/switch-types.ts";
import type { SwitchWorkspace } from "../switch/workspace.ts";
import { withPortLosses } from "./live-counters.ts";
import { LivePort } from "./live-port.ts";
import { LiveRouter } from "./live-router.ts";
import type { CheckedOptions } from "./live-switch-options.ts";
import type { PortHost } from "./port-host.ts";
import type { SwitchLane } from "./switch-lane.ts";

/** How long bursts are waited for without letting go of the thread. */
const SPIN_TURNS = 200;
/** Buckets that are swept in one turn: well under a millisecond. */
const SWEEP_BUCKETS = 4096;

export interface LiveSwitchParts {
  readonly dataplane: LiveSwitchHost;
  readonly core: SwitchCore;
  readonly lanes: readonly SwitchLane[];
  readonly bell: Bell;
  readonly ports: PortHost;
  readonly workspaces: readonly SwitchWorkspace[];
  readonly checked: CheckedOptions;
  /** Resolves when no worker touches the lanes any more. */
  readonly release: () => Promise<void>;
}

export class Switch {
  readonly #parts: LiveSwitchParts;
  readonly #dataplane: LiveSwitchHost;
  readonly #core: SwitchCore;
  readonly #lanes: readonly SwitchLane[];
  readonly #bell: Bell;
  readonly #ports: PortHost;
  readonly #clock: () => number;
  readonly #timer: ReturnType<typeof setInterval> | undefined;
  #changes: Promise<unknown> = Promise.resolve();
  #stamp = -1;
  #sweeping = false;
  #failure: Error | undefined;
  #closing: Promise<void> | undefined;

  /** Made by `createSwitch` and `openSwitch`. */
  constructor(parts: LiveSwitchParts, ways: LaneSet) {
    this.#parts = parts;
    this.#dataplane = parts.dataplane;
    this.#core = parts.core;
    this.#lanes = parts.lanes;
    this.#bell = parts.bell;
    this.#ports = parts.ports;
    this.#clock = parts.checked.clock;
    this.#ports.start(ways, {
      failure: () => this.#dataplane.pool?.failure,
      tick: () => this.#tick(),
      removePort: (port) => this.removePort(port as LivePort),
    });
    if (this.#core.uplink !== undefined) this.#ports.add(this.#core.uplink as LivePort);
    // The clock is the caller's: what it throws must leave no timer behind.
    this.#tick();
    const every = parts.checked.sweepSeconds;
    if (every > 0) {
      this.#timer = setInterval(() => void this.#sweep(), every * 1000);
      // Node's timers keep the process; a switch that nobody uses shall not.
      (this.#timer as { unref?: () => void }).unref?.();
    }
    void this.#pump();
  }

  /** How many workers there are; 0: it runs on the caller's thread. */
  get workers(): number {
    return this.#dataplane.pool === undefined ? 0 : this.#dataplane.workers;
  }

  /** Where packets of tunnels come and go; undefined without a VTEP. */
  get uplink(): LivePort | undefined {
    return this.#core.uplink as LivePort | undefined;
  }

  /** How it stands with the workers: while they are halted all is refused, and ports, tables and counters stay. */
  get health(): WorkerHealth {
    return this.#dataplane.health();
  }

  /** Starts a worker wherever there is none, at once, and goes on; see `restart` of the dataplane. */
  async restart(): Promise<void> {
    if (this.#closing !== undefined) throw closed("switch");
    await this.#dataplane.restart();
  }

  get fdb(): SwitchFdb {
    return this.#core.fdb;
  }

  addBridgeDomain(options: BridgeDomainOptions = {}): Promise<BridgeDomain> {
    return this.#change(() => this.#core.addBridgeDomain(options));
  }

  removeBridgeDomain(bridgeDomain: BridgeDomain): Promise<void> {
    return this.#change(() => this.#core.removeBridgeDomain(bridgeDomain));
  }

  /** Adds an access port (`bridgeDomain`) or a trunk (`vlans`). */
  addPort(options: AccessPortOptions | TrunkPortOptions): Promise<LivePort> {
    return this.#change(() => {
      const port = this.#core.addPort(options) as LivePort;
      this.#ports.add(port);
      return port;
    });
  }

  /** Adds a tunnel to a remote VTEP; its packets come and go by the uplink. */
  addTunnel(options: TunnelOptions): Promise<SwitchPort> {
    return this.#change(() => this.#core.addTunnel(options));
  }

  joinTunnel(tunnel: SwitchPort, bridgeDomain: BridgeDomain): Promise<void> {
    return this.#change(() => this.#core.joinTunnel(tunnel, bridgeDomain));
  }

  leaveTunnel(tunnel: SwitchPort, bridgeDomain: BridgeDomain): Promise<void> {
    return this.#change(() => this.#core.leaveTunnel(tunnel, bridgeDomain));
  }

  /** Removes a port or a tunnel; what had been sent by then is worked on before, and what leaves can still be taken. */
  removePort(port: LivePort | SwitchPort): Promise<void> {
    const live = port instanceof LivePort && this.#ports.ports.get(port.number) === port ? port : undefined;
    const before = async (): Promise<void> => {
      if (live === undefined || live === this.uplink) return;
      // Its number may be given again: nothing of its may be under way then.
      live.stop(new ArgumentTypeError("closed", "port", "it has been removed"));
      await this.idle();
    };
    return this.#change(() => {
      this.#core.removePort(port);
      if (live !== undefined) this.#ports.forget(live);
    }, before);
  }

  /** Says which MAC an IP address has: for bridge domains with `arpSuppression`, and for routers in them. */
  addNeighbour(neighbour: NeighbourOptions): Promise<void> {
    return this.#change(() => this.#core.addNeighbour(neighbour));
  }

  /** Forgets a neighbour; false if it was not known. */
  removeNeighbour(neighbour: Omit<NeighbourOptions, "mac">): Promise<boolean> {
    return this.#change(() => this.#core.removeNeighbour(neighbour));
  }

  /** Makes a router: the gateway of those bridge domains that it is given interfaces in. */
  addRouter(options: RouterOptions = {}): Promise<LiveRouter> {
    return this.#change(
      () => new LiveRouter(this.#core.addRouter(options), (change) => this.#change(change)),
    );
  }

  removeRouter(router: LiveRouter): Promise<void> {
    return this.#change(() => {
      if (!(router instanceof LiveRouter))
        throw new ArgumentTypeError("wrong-type", "router", "expected a router of this switch");
      this.#core.removeRouter(router.router);
    });
  }

  /** A port that sends and receives, by its name. */
  /** The port of this name, or of this number. */
  port(which: string | number): LivePort | undefined {
    const port = this.#core.port(which);
    return port instanceof LivePort ? port : undefined;
  }

  bridgeDomain(name: string): BridgeDomain | undefined {
    return this.#core.bridgeDomain(name);
  }

  ports(): readonly SwitchPort[] {
    return this.#core.ports();
  }

  bridgeDomains(): readonly BridgeDomain[] {
    return this.#core.bridgeDomains();
  }

  /** What has been counted, losses at ports included; exact when nothing is under way, see `idle`. */
  counters(): SwitchCounters {
    return withPortLosses(this.#core.counters(), this.#ports);
  }

  /**
   * Resolves when everything that was sent has been worked on and has left; what a `sendAll` waits with was not. Readers
   * whose queues are full are waited for, see `patienceMs`.
   */
  async idle(): Promise<void> {
    this.#alive();
    const places = this.#lanes.map((lane) => lane.place);
    await this.#bell.until(() => {
      this.#alive();
      const done = this.#lanes.every((lane, index) => lane.hasReached(places[index] as number));
      // What has been worked on is in the rings at least, by now.
      return this.#ports.drain() && done ? true : undefined;
    });
  }

  /**
   * Ends the switch at once: what is under way is lost. Resolves within two seconds in any case: memory that a worker has
   * in its hands until then is given back when it has let go of it, or has ended.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    // Not before close() has said so.
    await Promise.resolve();
    this.#dataplane.unregister(this);
    this.#end(closed("switch"));
    this.#bell.ring();
    this.#bell.close("switch");
    // At once with what was started for it: a worker that does not answer is ended there.
    await Promise.all([inTime(this.#giveBack()), this.#dataplane.closed()]);
  }

  async #giveBack(): Promise<void> {
    await this.#parts.release();
    this.#ports.lanes.close();
    await this.#changes;
    this.#core.close();
    for (const workspace of this.#parts.workspaces) workspace.close();
  }

  /** Hands what leaves to its ports, for as long as the switch lives. */
  async #pump(): Promise<void> {
    try {
      await this.#bell.until(() => {
        if (this.#closing !== undefined) return true;
        this.#ports.drain();
        this.#ports.progress();
        const failure = this.#dataplane.pool?.failure;
        // The other workers come to an end with what they have.
        const isHalted = failure !== undefined && this.#lanes.every(({ empty }) => empty);
        this.#ports.halt(isHalted ? failure : undefined);
        return undefined;
      });
    } catch (error) {
      if (this.#closing !== undefined) return;
      this.#failure = error as Error;
      this.#end(this.#failure, this.#failure);
    }
  }

  /** Nothing is taken any more, and nothing leaves; with `failure`, because what is handed over cannot be. */
  #end(reason: Error, failure?: Error): void {
    clearInterval(this.#timer);
    this.#ports.end(reason, failure);
  }

  /** For its lanes: hands over all that has left by now; false if nothing is handed over any more. */
  drain(): boolean {
    if (this.#closing !== undefined) return false;
    this.#ports.drain(true);
    return true;
  }

  /** Ageing, in slices. */
  async #sweep(): Promise<void> {
    if (this.#sweeping) return;
    this.#sweeping = true;
    try {
      const { fdb } = this.#core;
      for (let left = fdb.buckets; left > 0 && this.#closing === undefined; left -= SWEEP_BUCKETS) {
        fdb.sweep(this.#clock(), { buckets: Math.min(left, SWEEP_BUCKETS) });
        await nextTurn();
      }
    } catch {
      // The lock may belong to a worker that has just died, and the clock is the caller's: the next time, then.
    } finally {
      this.#sweeping = false;
    }
  }

  /** Tells the threads what time it is. */
  #tick(): void {
    const stamp = seconds(this.#clock());
    if (stamp === this.#stamp) return;
    this.#stamp = stamp;
    const { words } = this.#dataplane.kernels;
    for (const { address } of this.#core.memory.contexts) words[(address + CONTEXT_STAMP) >>> 2] = stamp;
  }

  /** Changes wait for each other, and for `before`, and happen when no thread is in the middle of a burst. */
  async #change<T>(change: () => T, before?: () => Promise<void>): Promise<T> {
    this.#alive();
    const changed = this.#changes.then(async () => {
      this.#alive();
      await before?.();
      return this.#between(change);
    });
    this.#changes = changed.catch(() => {});
    return changed;
  }

  /** Between two bursts: all that has left by then belongs to the ports that are there before the change. */
  async #between<T>(change: () => T): Promise<T> {
    const { signed } = this.#dataplane.kernels;
    const pause = (this.#core.memory.address + SWITCH_PAUSE) >>> 2;
    Atomics.store(signed, pause, 1);
    try {
      for (let turn = 1; !this.#lanes.every(({ resting }) => resting); turn++) {
        // A burst may wait for room for what leaves.
        this.drain();
        if (turn % SPIN_TURNS !== 0) continue;
        await nextTurn();
        this.#alive();
      }
      this.drain();
      return change();
    } finally {
      Atomics.store(signed, pause, 0);
      if (this.#closing === undefined) this.#wake();
    }
  }

  /** Lets go on whoever was paused. */
  #wake(): void {
    const { pool, kernels } = this.#dataplane;
    if (pool !== undefined)
      for (const index of this.#lanes.keys()) ringAlways(kernels, pool.doorbellOf(index));
    else for (const lane of this.#lanes) if (lane.workHere()) this.#bell.ring();
  }

  #alive(): void {
    if (this.#closing !== undefined) throw closed("switch");
    const failure = this.#failure ?? this.#dataplane.pool?.failure;
    if (failure !== undefined) throw failure;
  }
}
