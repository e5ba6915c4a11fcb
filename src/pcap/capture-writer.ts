// Writing captures: items in, bytes out, either format.

import { ArgumentRangeError } from "../core/argument-error.ts";
import { byteArray, wholeNumber, wrongType } from "../core/arguments.ts";
import { checkFields, choice, type Fields, flag, list, text, whole } from "../core/fields.ts";
import { CAPTURED_MAXIMUM, LINK_TYPE_ETHERNET } from "../layout/pcap.layout.ts";
import { BLOCK_MAXIMUM, BLOCK_MINIMUM } from "../layout/pcapng.layout.ts";
import { ByteSink } from "./byte-sink.ts";
import type {
  ByteOrder,
  CaptureFormat,
  CaptureOption,
  InterfaceDescription,
  RecordDescription,
  WritableItem,
} from "./capture-types.ts";
import { type OptionPlace, optionProblem } from "./options.ts";
import { type CaptureEmitter, PcapEmitter, type WriterSettings } from "./pcap-emitter.ts";
import { PcapngEmitter } from "./pcapng-emitter.ts";

/** Whatever is left out is taken from the first item written, so that a capture that was read is written alike. */
export interface CaptureWriterOptions {
  /** pcapng if neither this nor the first item says anything. */
  readonly format?: CaptureFormat | undefined;
  /** Little-endian if neither this nor the first item says anything. */
  readonly byteOrder?: ByteOrder | undefined;
  /** LINKTYPE_ value of the file (pcap), or of records that name no interface; 1, Ethernet, by default. */
  readonly linkType?: number | undefined;
  /** Cuts every frame to this many bytes and says so in the header. Without it frames are written whole under the
   * snap length of their interface: set it, 262144 say, where frames have grown since they were read. */
  readonly snapLength?: number | undefined;
  /** pcap: whether fractions of a second are nanoseconds. pcapng: the same for interfaces without a resolution. */
  readonly nanoseconds?: boolean | undefined;
  /** Comments on the first section of a pcapng made from scratch. */
  readonly comments?: readonly string[] | undefined;
}

const WRITER_FIELDS: Fields<CaptureWriterOptions, "comments"> = {
  format: choice("pcap", "pcapng"),
  byteOrder: choice("little", "big"),
  linkType: whole(0, 65535),
  snapLength: whole(1, CAPTURED_MAXIMUM),
  nanoseconds: flag(),
  comments: { ...list(text()), fallback: [] },
};

const WORD_MAXIMUM = 4294967295;

/**
 * Turns items into the bytes of a capture, headers included.
 *
 * Records alone give a complete file. Sections, interfaces and other blocks as `CaptureReader.items()` gives them
 * reproduce a pcapng; a pcap holds none of these and leaves them out, with comments and other options.
 */
export class CaptureWriter {
  readonly #sink: ByteSink = new ByteSink();
  readonly #settings: WriterSettings;
  readonly #format: CaptureFormat | undefined;
  #emitter: CaptureEmitter | undefined;

