// What a capture consists of. The same shapes come out of the reader and go into the writer.

import type { TimeResolution } from "./time.ts";

export type CaptureFormat = "pcap" | "pcapng";
export type ByteOrder = "little" | "big";

/** One option of pcapng (draft-ietf-opsawg-pcapng §3.5), raw: `value` in the byte order of its section, unpadded. */
export interface CaptureOption {
  readonly code: number;
  readonly value: Uint8Array;
}

/** A section of a pcapng, or the file header of a pcap. */
export interface CaptureSection {
  readonly kind: "section";
  readonly format: CaptureFormat;
  readonly byteOrder: ByteOrder;
  /** pcap 2.0 to 2.4, of which 2.4 is written; pcapng 1.0 or 1.2. */
  readonly version: { readonly major: number; readonly minor: number };
  /** pcap: three words of the file header that mean nothing any more: time zone, accuracy, and what stands above the
   * link type. */
  readonly reserved: readonly [number, number, number];
  readonly comments: readonly string[];
  readonly hardware: string | undefined;
  readonly system: string | undefined;
  readonly application: string | undefined;
  readonly options: readonly CaptureOption[];
  /** Grows while the section is read; a pcap has exactly one. */
  readonly interfaces: readonly CaptureInterface[];
  /** Where the section starts in the file, in bytes. */
  readonly offset: number;
}

/** An interface as the writer needs it; the same object always stands for the same interface. */
export interface InterfaceDescription {
  readonly kind?: "interface" | undefined;
  /** LINKTYPE_ value; 1 is Ethernet, and the default. */
  readonly linkType?: number | undefined;
  /** The most bytes that are captured of a frame; 0 means no limit, and is the default. */
  readonly snapLength?: number | undefined;
  /** Length of the frame check sequence at the end of each frame, in bytes, if it is known. */
  readonly fcsLength?: number | undefined;
  /** Unit of the ticks; nanoseconds by default. */
  readonly resolution?: TimeResolution | undefined;
  /** Seconds to add to every timestamp of the interface. */
  readonly offsetSeconds?: bigint | undefined;
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly hardware?: string | undefined;
  readonly system?: string | undefined;
  readonly comments?: readonly string[] | undefined;
  /** If given, these are written as they are, and name, description, hardware, system and comments are not. */
  readonly options?: readonly CaptureOption[] | undefined;
  readonly section?: CaptureSection | undefined;
  readonly offset?: number | undefined;
}

/** An interface as it was read. */
export interface CaptureInterface extends InterfaceDescription {
  readonly kind: "interface";
  /** Its number in its section, from 0. */
  readonly id: number;
  readonly linkType: number;
  readonly snapLength: number;
  readonly fcsLength: number | undefined;
  readonly resolution: TimeResolution;
  readonly offsetSeconds: bigint;
  readonly name: string | undefined;
  readonly description: string | undefined;
  readonly hardware: string | undefined;
  readonly system: string | undefined;
  readonly comments: readonly string[];
  readonly options: readonly CaptureOption[];
  readonly section: CaptureSection;
  /** Where its block (in a pcap, the file header) starts in the file, in bytes. */
  readonly offset: number;
}

/** One record as the writer needs it. */
export interface RecordDescription {
  readonly kind?: "record" | undefined;
  /** The captured bytes of the frame. */
  readonly data: Uint8Array;
  /** Nanoseconds since 1970 (UTC). */
  readonly timestamp: bigint | undefined;
  /** Raw time in units of the interface's resolution: used where that is finer than nanoseconds or no power of
   * ten, and only as long as it says the same as `timestamp`. */
  readonly ticks?: bigint | undefined;
  /** Length of the frame on the wire, in bytes; the length of `data` by default. */
  readonly originalLength?: number | undefined;
  /** Where it was seen; by default the interface that the writer's own options describe. */
  readonly interface?: InterfaceDescription | undefined;
  readonly options?: readonly CaptureOption[] | undefined;
  readonly offset?: number | undefined;
}

/** One record as it was read. */
export interface CaptureRecord extends RecordDescription {
  readonly kind: "record";
  /** The captured bytes: a view of the chunk they arrived in. It stays valid, but copy it before you transfer it. */
  readonly data: Uint8Array;
  /** Nanoseconds since 1970 (UTC), rounded down; undefined for a Simple Packet Block, which has no time. */
  readonly timestamp: bigint | undefined;
  readonly ticks: bigint | undefined;
  readonly originalLength: number;
  readonly interface: CaptureInterface;
  readonly options: readonly CaptureOption[];
  /** Its number in the file, from 0. */
  readonly index: number;
  /** Where the record starts in the file, in bytes. */
  readonly offset: number;
}

/** A block of a pcapng that is neither section, interface nor record: names, statistics, secrets, anything unknown. */
export interface CaptureBlock {
  readonly kind: "block";
  readonly type: number;
  /** Everything between the two total lengths, padding included, in the byte order of the section. */
  readonly body: Uint8Array;
  readonly section: CaptureSection;
  /** Where the block starts in the file, in bytes. */
  readonly offset: number;
}

/** Everything that a capture holds. */
export type CaptureItem = CaptureSection | CaptureInterface | CaptureRecord | CaptureBlock;
/** Everything that can be written. */
export type WritableItem = CaptureSection | InterfaceDescriptionItem | RecordDescription | CaptureBlock;
/** An interface that is written even if no record refers to it. */
export type InterfaceDescriptionItem = InterfaceDescription & { readonly kind: "interface" };
