// Whoever listens for peers and makes a port of each: those that nobody has taken wait, at most so many are open at once,
// and all of it is counted. What it listens with is its kind's.

import type { FramePort } from "../port/frame-port.ts";
import { LocalBell } from "../ring/bell.ts";

/** Peers that came in, ports that are open now, and peers that were turned away. */
export interface ListenerCounters {
  readonly accepted: number;
  readonly open: number;
  readonly refused: number;
}

export abstract class PortListener<P extends FramePort> implements AsyncIterable<P> {
  readonly #most: number;
  readonly #bell: LocalBell = new LocalBell();
  /** Those that nobody has taken yet. */
  #come: P[] = [];
  #open = 0;
  #accepted = 0;
  #refused = 0;
  #failure: Error | undefined;
  #closing: Promise<void> | undefined;

  constructor(most: number) {
    this.#most = most;
  }

  counters(): ListenerCounters {
    return { accepted: this.#accepted, open: this.#open, refused: this.#refused };
  }

  /** Each peer that comes in, as a port; it ends when the listener is closed. */
  async *[Symbol.asyncIterator](): AsyncGenerator<P, void, undefined> {
    for (;;) {
      const port = await this.#bell.until(() => this.#next());
      if (port === null) return;
      yield port;
    }
  }

  /** Nobody comes in any more. Ports that nobody has taken are closed; those that were taken stay. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Nobody comes in any more; it is not waited for those who are there. */
  protected abstract shut(): void;

  /** Whether one more may come in; if not, that is counted. */
  protected hasRoom(): boolean {
    if (this.#closing === undefined && this.#open < this.#most) return true;
    this.#refused++;
    return false;
  }

  /** Somebody is let in. */
  protected entered(): void {
    this.#open++;
  }

  /** Somebody has gone, or is turned away after all. */
  protected left(): void {
    this.#open--;
  }

  /** Somebody is turned away for another reason than that there are too many. */
  protected refused(): void {
    this.#refused++;
  }

  /** Hands on a peer's port. */
  protected accepted(port: P): void {
    this.#accepted++;
    this.#come.push(port);
    this.#bell.ring();
  }

  /** Nobody comes in any more, for this reason. */
  protected failed(error: Error): void {
    this.#failure = error;
    this.#bell.ring();
  }

  protected get isClosing(): boolean {
    return this.#closing !== undefined;
  }

  #next(): P | null | undefined {
    const port = this.#come.shift();
    if (port !== undefined) return port;
    if (this.#failure !== undefined) throw this.#failure;
    return this.#closing === undefined ? undefined : null;
  }

  async #close(): Promise<void> {
    const left = this.#come.splice(0);
    this.shut();
    this.#bell.ring();
    await Promise.all(left.map((port) => port.close()));
  }
}
