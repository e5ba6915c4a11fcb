// Walks the blocks of a pcapng (draft-ietf-opsawg-pcapng §4) as far as whole ones have arrived.

import {
  BLOCK_BODY,
  BLOCK_ENHANCED_PACKET,
  BLOCK_INTERFACE,
  BLOCK_MINIMUM,
  BLOCK_PACKET,
  BLOCK_SECTION,
  BLOCK_SIMPLE_PACKET,
  ENHANCED_CAPTURED,
  ENHANCED_FRAME,
  ENHANCED_INTERFACE,
  ENHANCED_ORIGINAL,
  ENHANCED_TICKS_HIGH,
  ENHANCED_TICKS_LOW,
  INTERFACE_COUNT_MAXIMUM,
  OPTION_ENHANCED_DROPS,
  OPTION_INTERFACE_DESCRIPTION,
  OPTION_INTERFACE_HARDWARE,
  OPTION_INTERFACE_NAME,
  OPTION_INTERFACE_SYSTEM,
  OPTION_SECTION_APPLICATION,
  OPTION_SECTION_HARDWARE,
  OPTION_SECTION_SYSTEM,
  PACKET_DROPS,
  PACKET_DROPS_UNKNOWN,
  PACKET_INTERFACE,
  SECTION_MAJOR,
  SIMPLE_FRAME,
  SIMPLE_ORIGINAL,
} from "../layout/pcapng.layout.ts";
import type { ByteQueue } from "./byte-queue.ts";
import { CaptureError } from "./capture-error.ts";
import type {
  CaptureInterface,
  CaptureItem,
  CaptureOption,
  CaptureRecord,
  CaptureSection,
} from "./capture-types.ts";
import { flaggedLength } from "./check-sequence.ts";
import { commentsOf, NO_OPTIONS, padded, parseOptions, textOf } from "./options.ts";
import type { CaptureWalker } from "./pcap-walker.ts";
import {
  type BlockHeader,
  parseBlockHeader,
  parseInterfaceBlock,
  parseSectionBlock,
  trailerProblem,
} from "./pcapng-format.ts";
import { type KnownInterfaces, otherBlockProblem, packetProblem, simpleLength } from "./problems.ts";
import { TimeWords, ticksToNanoseconds } from "./time.ts";

const NONE: KnownInterfaces = { count: 0, snapLength: 0 };

export class PcapngWalker implements CaptureWalker {
  readonly expecting = "block" as const;
  #section: CaptureSection;
  #interfaces: CaptureInterface[] = [];
  #known: KnownInterfaces = NONE;
  /** For each interface the nanoseconds of a tick, or 0n where the way to nanoseconds is longer. */
  #tickLengths: bigint[] = [];
  #bigEndian = false;
  #count = 0;
  readonly #time: TimeWords = new TimeWords();

  /** The section header that starts the file, once it is whole; undefined before. */
  static open(queue: ByteQueue): PcapngWalker | CaptureError | undefined {
    if (!queue.require(BLOCK_MINIMUM)) return undefined;
    const header = parseBlockHeader(queue.view, queue.position, false, queue.offset);
    if (header instanceof CaptureError) return header;
    if (!queue.require(header.totalLength)) return undefined;
    const walker = new PcapngWalker();
    const section = walker.#startSection(queue, header);
    if (section instanceof CaptureError) return section;
    queue.advance(header.totalLength);
    return walker;
  }

  private constructor() {
    this.#section = sectionFrom(false, 0, NO_OPTIONS, this.#interfaces, 0);
  }

  get section(): CaptureSection {
    return this.#section;
  }

  walk(queue: ByteQueue, items: CaptureItem[], limit: number, everything: boolean): CaptureError | undefined {
    while (items.length < limit && queue.require(BLOCK_MINIMUM)) {
      const header = parseBlockHeader(queue.view, queue.position, this.#bigEndian, queue.offset);
      if (header instanceof CaptureError) return header;
      if (!queue.require(header.totalLength)) return undefined;
      const problem = trailerProblem(queue.view, queue.position, header, queue.offset);
      if (problem !== undefined) return problem;
      const item = this.#readBlock(queue, header);
      if (item instanceof CaptureError) return item;
      if (everything || item.kind === "record") items.push(item);
      queue.advance(header.totalLength);
    }
    return undefined;
  }

  #readBlock(queue: ByteQueue, header: BlockHeader): CaptureItem | CaptureError {
    switch (header.type) {
      case BLOCK_ENHANCED_PACKET:
      case BLOCK_PACKET:
        return this.#readEnhanced(queue, header);
      case BLOCK_SIMPLE_PACKET:
        return this.#readSimple(queue, header);
      case BLOCK_INTERFACE:
        return this.#addInterface(queue, header);
      case BLOCK_SECTION:
        return this.#startSection(queue, header);
      default: {
        const body = part(queue, 0, header.totalLength);
        const problem = otherBlockProblem(body, header, queue.offset);
        if (problem !== undefined) return problem;
        return {
          kind: "block",
          type: header.type,
          body: part(queue, BLOCK_BODY, header.totalLength - BLOCK_MINIMUM),
          section: this.#section,
          offset: queue.offset,
        };
      }
    }
  }

