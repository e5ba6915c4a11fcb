// A capture of what passes a port, written while it passes: what waits to be written is bounded.

import { abortOutput, type CaptureOutput } from "../capture/capture-io.ts";
import { inTime } from "../core/in-time.ts";
import { wallClock } from "../core/wall-clock.ts";
import { LINK_TYPE_ETHERNET, LINK_TYPE_RAW } from "../layout/pcap.layout.ts";
import { OPTION_ENHANCED_FLAGS } from "../layout/pcapng.layout.ts";
import type { CaptureOption, InterfaceDescription } from "../pcap/capture-types.ts";
import { CaptureWriter } from "../pcap/capture-writer.ts";
import type { FramePort, Medium } from "./frame-port.ts";

/** What captures call a medium. Tunnel headers without a packet around them have no number of their own: USER0. */
export const LINK_TYPES: Readonly<Record<Medium, number>> = {
  ethernet: LINK_TYPE_ETHERNET,
  ip: LINK_TYPE_RAW,
  tunnel: 147,
};

/** The direction in a packet's flags: inbound is 1, outbound 2. */
const FLAGS: Readonly<Record<"sent" | "received", readonly CaptureOption[]>> = {
  received: [{ code: OPTION_ENHANCED_FLAGS, value: Uint8Array.of(1, 0, 0, 0) }],
  sent: [{ code: OPTION_ENHANCED_FLAGS, value: Uint8Array.of(2, 0, 0, 0) }],
};

export interface RecorderOptions {
  readonly format: "pcapng" | "pcap";
  readonly queueBytes: number;
}

/** What a capture is to say of frames beside their bytes, an item for each. Without, they are of now, and whole. */
export interface RecordNotes {
  readonly timestamps?: readonly bigint[] | undefined;
  readonly originalLengths?: readonly number[] | undefined;
}

interface Piece {
  readonly bytes: Uint8Array;
  readonly frames: number;
}

export class CaptureRecorder {
  /** Called whenever something has been written, or cannot be. */
  onChange: (() => void) | undefined;
  readonly #output: CaptureOutput;
  readonly #writer: CaptureWriter;
  readonly #interface: InterfaceDescription;
  readonly #queueBytes: number;
  readonly #pieces: Piece[] = [];
  #bytes = 0;
  #writing: Promise<void> | undefined;
  #failure: { readonly error: unknown } | undefined;
  #lost = 0;

  constructor(
    port: Pick<FramePort, "name" | "medium">,
    output: CaptureOutput,
    { format, queueBytes }: RecorderOptions,
  ) {
    this.#output = output;
    this.#queueBytes = queueBytes;
    const linkType = LINK_TYPES[port.medium];
    this.#writer = new CaptureWriter({ format, linkType, nanoseconds: true });
    this.#interface = { kind: "interface", name: port.name, linkType, resolution: { base: 10, exponent: 9 } };
  }

  /** Frames that are not in the capture yet. */
  get waiting(): number {
    return this.#pieces.reduce((sum, { frames }) => sum + frames, 0);
  }

  /** Frames that were taken, and never came there. */
  get lost(): number {
    return this.#lost;
  }

  add(
    frames: readonly Uint8Array[],
    direction: "sent" | "received" | undefined,
    notes?: RecordNotes,
  ): number {
    if (this.#failure !== undefined) throw this.#failure.error;
    let room = this.#queueBytes - this.#bytes;
    let taken = 0;
    while (taken < frames.length && room > 0) room -= (frames[taken++] as Uint8Array).length;
    if (taken === 0) return 0;
    const timestamp = wallClock();
    const options = direction && FLAGS[direction];
    const records = frames.slice(0, taken).map((data, i) => ({
      data,
      timestamp: notes?.timestamps?.[i] ?? timestamp,
      originalLength: notes?.originalLengths?.[i],
      interface: this.#interface,
      options,
    }));
    const bytes = this.#writer.write(records);
    this.#pieces.push({ bytes, frames: taken });
    this.#bytes += bytes.length;
    this.#writing ??= this.#write();
    return taken;
  }

  async finish(): Promise<void> {
    await this.#writing;
    if (this.#failure !== undefined) throw this.#failure.error;
    await this.#output.write(this.#writer.finish());
    await this.#output.close();
  }

  async #write(): Promise<void> {
    try {
      for (let piece = this.#pieces[0]; piece !== undefined; piece = this.#pieces[0]) {
        await this.#output.write(piece.bytes);
        this.#pieces.shift();
        this.#bytes -= piece.bytes.length;
        this.onChange?.();
      }
    } catch (error) {
      this.#failure = { error };
      this.#lost = this.waiting;
      this.#pieces.length = 0;
      this.onChange?.();
      await inTime(abortOutput(this.#output, error));
    } finally {
      this.#writing = undefined;
    }
  }
}