  constructor(options: CaptureWriterOptions = {}) {
    const checked = checkFields<CaptureWriterOptions, "comments">("options", WRITER_FIELDS, options);
    const { format, byteOrder, linkType, snapLength, nanoseconds, comments } = checked;
    this.#format = format;
    this.#settings = {
      byteOrder,
      linkType,
      snapLength,
      nanoseconds,
      comments,
      fallback: { linkType: linkType ?? LINK_TYPE_ETHERNET },
    };
  }

  /**
   * The bytes of one item or of several, the header in front if it is not written yet.
   * Throws a TypeError or RangeError for an item that cannot be written; those before it come with the next call.
   */
  write(items: WritableItem | readonly WritableItem[]): Uint8Array {
    if (isArray(items)) for (const item of items) this.#writeItem(item);
    else this.#writeItem(items);
    return this.#sink.take();
  }

  /** What is left to write: a header, if there was no item at all. */
  finish(): Uint8Array {
    this.#emitterFor(undefined).begin(undefined, undefined);
    return this.#sink.take();
  }

  #writeItem(item: WritableItem): void {
    switch (item.kind) {
      case "section":
        checkOptions("section.options", item.options, "section");
        this.#emitterFor(item.format).section(item);
        break;
      case "interface":
        checkInterface("interface", item);
        this.#emitterFor(item.section?.format).interface(item);
        break;
      case "block":
        wholeNumber("block.type", item.type, 0, WORD_MAXIMUM);
        byteArray("block.body", item.body);
        if (item.body.length > BLOCK_MAXIMUM - BLOCK_MINIMUM)
          throw new ArgumentRangeError(
            "out-of-range",
            "block.body",
            `expected at most ${BLOCK_MAXIMUM - BLOCK_MINIMUM} bytes, got ${item.body.length}`,
          );
        this.#emitterFor(item.section?.format).block(item.type, item.body, item.section);
        break;
      default:
        checkRecord(item);
        this.#emitterFor(item.interface?.section?.format).record(item);
        break;
    }
  }

  #emitterFor(format: CaptureFormat | undefined): CaptureEmitter {
    this.#emitter ??=
      (this.#format ?? format ?? "pcapng") === "pcap"
        ? new PcapEmitter(this.#sink, this.#settings)
        : new PcapngEmitter(this.#sink, this.#settings);
    return this.#emitter;
  }
}

function checkRecord(record: RecordDescription): void {
  const { data, timestamp, originalLength, fcsLength } = record;
  byteArray("record.data", data);
  if (data.length > CAPTURED_MAXIMUM)
    throw new ArgumentRangeError(
      "out-of-range",
      "record.data",
      `expected at most ${CAPTURED_MAXIMUM} bytes, got ${data.length}`,
    );
  if (timestamp !== undefined && typeof timestamp !== "bigint")
    throw wrongType("record.timestamp", "a bigint of nanoseconds", timestamp);
  if (originalLength !== undefined) wholeNumber("record.originalLength", originalLength, 0, WORD_MAXIMUM);
  if (fcsLength !== undefined) wholeNumber("record.fcsLength", fcsLength, 0, 30);
  if (record.options !== undefined) checkOptions("record.options", record.options, "record");
  const seenOn = record.interface;
  if (seenOn !== undefined && seenOn.kind === undefined) checkInterface("record.interface", seenOn);
}

function checkOptions(name: string, options: readonly CaptureOption[], place: OptionPlace): void {
  for (const { code, value } of options) {
    wholeNumber(`${name}.code`, code, 1, 65535);
    wholeNumber(`${name}.value.length`, byteArray(`${name}.value`, value).length, 0, 65535);
    const problem = optionProblem(code, value.length, place);
    if (problem !== undefined) throw new ArgumentRangeError("out-of-range", `${name}.value`, problem);
  }
}

function checkInterface(name: string, description: InterfaceDescription): void {
  const { linkType, snapLength, fcsLength, resolution, offsetSeconds, options } = description;
  if (options !== undefined) checkOptions(`${name}.options`, options, "interface");
  if (offsetSeconds !== undefined && BigInt.asIntN(64, offsetSeconds) !== offsetSeconds)
    throw new ArgumentRangeError(
      "out-of-range",
      `${name}.offsetSeconds`,
      `expected a signed 64-bit number, got ${offsetSeconds}`,
    );
  if (linkType !== undefined) wholeNumber(`${name}.linkType`, linkType, 0, 65535);
  if (snapLength !== undefined) wholeNumber(`${name}.snapLength`, snapLength, 0, WORD_MAXIMUM);
  if (fcsLength !== undefined) wholeNumber(`${name}.fcsLength`, fcsLength, 0, 30);
  if (resolution !== undefined) {
    wholeNumber(`${name}.resolution.exponent`, resolution.exponent, 0, 127);
    if (resolution.base !== 10 && resolution.base !== 2)
      throw new ArgumentRangeError(
        "not-one-of",
        `${name}.resolution.base`,
        `expected 10 or 2, got ${resolution.base}`,
      );
  }
}

/** Array.isArray does not narrow readonly arrays out of a union. */
function isArray(items: WritableItem | readonly WritableItem[]): items is readonly WritableItem[] {
  return Array.isArray(items);
}
