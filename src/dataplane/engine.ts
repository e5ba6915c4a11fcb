// What dataplanes and switches stand on alike: one memory, its workers, and what is open on them. It knows neither
// pipelines nor captures, so that a page with a switch need not load those.

import { closed } from "../core/arguments.ts";
import type { Kernels } from "../kernel/kernels.ts";
import { type Bell, LocalBell, SharedBell } from "../ring/bell.ts";
import type { WorkerHealth } from "../threads/worker-health.ts";
import type { WorkerPool } from "../threads/worker-pool.ts";
import type { Closable, LiveSwitchHost } from "./switch-host.ts";

export class Engine {
  /** How frames reach the workers: through shared memory, by transferred buffers, or not at all. */
  readonly transport: "shared" | "transfer" | "inline";
  /** How many workers there are; 0 works on the caller's thread. */
  readonly workers: number;
  readonly kernels: Kernels;
  readonly pool: WorkerPool | undefined;
  /** What is open, once all of it is, with what lets those who wait for it look again. */
  readonly #opened: Map<Closable, Bell> = new Map();
  #closing: Promise<void> | undefined;

  /** Made by `startEngine`. */
  constructor(kernels: Kernels, workers: number, shared: boolean, pool: WorkerPool | undefined) {
    this.transport = pool === undefined ? "inline" : shared ? "shared" : "transfer";
    this.workers = pool === undefined ? 0 : workers;
    this.kernels = kernels;
    this.pool = pool;
  }

  /** How it stands with the workers. */
  get health(): WorkerHealth {
    const state = this.#closing === undefined ? "running" : "closed";
    return this.pool?.health ?? { state, deaths: 0, lastDeath: undefined };
  }

  /** Starts workers wherever there are none; resolves when all are at work. */
  async restart(): Promise<void> {
    if (this.#closing !== undefined) throw closed("dataplane");
    await this.pool?.restart();
  }

  /** A bell for those who wait for results; it is to be released. */
  bell(): Bell {
    return this.transport === "shared" ? SharedBell.reserve(this.kernels) : new LocalBell();
  }

  /** @throws TypeError if it has been closed; WorkerDiedError while workers are halted. */
  expectOpen(): void {
    if (this.#closing !== undefined) throw closed("dataplane");
    if (this.pool?.failure !== undefined) throw this.pool.failure;
  }

  /** Tells of what is open, so that it is closed with the workers. */
  register(opened: Closable, bell: Bell): void {
    this.#opened.set(opened, bell);
  }

  unregister(opened: Closable): void {
    this.#opened.delete(opened);
  }

  /** What a switch needs of it; `closed` is called when the switch has been closed. */
  hostFor(closed: () => Promise<void>): LiveSwitchHost {
    this.expectOpen();
    const pool = this.transport === "shared" ? this.pool : undefined;
    return {
      kernels: this.kernels,
      workers: pool === undefined ? 0 : this.workers,
      pool,
      health: () => this.health,
      restart: () => this.restart(),
      bell: () => this.bell(),
      expectOpen: () => this.expectOpen(),
      register: (opened, bell) => this.register(opened, bell),
      unregister: (opened) => this.unregister(opened),
      closed,
    };
  }

  /** For the pool: something has changed for all who wait. */
  lookAgain(): void {
    for (const bell of this.#opened.values()) bell.ring();
  }

  /** Ends workers and what is open; resolves when the threads have ended, or when that has had its time. `first` is called before, but not at once. */
  close(first: () => void = () => {}): Promise<void> {
    this.#closing ??= this.#close(first);
    return this.#closing;
  }

  async #close(first: () => void): Promise<void> {
    // Not before close() has said so.
    await Promise.resolve();
    first();
    // At once with what is open: that would ask the workers first.
    await Promise.all([this.pool?.close(), ...[...this.#opened.keys()].map((opened) => opened.close())]);
  }
}
