// A running switch: ports that send and receive, on workers or on the caller's own thread.

import { knownKeys, wholeNumber } from "../core/arguments.ts";
import type { Kernels } from "../kernel/kernels.ts";
import { READER_IDLE, READER_LENGTH } from "../layout/fdb.layout.ts";
import { CONTEXT_STAMP, SWITCH_PAUSE } from "../layout/switch.layout.ts";
import { nextTurn } from "../platform/threads.ts";
import type { Bell } from "../ring/bell.ts";
import { ringAlways } from "../ring/doorbell.ts";
import type { FrameBurst } from "../ring/frame-burst.ts";
import { SwitchCore } from "../switch/switch-core.ts";
import type { SwitchCounters } from "../switch/switch-counters.ts";
import { type SwitchFdb, seconds } from "../switch/switch-fdb.ts";
import type { SwitchContext } from "../switch/switch-memory.ts";
import type {
  AccessPortOptions,
  BridgeDomain,
  BridgeDomainOptions,
  SwitchOptions,
  SwitchPort,
  TrunkPortOptions,
  TunnelOptions,
} from "../switch/switch-types.ts";
import { SwitchWorkspace, type SwitchWorkspaceOptions } from "../switch/workspace.ts";
import { FrameChannel } from "./frame-channel.ts";
import { InlineLane } from "./inline-lane.ts";
import type { Lane } from "./lane.ts";
import { LivePort } from "./live-port.ts";
import { SwitchLane } from "./switch-lane.ts";
import type { WorkerPool } from "./worker-pool.ts";

export interface LiveSwitchOptions extends Omit<SwitchOptions, "workspace"> {
  /** Room for the copies that flooding makes, for each worker. */
  readonly copies?: SwitchWorkspaceOptions;
  /** Bytes of each ring to and from a worker: a power of two from 64 KiB to 256 MiB. Default 1 MiB. */
  readonly ringBytes?: number;
  /** Most frames that wait at a port to be taken; what comes then is discarded, and counted there. Default 16,384. */
  readonly queueFrames?: number;
  /** Milliseconds, for learning and ageing. Default `Date.now`. */
  readonly clock?: () => number;
  /** How often the FDB is swept, in seconds: 0 (only by `fdb.sweep`) to 3,600. Default 10. */
  readonly sweepSeconds?: number;
}

/** What a running switch asks of the dataplane it runs on. */
export interface LiveSwitchHost {
  readonly kernels: Kernels;
  readonly workers: number;
  /** The workers; undefined where the switch runs on the caller's thread. */
  readonly pool: WorkerPool | undefined;
  /** A bell for those who wait for results; what it holds is given back by `closers`. */
  bell(closers: (() => unknown)[]): Bell;
  /** Tells of channels, so that they are closed with the dataplane. */
  register(channel: FrameChannel, bell: Bell): void;
  unregister(channel: FrameChannel): void;
  /** Called last of all. */
  closed(): Promise<void>;
}

const RING_DEFAULT = 1 << 20;
/** How long bursts are waited for without letting go of the thread. */
const SPIN_TURNS = 2000;

export class Switch {
  readonly #host: LiveSwitchHost;
  readonly #core: SwitchCore;
  readonly #channel: FrameChannel;
  readonly #lanes: readonly SwitchLane[];
  readonly #bell: Bell;
  readonly #ports: Map<number, LivePort> = new Map();
  readonly #workspaces: readonly SwitchWorkspace[];
  readonly #queueFrames: number;
  readonly #clock: () => number;
  readonly #timer: ReturnType<typeof setInterval> | undefined;
  #changes: Promise<unknown> = Promise.resolve();
  #stamp = -1;
  #failure: unknown;
  #closing: Promise<void> | undefined;

