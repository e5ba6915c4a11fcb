// Walks the records of a pcap (draft-ietf-opsawg-pcap §5) as far as whole ones have arrived.

import {
  PCAP_RECORD_FRACTION,
  PCAP_RECORD_LENGTH,
  PCAP_RECORD_SECONDS,
  PCAP_VERSION_MAJOR,
} from "../layout/pcap.layout.ts";
import type { ByteQueue } from "./byte-queue.ts";
import type { CaptureError } from "./capture-error.ts";
import type { CaptureInterface, CaptureItem, CaptureSection } from "./capture-types.ts";
import { NO_OPTIONS } from "./options.ts";
import { capturedLength, type LengthOrder, originalLength, type PcapHeader } from "./pcap-format.ts";
import { recordProblem } from "./problems.ts";
import { TimeWords } from "./time.ts";

/** What is common to both formats: turns queued bytes into items. */
export interface CaptureWalker {
  /** The section that the last item belongs to. */
  readonly section: CaptureSection;
  /** What the bytes at the front of the queue are a part of. */
  readonly expecting: "record" | "block";
  /** Appends items until there are `limit` or no whole one is left; without `everything`, records only. */
  walk(queue: ByteQueue, items: CaptureItem[], limit: number, everything: boolean): CaptureError | undefined;
}

export class PcapWalker implements CaptureWalker {
  readonly section: CaptureSection;
  readonly expecting = "record" as const;
  readonly #interface: CaptureInterface;
  readonly #little: boolean;
  readonly #nanoseconds: boolean;
  readonly #lengths: LengthOrder;
  readonly #time: TimeWords = new TimeWords();
  #count = 0;

  constructor(header: PcapHeader) {
    const interfaces: CaptureInterface[] = [];
    this.section = {
      kind: "section",
      format: "pcap",
      byteOrder: header.bigEndian ? "big" : "little",
      version: { major: PCAP_VERSION_MAJOR, minor: header.minor },
      reserved: header.reserved,
      comments: [],
      hardware: undefined,
      system: undefined,
      application: undefined,
      options: NO_OPTIONS,
      interfaces,
      offset: 0,
    };
    this.#interface = {
      kind: "interface",
      id: 0,
      linkType: header.linkType,
      snapLength: header.snapLength,
      fcsLength: header.fcsLength,
      resolution: { base: 10, exponent: header.nanoseconds ? 9 : 6 },
      offsetSeconds: 0n,
      name: undefined,
      description: undefined,
      hardware: undefined,
      system: undefined,
      comments: [],
      options: NO_OPTIONS,
      section: this.section,
      offset: 0,
    };
    interfaces.push(this.#interface);
    this.#little = !header.bigEndian;
    this.#nanoseconds = header.nanoseconds;
    this.#lengths = header.lengths;
  }

  walk(queue: ByteQueue, items: CaptureItem[], limit: number): CaptureError | undefined {
    const little = this.#little;
    const nanosecondFile = this.#nanoseconds;
    const lengths = this.#lengths;
    const time = this.#time;
    while (items.length < limit && queue.require(PCAP_RECORD_LENGTH)) {
      const problem = recordProblem(queue.view, queue.position, little, queue.offset, lengths);
      if (problem !== undefined) return problem;
      const captured = capturedLength(queue.view, queue.position, little, lengths);
      if (!queue.require(PCAP_RECORD_LENGTH + captured)) return undefined;
      const { view, bytes, position } = queue;
      const seconds = view.getUint32(position + PCAP_RECORD_SECONDS, little);
      const fraction = view.getUint32(position + PCAP_RECORD_FRACTION, little);
      const ticks = time.combine(seconds, nanosecondFile ? 1000000000 : 1000000, fraction);
      items.push({
        kind: "record",
        data: new Uint8Array(bytes.buffer, bytes.byteOffset + position + PCAP_RECORD_LENGTH, captured),
        // A fraction of a second or more (damage, but met) carries over.
        timestamp: nanosecondFile ? ticks : time.combine(seconds, 1000000000, fraction * 1000),
        ticks,
        originalLength: originalLength(view, position, little, lengths),
        fcsLength: this.#interface.fcsLength,
        interface: this.#interface,
        options: NO_OPTIONS,
        index: this.#count++,
        offset: queue.offset,
      });
      queue.advance(PCAP_RECORD_LENGTH + captured);
    }
    return undefined;
  }
}
