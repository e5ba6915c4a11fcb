// Writes a pcapng: sections, interfaces as records need them, Enhanced Packet Blocks, other blocks as they are.

import { ArgumentRangeError } from "../core/argument-error.ts";
import {
  BLOCK_ENHANCED_PACKET,
  BLOCK_INTERFACE,
  BLOCK_PACKET,
  BLOCK_SECTION,
  BLOCK_SIMPLE_PACKET,
  BLOCK_TOTAL_LENGTH,
  BLOCK_TYPE,
  ENHANCED_CAPTURED,
  ENHANCED_FRAME,
  ENHANCED_INTERFACE,
  ENHANCED_MINIMUM,
  ENHANCED_ORIGINAL,
  ENHANCED_TICKS_HIGH,
  ENHANCED_TICKS_LOW,
  OPTION_INTERFACE_DESCRIPTION,
  OPTION_INTERFACE_HARDWARE,
  OPTION_INTERFACE_NAME,
  OPTION_INTERFACE_SYSTEM,
  RECORD_BLOCK_MAXIMUM,
  SIMPLE_FRAME,
  SIMPLE_MINIMUM,
  SIMPLE_ORIGINAL,
} from "../layout/pcapng.layout.ts";
import type { ByteSink } from "./byte-sink.ts";
import type {
  CaptureOption,
  CaptureSection,
  InterfaceDescription,
  RecordDescription,
} from "./capture-types.ts";
import { FLAGGED_MAXIMUM, flaggedLength, withFlaggedLength } from "./check-sequence.ts";
import {
  commentOption,
  emitOptions,
  NO_OPTIONS,
  optionsLength,
  padded,
  textOption,
  turnOptions,
} from "./options.ts";
import type { CaptureEmitter, WriterSettings } from "./pcap-emitter.ts";
import { emitBlock, emitInterfaceBlock, emitSectionBlock } from "./pcapng-format.ts";
import { otherBlockProblem } from "./problems.ts";
import { nanosecondsToTicks, type TimeResolution, ticksToNanoseconds, wholeNanoseconds } from "./time.ts";

/** What a record needs to know of its interface. */
interface WrittenInterface {
  readonly id: number;
  readonly snapLength: number;
  readonly resolution: TimeResolution;
  readonly offsetSeconds: bigint;
}

const NANOSECONDS: TimeResolution = Object.freeze({ base: 10, exponent: 9 });
const MICROSECONDS: TimeResolution = Object.freeze({ base: 10, exponent: 6 });
const TICKS_END = 18446744073709551616n; // 2^64

export class PcapngEmitter implements CaptureEmitter {
  readonly #sink: ByteSink;
  readonly #settings: WriterSettings;
  #begun = false;
  #bigEndian = false;
  #written = new Map<InterfaceDescription, WrittenInterface>();
  /** The section whose interfaces are written along with its records, and how many of them are. */
  #followed: CaptureSection | undefined;
  #followedCount = 0;

  constructor(sink: ByteSink, settings: WriterSettings) {
    this.#sink = sink;
    this.#settings = settings;
  }

