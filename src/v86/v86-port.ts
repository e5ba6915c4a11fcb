// A machine of v86 as a port: its network card sends and receives frames over the emulator's bus, and nothing else of it is
// needed. A guest must get no frame before its driver is up: cards of virtio break then, for good. So nothing is
// passed on before the guest has sent its first frame.

import { ArgumentTypeError } from "../core/argument-error.ts";
import { wrongType } from "../core/arguments.ts";
import { checkFields, type Fields, flag, text, whole } from "../core/fields.ts";
import { QUEUE_FIELDS } from "../port/port-pair.ts";
import { QueuePort } from "../port/queue-port.ts";
import { TurnShare } from "../port/turn-share.ts";

/** What is used of an emulator: `V86` of the package v86 is one. */
export interface V86Like {
  add_listener(event: string, listener: (value: unknown) => void): void;
  remove_listener(event: string, listener: (value: unknown) => void): void;
}

/** What `V86` has beside what it declares. */
interface V86Bus {
  readonly bus?: { send(event: string, value: Uint8Array): void } | undefined;
}

export interface V86PortOptions {
  /** The `id` of the machine's `net_device`: 0 to 255, default 0. */
  readonly id?: number | undefined;
  /** Whether the guest's driver is up already, as in a machine from a saved state: then nothing is held back. Default false. */
  readonly running?: boolean | undefined;
  /** 46 to 65,535, default 1,500: bounds what goes to the guest. */
  readonly mtu?: number | undefined;
  /** Default `v86-` and the id. */
  readonly name?: string | undefined;
  /** Most frames of the guest that wait to be taken: 1 to 2^31, default 16,384. */
  readonly queueFrames?: number | undefined;
  /** Most bytes that they keep: 65,536 to 2^40, default 16 MiB. */
  readonly queueBytes?: number | undefined;
}

type Defaults = "id" | "running" | "mtu" | "queueFrames" | "queueBytes";

export const v86PortFields: Fields<V86PortOptions, Defaults> = {
  id: { ...whole(0, 255), fallback: 0 },
  running: { ...flag(), fallback: false },
  mtu: { ...whole(46, 65535), fallback: 1500 },
  name: text(),
  ...QUEUE_FIELDS,
};

/**
 * The network card of a machine as a port. The machine needs a `net_device` of type `virtio` or `ne2k`, and no relay.
 *
 *     const vm = new V86({ ..., net_device: { type: "virtio" } });
 *     connect(await sw.addPort({ bridgeDomain }), v86Port(vm));
 */
export function v86Port(vm: V86Like, options: V86PortOptions = {}): V86Port {
  const isEmulator = typeof vm?.add_listener === "function" && typeof vm.remove_listener === "function";
  if (!isEmulator) throw wrongType("vm", "an emulator of v86", vm);
  if (typeof (vm as V86Bus).bus?.send !== "function")
    throw new ArgumentTypeError("unsupported", "vm", "this version of v86 has no bus that one may send to");
  return new V86Port(vm, checkFields<V86PortOptions, Defaults>("options", v86PortFields, options));
}

/** Made by `v86Port`. */
export class V86Port extends QueuePort {
  readonly #vm: V86Like & V86Bus;
  readonly #toGuest: string;
  readonly #fromGuest: string;
  readonly #listener: (frame: unknown) => void;
  readonly #share: TurnShare = new TurnShare(() => this.bell.ring());
  #isUp: boolean;

  /** For `v86Port`, with options that have been checked. */
  constructor(vm: V86Like, options: V86PortOptions) {
    const { id, running, name = `v86-${id}`, ...traits } = options;
    super({ name, ...traits });
    this.#vm = vm;
    this.#isUp = running === true;
    this.#toGuest = `net${id}-receive`;
    this.#fromGuest = `net${id}-send`;
    this.#listener = (frame) => this.#arrive(frame as Uint8Array);
    vm.add_listener(this.#fromGuest, this.#listener);
  }

  /** Whether the guest has sent a frame, so that it gets some: until then they are dropped as `link-down`. */
  get up(): boolean {
    return this.#isUp;
  }

  /** To be called when the machine is started anew: it gets nothing until its guest sends again. */
  restarted(): void {
    this.#isUp = false;
  }

  /** The guest has each frame, or it is lost, before the next. */
  protected override put(frames: readonly Uint8Array[], first: number, end: number): number {
    const stop = Math.min(end, first + this.#share.left);
    for (let index = first; index < stop; index++) {
      const frame = frames[index] as Uint8Array;
      if (this.#isUp) this.#hand(frame);
      else this.drop("link-down", 1, frame.length);
    }
    this.#share.take(stop - first);
    return stop - first;
  }

  protected override shut(): void {
    this.#vm.remove_listener(this.#fromGuest, this.#listener);
  }

  #hand(frame: Uint8Array): void {
    try {
      // A copy: cards may keep what they are given until the guest asks for it.
      this.#vm.bus?.send(this.#toGuest, frame.slice());
    } catch {
      // Its card is in no state to take one.
      this.drop("not-sent", 1, frame.length);
    }
  }

  /** Copied at once: the card hands out a view of its own memory. */
  #arrive(frame: Uint8Array): void {
    this.#isUp = true;
    this.deliver([frame]);
  }
}
