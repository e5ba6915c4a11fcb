// Writes a pcap: one header, then records of one link type.

import { ArgumentRangeError } from "../core/argument-error.ts";
import {
  CAPTURED_MAXIMUM,
  PCAP_RECORD_CAPTURED,
  PCAP_RECORD_FRACTION,
  PCAP_RECORD_LENGTH,
  PCAP_RECORD_ORIGINAL,
  PCAP_RECORD_SECONDS,
  PCAP_VERSION_MINOR,
} from "../layout/pcap.layout.ts";
import type { ByteSink } from "./byte-sink.ts";
import type { ByteOrder, CaptureSection, InterfaceDescription, RecordDescription } from "./capture-types.ts";
import { emitPcapHeader, type PcapHeader } from "./pcap-format.ts";
import { TimeWords } from "./time.ts";

/** The options, checked. */
export interface WriterSettings {
  readonly byteOrder: ByteOrder | undefined;
  readonly linkType: number | undefined;
  readonly snapLength: number | undefined;
  readonly nanoseconds: boolean | undefined;
  readonly comments: readonly string[];
  /** The interface of records that name none. */
  readonly fallback: InterfaceDescription & { readonly linkType: number };
}

/** What is common to both formats: items in, bytes into the sink. */
export interface CaptureEmitter {
  /** Writes what a file must start with, unless it is there. */
  begin(section: CaptureSection | undefined, first: InterfaceDescription | undefined): void;
  section(section: CaptureSection): void;
  interface(description: InterfaceDescription): void;
  record(record: RecordDescription): void;
  block(type: number, body: Uint8Array, section: CaptureSection | undefined): void;
}

export class PcapEmitter implements CaptureEmitter {
  readonly #sink: ByteSink;
  readonly #settings: WriterSettings;
  readonly #time: TimeWords = new TimeWords();
  #header: PcapHeader | undefined;

  constructor(sink: ByteSink, settings: WriterSettings) {
    this.#sink = sink;
    this.#settings = settings;
  }

  begin(section: CaptureSection | undefined, first: InterfaceDescription | undefined): PcapHeader {
    if (this.#header !== undefined) return this.#header;
    const { byteOrder, nanoseconds, snapLength, linkType } = this.#settings;
    const isPcap = section?.format === "pcap";
    const resolution = first?.resolution;
    this.#header = {
      minor: PCAP_VERSION_MINOR,
      lengths: "straight",
      bigEndian: (byteOrder ?? section?.byteOrder) === "big",
      nanoseconds:
        nanoseconds ?? (resolution === undefined || resolution.base === 2 || resolution.exponent > 6),
      reserved: isPcap ? section.reserved : [0, 0, 0],
      // In pcapng 0 means no limit; readers of pcap expect the limit.
      snapLength:
        snapLength ?? (isPcap ? first?.snapLength : first?.snapLength || undefined) ?? CAPTURED_MAXIMUM,
      linkType: linkType ?? first?.linkType ?? this.#settings.fallback.linkType,
      fcsLength: first?.fcsLength,
    };
    this.#sink.append(emitPcapHeader(this.#header));
    return this.#header;
  }

  section(section: CaptureSection): void {
    // A pcapng's first interface gives link type and snap length, and comes later.
    if (section.format === "pcap") this.begin(section, section.interfaces[0]);
  }

  interface(description: InterfaceDescription): void {
    this.begin(description.section, description);
  }

  /** A pcap has no other blocks. */
  block(): void {}

  record(record: RecordDescription): void {
    const seenOn = record.interface ?? this.#settings.fallback;
    const header = this.begin(seenOn.section, seenOn);
    const linkType = seenOn.linkType ?? this.#settings.fallback.linkType;
    if (linkType !== header.linkType)
      throw new ArgumentRangeError(
        "contradiction",
        "record.interface",
        `expected link type ${header.linkType}, the only one in this pcap, got ${linkType}`,
      );
    const time = this.#time;
    if (!time.split(record.timestamp ?? 0n))
      throw new ArgumentRangeError(
        "out-of-range",
        "record.timestamp",
        `expected nanoseconds from 1970 to 2106, which is what pcap holds, got ${record.timestamp}`,
      );
    const little = !header.bigEndian;
    const { data } = record;
    const captured = Math.min(data.length, this.#settings.snapLength ?? data.length);
    const start = this.#sink.reserve(PCAP_RECORD_LENGTH + captured);
    const { view, bytes } = this.#sink;
    const fraction = header.nanoseconds ? time.nanoseconds : Math.floor(time.nanoseconds / 1000);
    view.setUint32(start + PCAP_RECORD_SECONDS, time.seconds, little);
    view.setUint32(start + PCAP_RECORD_FRACTION, fraction, little);
    view.setUint32(start + PCAP_RECORD_CAPTURED, captured, little);
    view.setUint32(start + PCAP_RECORD_ORIGINAL, record.originalLength ?? data.length, little);
    bytes.set(captured === data.length ? data : data.subarray(0, captured), start + PCAP_RECORD_LENGTH);
  }
}
