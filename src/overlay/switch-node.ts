// A switch of a network: a SwitchCore, and the links at its ports.

import { ArgumentRangeError } from "../core/argument-error.ts";
import type { FrameBatch } from "../frame/frame-batch.ts";
import type { SwitchCore } from "../switch/switch-core.ts";
import type { SwitchPort } from "../switch/switch-types.ts";
import type { Attachment, NetworkNode, OneWay } from "./link.ts";

/** Made by `Network.addSwitch`: a host, a TOR, a router, a Kubernetes node: whatever forwards. */
export class SwitchNode implements NetworkNode {
  readonly name: string;
  readonly kind = "switch";
  readonly core: SwitchCore;
  readonly #waysOut: (OneWay | undefined)[] = [];
  #frames: Uint8Array[] = [];
  #marks: number[] = [];
  #unconnected = 0;

  constructor(name: string, core: SwitchCore) {
    this.name = name;
    this.core = core;
  }

  /** One of its ports, for `Network.connect`: a port, its name, or by default the uplink. */
  at(port: SwitchPort | string | undefined = this.core.uplink): Attachment {
    const found = typeof port === "string" ? this.core.port(port) : port;
    if (found === undefined)
      throw new ArgumentRangeError(
        "not-found",
        "port",
        `${this.name} has no ${port === undefined ? "uplink" : `port ${port}`}`,
      );
    return { node: this, port: found };
  }

  /** Frames that left by ports with no link. */
  get unconnected(): number {
    return this.#unconnected;
  }

  /** The way of a link by which frames of a port leave. */
  wayOut(port: number): OneWay | undefined {
    return this.#waysOut[port];
  }

  /** For `Network`: lets frames of a port leave by this way, or by none. */
  plug(port: number, wayOut: OneWay | undefined): void {
    this.#waysOut[port] = wayOut;
  }

  /** For `Network`: keeps a frame until `work`. True if it is the first. */
  take(frame: Uint8Array, port: number): boolean {
    this.#marks.push(port);
    return this.#frames.push(frame) === 1;
  }

  /** For `Network`: forwards all frames that it has taken, in bursts as large as the batch. */
  work(batch: FrameBatch, nowMs: number): void {
    const frames = this.#frames;
    const marks = this.#marks;
    for (let start = 0; start < frames.length; ) {
      batch.clear();
      while (
        start < frames.length &&
        batch.add(frames[start] as Uint8Array, { mark: marks[start] as number })
      )
        start++;
      this.core.forward(batch, nowMs, this.#deliver);
    }
    frames.length = 0;
    marks.length = 0;
  }

  readonly #deliver = (frame: Uint8Array, port: number): void => {
    const wayOut = this.#waysOut[port];
    // The one copy that a frame has outside of the memory of kernels: what follows passes it on as it is.
    if (wayOut === undefined) this.#unconnected++;
    else wayOut.send(frame.slice());
  };
}
