// Chunks in, items out: the part of reading that knows nothing of streams.

import { PCAP_FILE_LENGTH } from "../layout/pcap.layout.ts";
import { ByteQueue } from "./byte-queue.ts";
import { CaptureError } from "./capture-error.ts";
import type { CaptureItem, CaptureSection } from "./capture-types.ts";
import { parsePcapHeader, recogniseCapture } from "./pcap-format.ts";
import { type CaptureWalker, PcapWalker } from "./pcap-walker.ts";
import { PcapngWalker } from "./pcapng-walker.ts";
import { endsInside } from "./problems.ts";

const MAGIC_LENGTH = 4;

export class CaptureParser {
  /** Set once nothing more can be read. */
  failure: CaptureError | undefined;
  readonly #queue: ByteQueue = new ByteQueue();
  #walker: CaptureWalker | undefined;
  #ended = false;
  /** Items of the header that were not asked for yet. */
  #opening: CaptureItem[] = [];

  /** The section that was read last; undefined until the file's header has arrived. */
  get section(): CaptureSection | undefined {
    return this.#walker?.section;
  }

  /** Takes a chunk; only after `parse` has given fewer items than it was allowed to. */
  push(chunk: Uint8Array): void {
    this.#queue.push(chunk);
  }

  /** At most `limit` items of what has arrived; after the last whole one, `failure` may be set. */
  parse(limit: number, everything: boolean): CaptureItem[] {
    const items: CaptureItem[] = [];
    if (this.#walker === undefined) this.open();
    if (this.#walker === undefined || this.failure !== undefined) return items;
    if (everything) items.push(...this.#opening);
    this.#opening = [];
    const problem = this.#walker.walk(this.#queue, items, limit, everything);
    if (problem !== undefined) this.failure = problem;
    else if (this.#ended && items.length < limit) this.#checkRest(this.#walker.expecting);
    return items;
  }

  /** Reads the header if it has arrived. */
  open(): void {
    if (this.#walker !== undefined || this.failure !== undefined) return;
    const opened = this.#openWalker();
    if (opened instanceof CaptureError) this.failure = opened;
    else if (opened !== undefined) {
      this.#walker = opened;
      this.#opening = [opened.section, ...opened.section.interfaces];
    } else if (this.#ended) this.#checkRest("header");
  }

  /** Says that no chunk will follow: what is left over then is damage. */
  end(): void {
    this.#ended = true;
  }

  #openWalker(): CaptureWalker | CaptureError | undefined {
    const queue = this.#queue;
    if (!queue.require(MAGIC_LENGTH)) return undefined;
    const format = recogniseCapture(queue.bytes.subarray(queue.position, queue.position + MAGIC_LENGTH));
    if (format === "pcapng") return PcapngWalker.open(queue);
    if (format instanceof CaptureError) return format;
    if (!queue.require(PCAP_FILE_LENGTH)) return undefined;
    const header = parsePcapHeader(queue.bytes.subarray(queue.position, queue.position + PCAP_FILE_LENGTH));
    if (header instanceof CaptureError) return header;
    queue.advance(PCAP_FILE_LENGTH);
    return new PcapWalker(header);
  }

  #checkRest(what: "header" | "record" | "block"): void {
    const { length, offset, wanted } = this.#queue;
    if (length > 0) {
      this.failure = endsInside(what, length, wanted, offset);
    } else if (what === "header") this.failure = new CaptureError(0, "the file is empty");
  }
}
