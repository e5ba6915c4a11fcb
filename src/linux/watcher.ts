// Waits for devices on a thread of its own, one for all of them: epoll says which have something, the main thread reads it, and
// says that it wants to hear of the device again. So no call here ever blocks, and while frames come all the time nobody
// waits at all. A thread that is in a call of the system cannot be ended; an eventfd among the devices tells it to
// end by itself, within a millisecond.

import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { Undo } from "../core/undo.ts";
import type { Native } from "./libc.ts";
import { WATCH_SCRIPT, type WatchData } from "./watch-loop.ts";

const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLL_CTL_MOD = 3;
const EPOLLIN = 1;
/** It is told of once, until it is asked for again. */
const EPOLLONESHOT = 0x40000000;
const CLOSE_ON_EXEC = 0x80000;

/** An event in memory: of x86-64 alone the number follows the flags without a gap. */
const EVENT_LENGTH: number = process.arch === "x64" ? 12 : 16;
const EVENT_NUMBER: number = EVENT_LENGTH - 8;
/** The number of the eventfd. */
const STOP = 0;

let current: Watcher | undefined;

/**
 * Calls `onReady` once when `descriptor` has something to read, or has failed, and again after each `again()`. The process stays
 * alive for it.
 */
export function watch(native: Native, descriptor: number, onReady: () => void): Watch {
  current ??= new Watcher(native);
  return current.add(descriptor, onReady);
}

/** One device that is waited for. */
export class Watch {
  readonly #watcher: Watcher;
  readonly #descriptor: number;
  readonly #number: number;

  /** For `watch`. */
  constructor(watcher: Watcher, descriptor: number, number: number) {
    this.#watcher = watcher;
    this.#descriptor = descriptor;
    this.#number = number;
  }

  /** It has been read empty: waits for more. */
  again(): void {
    this.#watcher.control(EPOLL_CTL_MOD, this.#descriptor, this.#number);
  }

  /** Whether the process stays alive for it. */
  hold(held: boolean): void {
    this.#watcher.hold(this.#number, held);
  }

  /** Waits no more, before the descriptor is closed; resolves when the thread has ended, if it was the last one. */
  async end(): Promise<void> {
    await this.#watcher.remove(this.#descriptor, this.#number);
  }
}

class Watcher {
  readonly #native: Native;
  readonly #epoll: number;
  readonly #stop: number;
  readonly #thread: Worker;
  readonly #ready: Map<number, () => void> = new Map();
  readonly #held: Set<number> = new Set();
  readonly #event: Uint8Array<ArrayBuffer> = new Uint8Array(new ArrayBuffer(EVENT_LENGTH));
  readonly #view: DataView = new DataView(this.#event.buffer);
  readonly #onExit = (): void => this.#tellStop();
  #next = STOP + 1;

  constructor(native: Native) {
    const { libc, koffiPath, failure } = native;
    this.#native = native;
    const undo = new Undo();
    try {
      const opened = (syscall: string, descriptor: number): number => {
        if (descriptor < 0) throw failure(syscall);
        return undo.with(descriptor, (it) => libc.close(it));
      };
      this.#epoll = opened("epoll_create1", libc.epoll_create1(CLOSE_ON_EXEC));
      this.#stop = opened("eventfd", libc.eventfd(0, CLOSE_ON_EXEC));
      this.control(EPOLL_CTL_ADD, this.#stop, STOP);
      const workerData: WatchData = {
        koffiPath,
        epoll: this.#epoll,
        eventLength: EVENT_LENGTH,
        eventNumber: EVENT_NUMBER,
      };
      // Without the program's own options: loaders and hooks of its are none of this script's.
      this.#thread = new Worker(WATCH_SCRIPT, {
        eval: true,
        execArgv: [],
        name: "frameferry-watch",
        workerData,
      });
    } catch (error) {
      throw undo.because(error);
    }
    this.#thread.on("message", (numbers: readonly number[]) => {
      for (const number of numbers) this.#ready.get(number)?.();
    });
    this.#thread.unref();
    // Node waits for its threads when the process ends, and one that waits would keep it for a second.
    process.on("exit", this.#onExit);
  }

  add(descriptor: number, onReady: () => void): Watch {
    const number = this.#next++;
    this.control(EPOLL_CTL_ADD, descriptor, number);
    this.#ready.set(number, onReady);
    this.hold(number, true);
    return new Watch(this, descriptor, number);
  }

  /** @throws SystemError. */
  control(operation: number, descriptor: number, number: number): void {
    this.#view.setUint32(0, EPOLLIN | EPOLLONESHOT, true);
    this.#view.setUint32(EVENT_NUMBER, number, true);
    if (this.#native.libc.epoll_ctl(this.#epoll, operation, descriptor, this.#event) < 0)
      throw this.#native.failure("epoll_ctl");
  }

  hold(number: number, held: boolean): void {
    if (held && this.#ready.has(number)) this.#held.add(number);
    else this.#held.delete(number);
    if (this.#held.size > 0) this.#thread.ref();
    else this.#thread.unref();
  }

  async remove(descriptor: number, number: number): Promise<void> {
    if (!this.#ready.delete(number)) return;
    this.control(EPOLL_CTL_DEL, descriptor, number);
    if (this.#ready.size > 0) {
      this.hold(number, false);
      return;
    }
    // Whoever comes now begins anew.
    if (current === this) current = undefined;
    process.off("exit", this.#onExit);
    const ended = once(this.#thread, "exit");
    this.#thread.ref();
    this.#tellStop();
    await ended;
    this.#native.libc.close(this.#stop);
    this.#native.libc.close(this.#epoll);
  }

  #tellStop(): void {
    this.#native.libc.write(this.#stop, ONE, ONE.length);
  }
}

/** What an eventfd counts by. */
const ONE: Uint8Array = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0);