  #readEnhanced(queue: ByteQueue, header: BlockHeader): CaptureRecord | CaptureError {
    const { view, position, offset } = queue;
    const little = !header.bigEndian;
    const obsolete = header.type === BLOCK_PACKET;
    const id = obsolete
      ? view.getUint16(position + PACKET_INTERFACE, little)
      : view.getUint32(position + ENHANCED_INTERFACE, little);
    const problem = packetProblem(view, position, header, this.#known, offset);
    if (problem !== undefined) return problem;
    const found = this.#interfaces[id] as CaptureInterface;
    const captured = view.getUint32(position + ENHANCED_CAPTURED, little);
    const optionsEnd = header.totalLength - 4;
    let options = NO_OPTIONS;
    const optionsStart = ENHANCED_FRAME + padded(captured);
    if (optionsStart < optionsEnd) {
      const parsed = parseOptions(
        view,
        position + optionsStart,
        position + optionsEnd,
        header.bigEndian,
        "record",
      );
      if (typeof parsed === "string") return new CaptureError(offset, parsed);
      options = parsed;
    }
    if (obsolete) options = withDrops(options, view.getUint16(position + PACKET_DROPS, little), little);
    const ticks = this.#time.join(
      view.getUint32(position + ENHANCED_TICKS_HIGH, little),
      view.getUint32(position + ENHANCED_TICKS_LOW, little),
    );
    const tickLength = this.#tickLengths[id]!;
    return {
      kind: "record",
      data: part(queue, ENHANCED_FRAME, captured),
      timestamp:
        tickLength === 1n
          ? ticks
          : tickLength !== 0n
            ? ticks * tickLength
            : ticksToNanoseconds(ticks, found.resolution, found.offsetSeconds),
      ticks,
      originalLength: view.getUint32(position + ENHANCED_ORIGINAL, little),
      fcsLength:
        options === NO_OPTIONS
          ? found.fcsLength
          : (flaggedLength(options, header.bigEndian) ?? found.fcsLength),
      interface: found,
      options,
      index: this.#count++,
      offset,
    };
  }

  #readSimple(queue: ByteQueue, header: BlockHeader): CaptureRecord | CaptureError {
    const { view, position, offset } = queue;
    const problem = packetProblem(view, position, header, this.#known, offset);
    if (problem !== undefined) return problem;
    const found = this.#interfaces[0] as CaptureInterface;
    const originalLength = view.getUint32(position + SIMPLE_ORIGINAL, !header.bigEndian);
    return {
      kind: "record",
      data: part(queue, SIMPLE_FRAME, simpleLength(originalLength, found.snapLength)),
      timestamp: undefined,
      ticks: undefined,
      originalLength,
      fcsLength: found.fcsLength,
      interface: found,
      options: NO_OPTIONS,
      index: this.#count++,
      offset,
    };
  }

  #addInterface(queue: ByteQueue, header: BlockHeader): CaptureInterface | CaptureError {
    const { offset } = queue;
    if (this.#interfaces.length === INTERFACE_COUNT_MAXIMUM)
      return new CaptureError(offset, `more than ${INTERFACE_COUNT_MAXIMUM} interfaces in one section`);
    const block = parseInterfaceBlock(part(queue, 0, header.totalLength), this.#bigEndian, offset);
    if (block instanceof CaptureError) return block;
    const { resolution, offsetSeconds, options } = block;
    const added: CaptureInterface = {
      kind: "interface",
      id: this.#interfaces.length,
      ...block,
      name: textOf(options, OPTION_INTERFACE_NAME),
      description: textOf(options, OPTION_INTERFACE_DESCRIPTION),
      hardware: textOf(options, OPTION_INTERFACE_HARDWARE),
      system: textOf(options, OPTION_INTERFACE_SYSTEM),
      comments: commentsOf(options),
      section: this.#section,
      offset,
    };
    this.#interfaces.push(added);
    this.#known = {
      count: this.#interfaces.length,
      snapLength: (this.#interfaces[0] as CaptureInterface).snapLength,
    };
    const plain = resolution.base === 10 && resolution.exponent <= 9 && offsetSeconds === 0n;
    this.#tickLengths.push(plain ? 10n ** BigInt(9 - resolution.exponent) : 0n);
    return added;
  }

  #startSection(queue: ByteQueue, header: BlockHeader): CaptureSection | CaptureError {
    const { offset } = queue;
    const block = parseSectionBlock(part(queue, 0, header.totalLength), offset);
    if (block instanceof CaptureError) return block;
    this.#bigEndian = block.bigEndian;
    this.#interfaces = [];
    this.#known = NONE;
    this.#tickLengths = [];
    this.#section = sectionFrom(block.bigEndian, block.minor, block.options, this.#interfaces, offset);
    return this.#section;
  }
}

function sectionFrom(
  bigEndian: boolean,
  minor: number,
  options: readonly CaptureOption[],
  interfaces: readonly CaptureInterface[],
  offset: number,
): CaptureSection {
  return {
    kind: "section",
    format: "pcapng",
    byteOrder: bigEndian ? "big" : "little",
    version: { major: SECTION_MAJOR, minor },
    reserved: [0, 0, 0],
    comments: commentsOf(options),
    hardware: textOf(options, OPTION_SECTION_HARDWARE),
    system: textOf(options, OPTION_SECTION_SYSTEM),
    application: textOf(options, OPTION_SECTION_APPLICATION),
    options,
    interfaces,
    offset,
  };
}

/** The drop count of the obsolete block becomes the option that took its place. */
function withDrops(
  options: readonly CaptureOption[],
  drops: number,
  little: boolean,
): readonly CaptureOption[] {
  if (drops === PACKET_DROPS_UNKNOWN) return options;
  const value = new Uint8Array(8);
  new DataView(value.buffer).setBigUint64(0, BigInt(drops), little);
  return [...options, { code: OPTION_ENHANCED_DROPS, value }];
}

function part(queue: ByteQueue, start: number, length: number): Uint8Array {
  const { bytes, position } = queue;
  return new Uint8Array(bytes.buffer, bytes.byteOffset + position + start, length);
}