  /** Made by `createSwitch` and `dataplane.openSwitch`. */
  static async open(host: LiveSwitchHost, options: LiveSwitchOptions): Promise<Switch> {
    const { kernels, pool } = host;
    const { copies, ringBytes, queueFrames, clock, sweepSeconds, ...rest } = options;
    const bytes = wholeNumber("ringBytes", ringBytes ?? RING_DEFAULT, 1 << 16, 1 << 28);
    if ((bytes & (bytes - 1)) !== 0) throw new RangeError(`ringBytes: expected a power of two, got ${bytes}`);
    wholeNumber("queueFrames", queueFrames ?? 16384, 1, 2 ** 31);
    const every = wholeNumber("sweepSeconds", sweepSeconds ?? 10, 0, 3600);
    if (clock !== undefined && typeof clock !== "function")
      throw new TypeError(`clock: expected a function, got ${typeof clock}`);
    knownKeys("options", rest, ["ports", "bridgeDomains", "fdb", "vtep"]);
    const undo: (() => unknown)[] = [];
    try {
      const workspaces: SwitchWorkspace[] = [];
      for (let i = 0; i < Math.max(1, host.workers); i++) {
        const workspace = new SwitchWorkspace(kernels, copies ?? {});
        undo.push(() => workspace.close());
        workspaces.push(workspace);
      }
      const core = new SwitchCore(kernels, rest, { workspaces });
      undo.push(() => core.close());
      const closers: (() => unknown)[] = [];
      const bell = host.bell(closers);
      undo.push(() => Promise.all(closers.map((close) => close())));
      const lanes: SwitchLane[] = [];
      const outer: Lane[] = [];
      for (const [index, context] of core.memory.contexts.entries()) {
        const lane = new SwitchLane(kernels, {
          ringBytes: bytes,
          worker: pool?.doorbellOf(index) ?? 0,
          owner: "doorbell" in bell ? (bell.doorbell as number) : 0,
          context,
          settle: () => core.pending(context),
          onRecover: () => core.fdb.repair(index + 1),
        });
        lanes.push(lane);
        if (pool === undefined) {
          outer.push(new InlineLane(lane, () => bell.ring()));
          continue;
        }
        outer.push(lane);
        const id = await pool.openLane(index, {
          addresses: lane.addresses,
          recover: () => {
            lane.recover();
            bell.ring();
          },
          abandon: () => lane.abandon(),
        });
        closers.push(() => pool.closeLane(index, id));
      }
      const channel = new FrameChannel({
        lanes: outer,
        bell,
        failure: () => pool?.failure,
        spins: pool !== undefined,
        release: async () => {
          host.unregister(channel);
          await Promise.all(closers.map((close) => close()));
        },
      });
      host.register(channel, bell);
      return new Switch({ host, core, channel, lanes, bell, workspaces, options, every });
    } catch (error) {
      for (const step of undo.reverse()) await step();
      throw error;
    }
  }

  private constructor(parts: {
    host: LiveSwitchHost;
    core: SwitchCore;
    channel: FrameChannel;
    lanes: readonly SwitchLane[];
    bell: Bell;
    workspaces: readonly SwitchWorkspace[];
    options: LiveSwitchOptions;
    every: number;
  }) {
    this.#host = parts.host;
    this.#core = parts.core;
    this.#channel = parts.channel;
    this.#lanes = parts.lanes;
    this.#bell = parts.bell;
    this.#workspaces = parts.workspaces;
    this.#queueFrames = parts.options.queueFrames ?? 16384;
    this.#clock = parts.options.clock ?? Date.now;
    if (this.#core.uplink !== undefined) this.#open(this.#core.uplink);
    if (parts.every > 0) {
      this.#timer = setInterval(() => this.#core.fdb.sweep(this.#clock()), parts.every * 1000);
      // Node's timers keep the process; a switch that nobody uses shall not.
      (this.#timer as { unref?: () => void }).unref?.();
    }
    this.#tick();
    void this.#pump();
  }

  /** How many workers there are; 0: it runs on the caller's thread. */
  get workers(): number {
    return this.#host.pool === undefined ? 0 : this.#host.workers;
  }

  /** Where packets of tunnels come and go; undefined without a VTEP. */
  get uplink(): LivePort | undefined {
    return this.#ports.get(0);
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
    return this.#change(() => this.#open(this.#core.addPort(options)));
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

  /** Removes a port or a tunnel; what had been sent by then is worked on before. */
  removePort(port: LivePort | SwitchPort): Promise<void> {
    return this.#change(
      () => {
        const handle = port instanceof LivePort ? port.port : port;
        this.#core.removePort(handle);
        this.#ports.get(handle.number)?.close();
        this.#ports.delete(handle.number);
      },
      // Its number may be given again: nothing of its may be under way then.
      true,
    );
  }

  ports(): readonly SwitchPort[] {
    return this.#core.ports();
  }

  bridgeDomains(): readonly BridgeDomain[] {
    return this.#core.bridgeDomains();
  }

  /** What has been counted; exact when nothing is under way, see `idle`. */
  counters(): SwitchCounters {
    return this.#core.counters();
  }

  /** Resolves when everything that was sent has been worked on and has left. */
  async idle(): Promise<void> {
    const places = this.#lanes.map((lane) => lane.place);
    await this.#bell.until(() => {
      this.#alive();
      this.#drain();
      const done = this.#lanes.every((lane, index) => lane.hasReached(places[index] as number));
      return done && this.#lanes.every((lane) => lane.transmitted) ? true : undefined;
    });
  }

