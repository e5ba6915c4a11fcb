// One capture on its way out, told apart into several by what its frames came out of.
//
// A decapsulation with `label` says that in a block in front of each frame. This is the sink that reads those blocks and
// leaves them out. Sections and interfaces go into all parts, so that each is a capture of its own; other blocks go into none.

import { formatIp } from "../core/addresses.ts";
import { ArgumentTypeError } from "../core/argument-error.ts";
import { callback, checkFields, type Fields, whole } from "../core/fields.ts";
import {
  BLOCK_LABEL,
  LABEL_ADDRESS,
  LABEL_BLOCK_BODY,
  LABEL_IS,
  LABEL_KIND,
  LABEL_NUMBER,
  LABEL_REMOTE,
  LABEL_VNI,
} from "../layout/label.layout.ts";
import {
  BLOCK_ENHANCED_PACKET,
  BLOCK_INTERFACE,
  BLOCK_MINIMUM,
  BLOCK_SECTION,
  BLOCK_SIMPLE_PACKET,
} from "../layout/pcapng.layout.ts";
import { ByteSink } from "../pcap/byte-sink.ts";
import { wrappingOfNumber } from "../tunnel/wrappings.ts";
import type { CaptureOutput } from "./capture-io.ts";

export interface SplitCaptureOptions {
  /** Called for each part when its first frame comes; with a name that is a good name for a file. */
  readonly open: (part: string) => CaptureOutput | Promise<CaptureOutput>;
  /** So many parts at most: frames that would begin another one go into the part `others`. Default 512. */
  readonly most?: number | undefined;
}

/** A capture that has been written. */
export interface CapturePart {
  /** A VNI, a kind or an address, with `-` for colons; `none` for frames that have no such thing; `others`. */
  readonly part: string;
  readonly frames: number;
}

/** A sink for a pcapng whose frames are labelled. */
export interface CaptureSplit extends CaptureOutput {
  /** All parts so far, those with most frames first. */
  readonly parts: readonly CapturePart[];
}

export const SPLIT_FIELDS: Fields<SplitCaptureOptions, "open" | "most"> = {
  open: { ...callback<SplitCaptureOptions["open"]>(), required: true },
  most: { ...whole(1, 65536), fallback: 512 },
};

/** Of frames that have nothing of what they are told apart by, and of those for which there was no part any more. */
const NONE = "none";
const OTHERS = "others";
/** Bytes that are collected before they are written. */
const ENOUGH = 32 * 1024;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;

/**
 * Writes one capture for each VNI, kind or remote address that frames came out of:
 *
 *     const split = splitCapture({ open: (part) => createCaptureFile(`${part}.pcapng`) });
 *     await dataplane.processCapture(source, [{ stage: "decapsulate", kind: "any", label: "vni" }], split, { format: "pcapng" });
 *
 * Memory use is constant, but for some 32 KiB for each part. When the capture has ended all parts are closed, and aborted
 * where it has failed.
 */
export function splitCapture(options: SplitCaptureOptions): CaptureSplit {
  const { open, most } = checkFields<SplitCaptureOptions, "open" | "most">("options", SPLIT_FIELDS, options);
  return new Splitter(open, most);
}

class Part {
  readonly name: string;
  readonly output: CaptureOutput;
  readonly sink: ByteSink = new ByteSink();
  frames = 0;
  pending = 0;

  constructor(name: string, output: CaptureOutput) {
    this.name = name;
    this.output = output;
  }

  add(bytes: Uint8Array): void {
    this.sink.append(bytes);
    this.pending += bytes.length;
  }

  async flush(): Promise<void> {
    if (this.pending === 0) return;
    this.pending = 0;
    await this.output.write(this.sink.take());
  }
}

class Splitter implements CaptureSplit {
  readonly #open: SplitCaptureOptions["open"];
  readonly #most: number;
  readonly #parts: Map<string, Part> = new Map();
  /** What every part begins with: the section, and its interfaces so far. */
  #head: Uint8Array[] = [];
  #bigEndian = false;
  /** The beginning of a block whose end has not come yet. */
  #rest: Uint8Array = new Uint8Array(0);
  /** Bytes to come of a block that goes into no part. */
  #passing = 0;
  /** Whose frame comes next. */
  #next: Part | undefined;

  constructor(open: SplitCaptureOptions["open"], most: number) {
    this.#open = open;
    this.#most = most;
  }