  begin(section: CaptureSection | undefined): void {
    if (this.#begun) return;
    this.#begun = true;
    const bigEndian = (this.#settings.byteOrder ?? section?.byteOrder) === "big";
    const sectionOptions = section === undefined ? this.#ownSectionOptions() : section.options;
    const turned = section !== undefined && bigEndian !== (section.byteOrder === "big");
    this.#bigEndian = bigEndian;
    this.#written = new Map();
    this.#followed = undefined;
    this.#sink.append(
      emitSectionBlock({
        bigEndian,
        minor: section?.format === "pcapng" ? section.version.minor : 0,
        options: turned ? turnOptions(sectionOptions, "section") : sectionOptions,
      }),
    );
  }

  section(section: CaptureSection): void {
    this.#begun = false;
    this.begin(section);
  }

  interface(description: InterfaceDescription): void {
    this.begin(description.section);
    if (!this.#written.has(description)) this.#writeInterface(description);
  }

  block(type: number, body: Uint8Array, section: CaptureSection | undefined): void {
    this.begin(section);
    if (section !== undefined && (section.byteOrder === "big") !== this.#bigEndian)
      throw new ArgumentRangeError(
        "contradiction",
        "block",
        `its bytes are ${section.byteOrder}-endian, and the section being written is not`,
      );
    if (
      type === BLOCK_SECTION ||
      type === BLOCK_INTERFACE ||
      type === BLOCK_PACKET ||
      type === BLOCK_SIMPLE_PACKET ||
      type === BLOCK_ENHANCED_PACKET
    )
      throw new ArgumentRangeError(
        "not-for-this",
        "block.type",
        `expected none that the writer makes itself, got ${type}`,
      );
    const block = emitBlock(type, body, this.#bigEndian);
    const header = { type, totalLength: block.length, bigEndian: this.#bigEndian };
    const problem = otherBlockProblem(block, header, 0);
    if (problem !== undefined) throw new ArgumentRangeError("malformed", "block.body", problem.reason);
    this.#sink.append(block);
  }

  record(record: RecordDescription): void {
    const seenOn = record.interface ?? this.#settings.fallback;
    this.begin(seenOn.section);
    const { section } = seenOn;
    if (
      section !== undefined &&
      record.offset !== undefined &&
      (section !== this.#followed || section.interfaces.length > this.#followedCount)
    )
      this.#follow(section, record.offset);
    const written = this.#written.get(seenOn) ?? this.#writeInterface(seenOn);
    const { data } = record;
    const captured = Math.min(data.length, this.#settings.snapLength ?? data.length);
    const frame = captured === data.length ? data : data.subarray(0, captured);
    const originalLength = record.originalLength ?? data.length;
    let options = this.#declared(record, seenOn);
    if (record.timestamp === undefined && written.id === 0 && options.length === 0) {
      const implied =
        written.snapLength === 0 ? originalLength : Math.min(originalLength, written.snapLength);
      if (implied === captured) {
        this.#writeSimple(frame, originalLength);
        return;
      }
    }
    if (record.timestamp === undefined)
      throw new ArgumentRangeError(
        "missing",
        "record.timestamp",
        "expected a time: only a frame of the section's first interface, without options and cut by nothing but its snap length, can be without",
      );
    const ticks = ticksOf(record, written);
    if (options.length > 0 && this.#isTurned(seenOn)) options = turnOptions(options, "record");
    const body = padded(captured);
    const total = checkLength("record.options", ENHANCED_MINIMUM + body + optionsLength(options));
    const start = this.#sink.reserve(total);
    const { view, bytes } = this.#sink;
    const little = !this.#bigEndian;
    view.setUint32(start + BLOCK_TYPE, BLOCK_ENHANCED_PACKET, little);
    view.setUint32(start + BLOCK_TOTAL_LENGTH, total, little);
    view.setUint32(start + ENHANCED_INTERFACE, written.id, little);
    view.setBigUint64(start + ENHANCED_TICKS_HIGH, ticks);
    if (little) {
      // Two 32-bit words, high one first, each in the section's order.
      const high = view.getUint32(start + ENHANCED_TICKS_HIGH);
      const low = view.getUint32(start + ENHANCED_TICKS_LOW);
      view.setUint32(start + ENHANCED_TICKS_HIGH, high, true);
      view.setUint32(start + ENHANCED_TICKS_LOW, low, true);
    }
    view.setUint32(start + ENHANCED_CAPTURED, captured, little);
    view.setUint32(start + ENHANCED_ORIGINAL, originalLength, little);
    bytes.set(frame, start + ENHANCED_FRAME);
    for (let i = captured; i < body; i++) bytes[start + ENHANCED_FRAME + i] = 0;
    emitOptions(view, start + ENHANCED_FRAME + body, options, this.#bigEndian);
    view.setUint32(start + total - 4, total, little);
  }

  /** The options of a record, with flags that declare its check sequence if its interface declares another one. */
  #declared(record: RecordDescription, seenOn: InterfaceDescription): readonly CaptureOption[] {
    const { fcsLength, options = NO_OPTIONS } = record;
    if (fcsLength === undefined) return options;
    const bigEndian = seenOn.section === undefined ? this.#bigEndian : seenOn.section.byteOrder === "big";
    const flagged = options.length === 0 ? undefined : flaggedLength(options, bigEndian);
    if ((flagged ?? seenOn.fcsLength ?? 0) === fcsLength) return options;
    const ofInterface = seenOn.fcsLength ?? 0;
    if (fcsLength === ofInterface) return withFlaggedLength(options, 0, bigEndian);
    if (fcsLength === 0 || fcsLength > FLAGGED_MAXIMUM)
      throw new ArgumentRangeError(
        "contradiction",
        "record.fcsLength",
        `expected ${ofInterface}, as its interface declares, or 1 to ${FLAGGED_MAXIMUM}, got ${fcsLength}`,
      );
    return withFlaggedLength(options, fcsLength, bigEndian);
  }

  #writeSimple(frame: Uint8Array, originalLength: number): void {
    const body = padded(frame.length);
    const total = SIMPLE_MINIMUM + body;
    const start = this.#sink.reserve(total);
    const { view, bytes } = this.#sink;
    const little = !this.#bigEndian;
    view.setUint32(start + BLOCK_TYPE, BLOCK_SIMPLE_PACKET, little);
    view.setUint32(start + BLOCK_TOTAL_LENGTH, total, little);
    view.setUint32(start + SIMPLE_ORIGINAL, originalLength, little);
    bytes.set(frame, start + SIMPLE_FRAME);
    for (let i = frame.length; i < body; i++) bytes[start + SIMPLE_FRAME + i] = 0;
    view.setUint32(start + total - 4, total, little);
  }

  /** Writes the interfaces that a section described before a record, so that they keep their numbers and places. */
  #follow(section: CaptureSection, recordOffset: number): void {
    if (section !== this.#followed) {
      this.#followed = section;
      this.#followedCount = 0;
    }
    const { interfaces } = section;
    while (this.#followedCount < interfaces.length) {
      const next = interfaces[this.#followedCount]!;
      if (next.offset >= recordOffset) break;
      if (!this.#written.has(next)) this.#writeInterface(next);
      this.#followedCount++;
    }
  }

  #writeInterface(description: InterfaceDescription): WrittenInterface {
    const settings = this.#settings;
    let options = description.options ?? describedOptions(description);
    if (this.#isTurned(description)) options = turnOptions(options, "interface");
    const written = {
      id: this.#written.size,
      snapLength: settings.snapLength ?? description.snapLength ?? 0,
      resolution: description.resolution ?? (settings.nanoseconds === false ? MICROSECONDS : NANOSECONDS),
      offsetSeconds: description.offsetSeconds ?? 0n,
    };
    const linkType = description.linkType ?? settings.fallback.linkType;
    const { fcsLength } = description;
    const block = emitInterfaceBlock({ ...written, linkType, fcsLength, options }, this.#bigEndian);
    checkLength("interface.options", block.length);
    this.#sink.append(block);
    this.#written.set(description, written);
    return written;
  }

  /** Whether the numbers in its options have the other byte order. */
  #isTurned(description: InterfaceDescription): boolean {
    return description.section !== undefined && (description.section.byteOrder === "big") !== this.#bigEndian;
  }

  #ownSectionOptions(): readonly CaptureOption[] {
    return this.#settings.comments.map(commentOption);
  }
}

/** Readers refuse longer ones, ours among them. */
function checkLength(name: string, length: number): number {
  if (length > RECORD_BLOCK_MAXIMUM)
    throw new ArgumentRangeError(
      "out-of-range",
      name,
      `expected what fits a block of ${RECORD_BLOCK_MAXIMUM} bytes, and it would have ${length}`,
    );
  return length;
}

function describedOptions(description: InterfaceDescription): CaptureOption[] {
  const options: CaptureOption[] = [];
  const add = (code: number, text: string | undefined): void => {
    if (text !== undefined) options.push(textOption(code, text));
  };
  add(OPTION_INTERFACE_NAME, description.name);
  add(OPTION_INTERFACE_DESCRIPTION, description.description);
  add(OPTION_INTERFACE_HARDWARE, description.hardware);
  add(OPTION_INTERFACE_SYSTEM, description.system);
  for (const comment of description.comments ?? []) options.push(commentOption(comment));
  return options;
}

function ticksOf(record: RecordDescription, written: WrittenInterface): bigint {
  const { timestamp, ticks } = record;
  const { resolution, offsetSeconds } = written;
  // Raw ticks say more than nanoseconds can, unless the caller has changed the timestamp since.
  if (
    ticks !== undefined &&
    !wholeNanoseconds(resolution) &&
    ticksToNanoseconds(ticks, resolution, offsetSeconds) === timestamp
  )
    return ticks;
  const plain = resolution.base === 10 && resolution.exponent === 9 && offsetSeconds === 0n;
  const converted = plain ? timestamp! : nanosecondsToTicks(timestamp!, resolution, offsetSeconds);
  if (converted < 0n || converted >= TICKS_END)
    throw new ArgumentRangeError(
      "out-of-range",
      "record.timestamp",
      `expected a time that 64 bits of its interface's ticks can hold, got ${timestamp}`,
    );
  return converted;
}