  /** Ends the switch at once: what is under way is lost. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    await Promise.resolve();
    clearInterval(this.#timer);
    for (const port of this.#ports.values()) port.close();
    await this.#channel.close();
    await this.#changes;
    this.#core.close();
    for (const workspace of this.#workspaces) workspace.close();
    await this.#host.closed();
  }

  /** Hands what leaves to its ports, for as long as the switch lives. */
  async #pump(): Promise<void> {
    try {
      await this.#bell.until(() => {
        this.#drain();
        const failure = this.#host.pool?.failure;
        if (failure !== undefined) throw failure;
        return this.#closing === undefined ? undefined : true;
      });
    } catch (error) {
      this.#failure ??= error;
    }
    for (const port of this.#ports.values()) port.close();
  }

  /** Hands over all that has left by now. */
  #drain(): void {
    if (this.#closing !== undefined) return;
    for (let burst = this.#channel.receive(); burst !== undefined; burst = this.#channel.receive())
      this.#hand(burst);
  }

  #hand(burst: FrameBurst): void {
    const first = burst.mark(0);
    const byPort = new Map<number, number[]>([[first, []]]);
    for (let index = 0; index < burst.length; index++) {
      const number = burst.mark(index);
      const indices = byPort.get(number);
      if (indices === undefined) byPort.set(number, [index]);
      else indices.push(index);
    }
    for (const [number, indices] of byPort) {
      const whole = indices.length === burst.length;
      this.#ports.get(number)?.deliver(whole ? burst : burst.pick(indices));
    }
  }

  #open(port: SwitchPort): LivePort {
    const live = new LivePort({
      port,
      channel: this.#channel,
      queueFrames: this.#queueFrames,
      tick: () => this.#tick(),
    });
    this.#ports.set(port.number, live);
    return live;
  }

  /** Tells the threads what time it is. */
  #tick(): void {
    const stamp = seconds(this.#clock());
    if (stamp === this.#stamp) return;
    this.#stamp = stamp;
    const { words } = this.#host.kernels;
    for (const { address } of this.#core.memory.contexts) words[(address + CONTEXT_STAMP) >>> 2] = stamp;
  }

  /** Changes wait for each other, and happen when no thread is in the middle of a burst. */
  #change<T>(change: () => T, quiet = false): Promise<T> {
    this.#alive();
    const changed = this.#changes.then(async () => {
      this.#alive();
      if (quiet) await this.idle();
      const { words } = this.#host.kernels;
      const pause = (this.#core.memory.address + SWITCH_PAUSE) >>> 2;
      Atomics.store(words, pause, 1);
      try {
        await this.#paused();
        // What has left by now belongs to the ports that are there now.
        this.#drain();
        return change();
      } finally {
        Atomics.store(words, pause, 0);
        this.#wake();
      }
    });
    this.#changes = changed.catch(() => {});
    return changed;
  }

  /** Resolves when no worker is in the middle of a burst. */
  async #paused(): Promise<void> {
    const { signed } = this.#host.kernels;
    const { readers, contexts } = this.#core.memory;
    const busy = (): boolean =>
      contexts.some(
        (_: SwitchContext, index) =>
          Atomics.load(signed, (readers + index * READER_LENGTH) >>> 2) !== (READER_IDLE | 0),
      );
    for (let turn = 0; busy(); turn++) if (turn % SPIN_TURNS === SPIN_TURNS - 1) await nextTurn();
  }

  /** Lets go on whoever was paused. */
  #wake(): void {
    const { pool, kernels } = this.#host;
    if (pool === undefined) {
      for (const lane of this.#lanes) if (lane.workHere()) this.#bell.ring();
      return;
    }
    for (const index of this.#lanes.keys()) ringAlways(kernels, pool.doorbellOf(index));
  }

  #alive(): void {
    if (this.#closing !== undefined) throw new TypeError("switch: it has been closed");
    if (this.#failure !== undefined) throw this.#failure;
  }
}
