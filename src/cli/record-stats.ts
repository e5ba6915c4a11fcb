// What is told of records one by one: their sizes, when they came, and the layers in them. Tables by address are the kernels'
// part, on the same bytes (stats.ts); neither time nor layers are anything that a stage sees.

import { CaptureParser } from "../pcap/capture-parser.ts";
import { type CaptureRecord, frameOf, LINK_TYPE_ETHERNET } from "../pcap.ts";
import type { FrameCount } from "../pipeline/count-table.ts";
import type { WrappingPorts } from "../tunnel/any.ts";
import { type Dissector, dissector } from "../wire.ts";
import { stackOf, unreadText, viewOf } from "./frame-view.ts";
import { PlainFrame } from "./plain-frame.ts";
import { TimeBins } from "./time-bins.ts";

/** Records taken from a chunk at a time. */
const BATCH = 1024;
/** Different stacks of layers that are kept; frames of more are counted together. */
const STACKS_MAXIMUM = 4096;
/** Sizes from 0, 20, 40, 80 and so on to 5120, as tshark tells them. */
const CLASSES = 10;
const CLASS_FIRST = 20;

/** Frames of sizes from `from` on, up to `to`; the last class has no end. */
export interface SizeClass extends FrameCount {
  readonly from: number;
  readonly to: number | undefined;
}

/** Frames whose layers begin with these, outermost first. */
export interface ProtocolRow extends FrameCount {
  readonly layers: readonly string[];
}

interface Sum {
  frames: number;
  bytes: number;
}

export class RecordStats {
  readonly times: TimeBins;
  frames = 0;
  bytes = 0;
  least = 0;
  most = 0;
  /** Frames of layers that found no room. */
  readonly others: Sum = { frames: 0, bytes: 0 };
  readonly #parser: CaptureParser = new CaptureParser();
  readonly #matches: ((record: CaptureRecord) => boolean) | undefined;
  readonly #plain: PlainFrame;
  readonly #read: Dissector;
  readonly #sizes: Sum[] = Array.from({ length: CLASSES }, () => ({ frames: 0, bytes: 0 }));
  readonly #stacks: Map<string, Sum> = new Map();

  /** Of records that `matches` lets through; with `interval` microseconds for a bin of time. */
  constructor(
    ports: WrappingPorts | undefined,
    matches: ((record: CaptureRecord) => boolean) | undefined,
    interval: number | undefined,
  ) {
    this.#matches = matches;
    this.#plain = new PlainFrame(ports);
    this.#read = dissector(ports === undefined ? {} : { tunnelPorts: ports });
    this.times = new TimeBins(interval);
  }

  /** Takes the next bytes of a capture, which stay as they are. What is damaged in it is told by who works on the frames. */
  push(chunk: Uint8Array): void {
    const parser = this.#parser;
    if (parser.failure !== undefined) return;
    parser.push(chunk);
    for (;;) {
      const records = parser.parse(BATCH, false) as CaptureRecord[];
      for (const record of records)
        if (this.#matches === undefined || this.#matches(record)) this.#add(record);
      if (records.length < BATCH || parser.failure !== undefined) return;
    }
  }

  /** The classes that have frames, and those between them. */
  get sizes(): readonly SizeClass[] {
    const rows = this.#sizes.map(({ frames, bytes }, index) => ({
      from: index === 0 ? 0 : CLASS_FIRST * 2 ** (index - 1),
      to: index === CLASSES - 1 ? undefined : CLASS_FIRST * 2 ** index,
      frames,
      bytes,
    }));
    const used = rows.flatMap(({ frames }, index) => (frames > 0 ? [index] : []));
    return used.length === 0 ? [] : rows.slice(used[0], (used.at(-1) as number) + 1);
  }

  /** A row for each beginning of layers, each behind the one that it goes on from; of several those with the most frames first. */
  get protocols(): readonly ProtocolRow[] {
    const root: Node = { layers: [], frames: 0, bytes: 0, inner: new Map() };
    for (const [text, sum] of this.#stacks) {
      let node = root;
      for (const name of text.split("/")) {
        let inner = node.inner.get(name);
        if (inner === undefined) {
          inner = { layers: [...node.layers, name], frames: 0, bytes: 0, inner: new Map() };
          node.inner.set(name, inner);
        }
        inner.frames += sum.frames;
        inner.bytes += sum.bytes;
        node = inner;
      }
    }
    return rowsOf(root);
  }

  #add(record: CaptureRecord): void {
    const { originalLength, fcsLength } = record;
    const size = fcsLength === undefined ? Math.max(originalLength, record.data.length) : sizeOf(record);
    if (this.frames === 0 || size < this.least) this.least = size;
    if (size > this.most) this.most = size;
    this.frames++;
    this.bytes += size;
    count(this.#sizes[classOf(size)] as Sum, size);
    this.times.add(record.timestamp, size);
    this.#addStack(this.#stackOf(record), size);
  }

  #addStack(text: string, size: number): void {
    let sum = this.#stacks.get(text);
    if (sum === undefined) {
      if (this.#stacks.size < STACKS_MAXIMUM) {
        sum = { frames: 0, bytes: 0 };
        this.#stacks.set(text, sum);
      } else sum = this.others;
    }
    count(sum, size);
  }

  /** The names of all layers but the payload, with slashes between; what is not read is named at the end. */
  #stackOf(record: CaptureRecord): string {
    const { data, originalLength, fcsLength, interface: from } = record;
    const whole = from.linkType === LINK_TYPE_ETHERNET && fcsLength === undefined;
    if (whole && originalLength <= data.length && this.#plain.read(data))
      return withoutPayload(this.#plain.stack.text);
    const { layers } = viewOf(record, this.#read).dissection;
    const stack = withoutPayload(stackOf(layers));
    const unread = unreadText(layers)?.replaceAll("/", " ");
    if (unread === undefined) return stack;
    return stack === "" ? unread : `${stack}/${unread}`;
  }
}

interface Node extends Sum {
  readonly layers: readonly string[];
  readonly inner: Map<string, Node>;
}

function rowsOf({ inner }: Node): ProtocolRow[] {
  const sorted = [...inner.values()].sort((a, b) => b.frames - a.frames || order(a.layers, b.layers));
  return sorted.flatMap((node) => [
    { layers: node.layers, frames: node.frames, bytes: node.bytes },
    ...rowsOf(node),
  ]);
}

function order(a: readonly string[], b: readonly string[]): number {
  return a.join("/") < b.join("/") ? -1 : 1;
}

const PAYLOAD = /(?:^|\/)(?:payload|unknown)$/;
/** Most frames have the layers of the frame before. */
let told = "";
let toldWithout = "";

function withoutPayload(stack: string): string {
  if (stack !== told) {
    told = stack;
    toldWithout = stack.replace(PAYLOAD, "");
  }
  return toldWithout;
}

function sizeOf(record: CaptureRecord): number {
  const { data, originalLength } = frameOf(record);
  return Math.max(originalLength, data.length);
}

function classOf(size: number): number {
  return Math.min(CLASSES - 1, 32 - Math.clz32(size / CLASS_FIRST));
}

function count(sum: Sum, bytes: number): void {
  sum.frames++;
  sum.bytes += bytes;
}
