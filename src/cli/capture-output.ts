// A capture of what leaves one port.

import { ByteSink } from "../pcap/byte-sink.ts";
import type { CaptureEmitter, WriterSettings } from "../pcap/pcap-emitter.ts";
import { PcapEmitter } from "../pcap/pcap-emitter.ts";
import { PcapngEmitter } from "../pcap/pcapng-emitter.ts";
import { LINK_TYPE_ETHERNET } from "../pcap.ts";
import { createOutputFile, isStandardOutput, type NodeOutput } from "../platform/node-output.ts";
import { BadConfiguration } from "./failures.ts";

/** Bytes that are collected before they are written: there may be a thousand of these. */
const ENOUGH = 32 * 1024;
/** About what stands around a frame. */
const RECORD = 48;

export class CaptureOutput {
  readonly output: NodeOutput;
  /** Whether somebody may be waiting for what is written. */
  readonly live: boolean;
  readonly #path: string;
  readonly #sink: ByteSink = new ByteSink();
  readonly #emitter: CaptureEmitter;
  readonly #interface: WriterSettings["fallback"];
  #pending = RECORD;

  /** `name` is that of the port. A pcap if the path says so, otherwise a pcapng, with nanoseconds. */
  constructor(path: string, name: string, output: NodeOutput) {
    this.output = output;
    this.live = isStandardOutput(path);
    this.#path = path;
    this.#interface = { linkType: LINK_TYPE_ETHERNET, name };
    const settings: WriterSettings = {
      byteOrder: "little",
      linkType: LINK_TYPE_ETHERNET,
      snapLength: undefined,
      nanoseconds: true,
      comments: [],
      fallback: this.#interface,
    };
    const Emitter = /\.pcap$/i.test(path) ? PcapEmitter : PcapngEmitter;
    this.#emitter = new Emitter(this.#sink, settings);
    this.#emitter.interface(this.#interface);
  }

  /** Appends a frame, which is copied. */
  add(data: Uint8Array, timestamp: bigint | undefined): void {
    try {
      this.#emitter.record({ data, timestamp });
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new BadConfiguration(this.#path, `cannot be a pcap: ${error.message}`);
    }
    this.#pending += data.length + RECORD;
  }

  /** Whether it is time to write. */
  get isFull(): boolean {
    return this.#pending >= ENOUGH;
  }

  async flush(): Promise<void> {
    if (this.#pending === 0) return;
    this.#pending = 0;
    await this.output.write(this.#sink.take());
  }
}

export async function createCaptureOutput(path: string, name: string): Promise<CaptureOutput> {
  return new CaptureOutput(path, name, await createOutputFile(path));
}
