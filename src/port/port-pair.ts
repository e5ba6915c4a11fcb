// Two ports back to back, in memory: what is sent at the one comes out at the other. Nothing is lost between them.

import { ArgumentTypeError } from "../core/argument-error.ts";
import { checkFields, choice, type Fields, text, whole } from "../core/fields.ts";
import type { CheckedNotes } from "../ring/burst-notes.ts";
import { FrameBurst, recordLength } from "../ring/frame-burst.ts";
import type { Medium } from "./frame-port.ts";
import { QUEUE_BYTES, QUEUE_FRAMES, QueuePort, type QueueTraits } from "./queue-port.ts";

export interface PortPairOptions {
  /** Names of the two ends are this one with `-a` and `-b`. Default `"pair"`. */
  readonly name?: string | undefined;
  /** What the frames are. Default `"ethernet"`. */
  readonly medium?: Medium | undefined;
  /** 46 to 65,535, default 65,535. */
  readonly mtu?: number | undefined;
  /** Most frames that wait at each end: 1 to 2^31, default 16,384. */
  readonly queueFrames?: number | undefined;
  /** Most bytes that they keep: 65,536 to 2^40, default 16 MiB. */
  readonly queueBytes?: number | undefined;
}

type Defaults = "name" | "medium" | "mtu" | "queueFrames" | "queueBytes";

export const QUEUE_FIELDS: Fields<
  Pick<PortPairOptions, "queueFrames" | "queueBytes">,
  "queueFrames" | "queueBytes"
> = {
  queueFrames: { ...whole(1, 2 ** 31), fallback: QUEUE_FRAMES },
  queueBytes: { ...whole(1 << 16, 2 ** 40), fallback: QUEUE_BYTES },
};

export const portPairFields: Fields<PortPairOptions, Defaults> = {
  name: { ...text(), fallback: "pair" },
  medium: { ...choice("ethernet", "tunnel", "ip"), fallback: "ethernet" },
  mtu: { ...whole(46, 65535), fallback: 65535 },
  ...QUEUE_FIELDS,
};

/**
 * Two ports: what is sent at the one is received at the other. `send` takes no more than finds room at the other end,
 * and `sendAll` waits for it.
 */
export function portPair(options: PortPairOptions = {}): [PairPort, PairPort] {
  const { name, ...traits } = checkFields<PortPairOptions, Defaults>("options", portPairFields, options);
  const carriesNotes = true;
  return PairPort.pair(
    { ...traits, carriesNotes, name: `${name}-a` },
    { ...traits, carriesNotes, name: `${name}-b` },
  );
}

/** One end of a pair. */
export class PairPort extends QueuePort {
  #peer: PairPort | undefined;

  /** For `portPair`. */
  static pair(one: QueueTraits, other: QueueTraits): [PairPort, PairPort] {
    const [a, b] = [new PairPort(one), new PairPort(other)];
    a.#peer = b;
    b.#peer = a;
    return [a, b];
  }

  protected override put(
    frames: readonly Uint8Array[],
    first: number,
    end: number,
    notes: CheckedNotes | undefined,
  ): number {
    const peer = this.#peer as PairPort;
    const lengthOf = (index: number): number => recordLength((frames[first + index] as Uint8Array).length);
    const room = peer.queue.roomFor(end - first, lengthOf);
    if (room > 0) peer.deliver(FrameBurst.of(frames, first, first + room, notes));
    return room;
  }

  protected override take(): FrameBurst | undefined {
    const burst = super.take();
    // There is room for more.
    if (burst !== undefined) this.#peer?.bell.ring();
    return burst;
  }

  /** Both ends are closed; what has come can still be taken. */
  protected override shut(): void {
    this.#peer?.refuse(new ArgumentTypeError("closed", "port", "its other end has been closed"));
    this.#peer?.finish();
  }
}
