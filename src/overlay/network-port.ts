// A port at the end of a link: what is sent there enters the laboratory, and what arrives there leaves it.

import { ArgumentTypeError } from "../core/argument-error.ts";
import { QueuePort } from "../port/queue-port.ts";
import type { Attachment, NetworkNode, OneWay } from "./link.ts";

/** What a network's port asks of it. */
export interface NetworkPortHost {
  /** Takes it out of the network, and its link with it. */
  remove(port: NetworkPort): void;
}

/**
 * Made by `Network.addPort`: a frame port in the place of a machine. Frames move when the network runs. Without a link
 * there is no room.
 */
export class NetworkPort extends QueuePort implements NetworkNode {
  readonly kind = "port";
  readonly #host: NetworkPortHost;
  #wayOut: OneWay | undefined;
  #isRemoved = false;

  constructor(name: string, host: NetworkPortHost) {
    super({ name });
    this.#host = host;
  }

  /** For `Network.connect`. */
  get nic(): Attachment {
    return { node: this };
  }

  /** The way of a link by which its frames leave. */
  get wayOut(): OneWay | undefined {
    return this.#wayOut;
  }

  /** For `Network`: lets its frames leave by this way, or by none. */
  plug(wayOut: OneWay | undefined): void {
    this.#wayOut = wayOut;
    this.bell.ring();
  }

  /** For `Network`: a frame has arrived; nobody changes its bytes. */
  arrive(frame: Uint8Array): void {
    this.deliver([frame]);
  }

  /** For `Network`, which has taken it out. */
  removed(): void {
    this.#isRemoved = true;
    this.refuse(new ArgumentTypeError("closed", "port", "it has been removed"));
    this.finish();
  }

  protected override put(frames: readonly Uint8Array[], first: number, end: number): number {
    const wayOut = this.#wayOut;
    if (wayOut === undefined) return 0;
    // The one copy: what follows passes it on as it is.
    for (let index = first; index < end; index++) wayOut.send((frames[index] as Uint8Array).slice());
    return end - first;
  }

  protected override shut(): void {
    if (!this.#isRemoved) this.#host.remove(this);
  }
}