  get parts(): CapturePart[] {
    return [...this.#parts.values()]
      .map(({ name, frames }) => ({ part: name, frames }))
      .sort((a, b) => b.frames - a.frames);
  }

  async write(bytes: Uint8Array): Promise<void> {
    let all = bytes;
    if (this.#rest.length > 0) {
      all = new Uint8Array(this.#rest.length + bytes.length);
      all.set(this.#rest);
      all.set(bytes, this.#rest.length);
    }
    const used = await this.#readBlocks(all);
    // A copy: the memory holds something else soon.
    this.#rest = all.slice(used);
    for (const part of this.#parts.values()) if (part.pending >= ENOUGH) await part.flush();
  }

  async close(): Promise<void> {
    const parts = [...this.#parts.values()];
    for (const part of parts) await part.flush();
    for (const [index, { output }] of parts.entries()) {
      try {
        await output.close();
      } catch (error) {
        for (const one of parts.slice(index + 1)) await one.output.abort(error);
        throw error;
      }
    }
  }

  async abort(reason: unknown): Promise<void> {
    await Promise.allSettled([...this.#parts.values()].map(({ output }) => output.abort(reason)));
  }

  /** Takes whole blocks, and what is there of those that only pass; returns how many bytes that is. */
  async #readBlocks(bytes: Uint8Array): Promise<number> {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = 0;
    for (;;) {
      const passed = Math.min(this.#passing, bytes.length - at);
      this.#passing -= passed;
      at += passed;
      if (bytes.length - at < BLOCK_MINIMUM) return at;
      const type = view.getUint32(at, !this.#bigEndian);
      if (this.#head.length === 0 && type !== BLOCK_SECTION)
        throw new ArgumentTypeError("wrong-type", "format", 'only a pcapng can be split: say "pcapng"');
      if (type === BLOCK_SECTION) this.#bigEndian = view.getUint32(at + 8) === BYTE_ORDER_MAGIC;
      const length = view.getUint32(at + 4, !this.#bigEndian);
      if (!TAKEN.has(type)) {
        this.#passing = Math.max(length, BLOCK_MINIMUM);
        continue;
      }
      if (bytes.length - at < length) return at;
      if (type === BLOCK_LABEL) await this.#turnTo(this.#nameOf(view, at + LABEL_BLOCK_BODY));
      else await this.#take(type, bytes.subarray(at, at + length));
      at += length;
    }
  }

  async #take(type: number, block: Uint8Array): Promise<void> {
    if (type === BLOCK_SECTION || type === BLOCK_INTERFACE) {
      if (type === BLOCK_SECTION) this.#head = [];
      this.#head.push(block.slice());
      for (const part of this.#parts.values()) part.add(block);
      return;
    }
    const part = this.#next ?? (await this.#turnTo(NONE));
    part.add(block);
    part.frames++;
  }

  async #turnTo(name: string): Promise<Part> {
    let part = this.#parts.get(name);
    if (part === undefined && this.#parts.size - (this.#parts.has(OTHERS) ? 1 : 0) >= this.#most) {
      name = OTHERS;
      part = this.#parts.get(name);
    }
    if (part === undefined) {
      part = new Part(name, await this.#open(name));
      for (const block of this.#head) part.add(block);
      this.#parts.set(name, part);
    }
    this.#next = part;
    return part;
  }

  #nameOf(view: DataView, at: number): string {
    const number = view.getUint32(at + LABEL_NUMBER, !this.#bigEndian);
    switch (view.getUint32(at + LABEL_IS, !this.#bigEndian)) {
      case LABEL_VNI:
        return String(number);
      case LABEL_KIND:
        return wrappingOfNumber(number).name;
      case LABEL_REMOTE:
        return addressName(new Uint8Array(view.buffer, view.byteOffset + at + LABEL_ADDRESS, 16));
      default:
        return NONE;
    }
  }
}

const TAKEN: ReadonlySet<number> = new Set([
  BLOCK_SECTION,
  BLOCK_INTERFACE,
  BLOCK_ENHANCED_PACKET,
  BLOCK_SIMPLE_PACKET,
  BLOCK_LABEL,
]);

/** Ten zeroes and two bytes of ones in front are an IPv4 address. */
function addressName(address: Uint8Array): string {
  const isIpv4 = address.every((byte, index) => index >= 12 || byte === (index < 10 ? 0 : 0xff));
  return formatIp(isIpv4 ? address.slice(12) : address.slice()).replaceAll(":", "-");
}
