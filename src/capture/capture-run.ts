// One run of a capture through a pipeline, without any waiting: bytes are put into memory, the kernels
// turn records into records, bytes are taken out. Whoever drives it reads ahead and writes behind.
// Packets never pass through here one by one; headers, sections and interfaces do.

import { Undo } from "../core/undo.ts";
import {
  CURSOR_BYTES_IN,
  CURSOR_BYTES_OUT,
  CURSOR_IN_FORMAT,
  CURSOR_INTERFACE_COUNT,
  CURSOR_INTERFACES,
  CURSOR_OUT_FORMAT,
  CURSOR_RECORDS,
  FORMAT_BIG_ENDIAN,
  FORMAT_NANOSECONDS,
  FORMAT_PCAPNG,
  STATUS_DAMAGE,
  STATUS_NEED_INPUT,
  STATUS_OUTPUT_FULL,
} from "../layout/cursor.layout.ts";
import {
  CAPTURED_MAXIMUM,
  LINK_TYPE_ETHERNET,
  PCAP_FILE_LENGTH,
  PCAP_RECORD_CAPTURED,
  PCAP_RECORD_LENGTH,
} from "../layout/pcap.layout.ts";
import {
  BLOCK_INTERFACE,
  BLOCK_MINIMUM,
  BLOCK_SECTION,
  INTERFACE_COUNT_MAXIMUM,
  INTERFACE_SNAP_LENGTH,
  RECORD_BLOCK_MAXIMUM,
  SECTION_LENGTH,
} from "../layout/pcapng.layout.ts";
import { CaptureError } from "../pcap/capture-error.ts";
import { emitPcapHeader, parsePcapHeader, recogniseCapture } from "../pcap/pcap-format.ts";
import {
  emitInterfaceBlock,
  emitSectionBlock,
  parseBlockHeader,
  parseInterfaceBlock,
  parseSectionBlock,
  trailerProblem,
} from "../pcap/pcapng-format.ts";
import { endsInside, otherBlockProblem, problemAt } from "../pcap/problems.ts";
import type { Program, ProgramState } from "../pipeline/program.ts";
import type { Tally } from "../pipeline/tally.ts";
import { CaptureMemory } from "./capture-memory.ts";
import { InterfaceTable } from "./interface-table.ts";
import { LongBlock } from "./long-block.ts";

export type CaptureOutputFormat = "same" | "pcap" | "pcapng";

/** What the run waits for: more input, an emptied output, or nothing any more. */
export type CaptureNeed = "input" | "output" | "nothing";

const MAGIC_LENGTH = 4;
const NANOSECONDS = { base: 10, exponent: 9 } as const;

export class CaptureRun {
  readonly memory: CaptureMemory;
  /** What was wrong with the input, once it is known; everything before it has been worked on. */
  damage: CaptureError | undefined;
  /** Undefined until the header has been read. */
  inputFormat: "pcap" | "pcapng" | undefined;
  readonly #program: Program;
  readonly #state: ProgramState;
  readonly #wanted: CaptureOutputFormat;
  readonly #growth: number;
  readonly #interfaces: InterfaceTable;
  /** A long block that is being taken in, or copied out. */
  #passing: LongBlock | undefined;
  #bigEndian = false;

  constructor(program: Program, format: CaptureOutputFormat) {
    this.#program = program;
    this.#wanted = format;
    this.#growth = program.headroom;
    const undo = new Undo();
    try {
      this.#state = undo.with(program.open(), (state) => state.close());
      this.memory = undo.with(new CaptureMemory(this.#state), (memory) => memory.close());
      this.#interfaces = new InterfaceTable(program.kernels);
    } catch (error) {
      throw undo.because(error);
    }
  }

  /** Works as far as it can get. */
  step(): CaptureNeed {
    this.#program.expectOpen();
    for (;;) {
      if (this.damage !== undefined) return "nothing";
      const need =
        this.#passing !== undefined
          ? this.#pass(this.#passing)
          : this.inputFormat === undefined
            ? this.#readHeader()
            : this.#readRecords();
      if (need !== undefined) return need;
    }
  }

  /** Says that there is no more input: what is left over is damage. */
  finish(): void {
    if (this.damage !== undefined) return;
    const { rest, fileOffset } = this.memory;
    if (this.#passing !== undefined) this.#stop(this.#passing.endsWith(rest.length));
    else if (rest.length > 0) {
      const format = this.inputFormat;
      const what = format === undefined ? "header" : format === "pcap" ? "record" : "block";
      this.#stop(endsInside(what, rest.length, this.#wantedOf(rest), fileOffset));
    } else if (this.inputFormat === undefined) this.#stop(new CaptureError(fileOffset, "the file is empty"));
  }

  /** Why kernels refuse the record or packet block that these bytes begin with; `offset` is where they are in the file. */
  problemAt(bytes: Uint8Array, offset: number): CaptureError {
    const known = this.inputFormat === "pcap" ? undefined : this.#interfaces.known;
    return (
      problemAt(bytes, this.#bigEndian, known, offset) ??
      new CaptureError(offset, "the record here cannot be")
    );
  }

  /** Whether nothing but records is expected next: the header has been read, and no block is half passed. */
  get onlyRecordsExpected(): boolean {
    return this.inputFormat !== undefined && this.#passing === undefined && this.damage === undefined;
  }

  get records(): number {
    return this.memory.counter(CURSOR_RECORDS);
  }

  /** Bytes of the frames read. */
  get frameBytesIn(): number {
    return this.memory.counter(CURSOR_BYTES_IN);
  }

  /** Bytes of the frames written. */
  get frameBytesOut(): number {
    return this.memory.counter(CURSOR_BYTES_OUT);
  }

  /** What became of the frames that went through here. */
  get tally(): Tally {
    return this.#state.tally();
  }

  close(): void {
    this.memory.close();
    this.#interfaces.close();
    this.#state.close();
  }

  #readRecords(): CaptureNeed | undefined {
    switch (this.memory.kernels.functions.runCapture(this.memory.cursor)) {
      case STATUS_NEED_INPUT:
        return "input";
      case STATUS_OUTPUT_FULL:
        return "output";
      case STATUS_DAMAGE:
        return this.#stop(this.problemAt(this.memory.rest, this.memory.fileOffset));
      default:
        return this.#readBlock();
    }
  }

  #readHeader(): CaptureNeed | undefined {
    const bytes = this.memory.rest;
    if (bytes.length < MAGIC_LENGTH) return "input";
    const format = recogniseCapture(bytes);
    if (format === "pcapng") return this.#readBlock();
    if (format === "pcap" && bytes.length < PCAP_FILE_LENGTH) return "input";
    const header = format === "pcap" ? parsePcapHeader(bytes) : format;
    if (header instanceof CaptureError) return this.#stop(header);

    const { bigEndian, nanoseconds, linkType, fcsLength } = header;
    const snapLength = this.#grown(header.snapLength);
    const resolution = { base: 10, exponent: nanoseconds ? 9 : 6 } as const;
    this.#bigEndian = bigEndian;
    const flags = (bigEndian ? FORMAT_BIG_ENDIAN : 0) | (nanoseconds ? FORMAT_NANOSECONDS : 0);
    this.#interfaces.add({ linkType, snapLength, resolution, offsetSeconds: 0n });
    if (this.#wanted === "pcapng") {
      this.#setFormats(flags, FORMAT_PCAPNG);
      this.memory.append(emitSectionBlock({ bigEndian: false, minor: 0, options: [] }));
      const description = {
        linkType,
        snapLength,
        resolution: NANOSECONDS,
        offsetSeconds: 0n,
        fcsLength,
        options: [],
      };
      this.memory.append(emitInterfaceBlock(description, false));
    } else {
      this.#setFormats(flags, flags);
      this.memory.append(emitPcapHeader({ ...header, snapLength }));
    }
    this.inputFormat = "pcap";
    this.memory.advance(PCAP_FILE_LENGTH);
    return undefined;
  }

  /** Reads a block that is no packet: sections and interfaces are needed here, all others only pass. */
  #readBlock(): CaptureNeed | undefined {
    const bytes = this.memory.rest;
    if (bytes.length < BLOCK_MINIMUM) return "input";
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const header = parseBlockHeader(view, 0, this.#bigEndian, this.memory.fileOffset);
    if (header instanceof CaptureError) return this.#stop(header);
    const described = header.type === BLOCK_SECTION || header.type === BLOCK_INTERFACE;
    if (!described && header.totalLength > RECORD_BLOCK_MAXIMUM) {
      const { type, totalLength: length } = header;
      const place = { type, length, offset: this.memory.fileOffset, bigEndian: this.#bigEndian };
      this.#passing = new LongBlock(place, this.#wanted !== "pcap");
      return undefined;
    }
    if (bytes.length < header.totalLength) return "input";
    if (this.memory.room < header.totalLength) return "output";
    const problem = trailerProblem(view, 0, header, this.memory.fileOffset);
    if (problem !== undefined) return this.#stop(problem);
    const block = bytes.slice(0, header.totalLength);
    const damage = described
      ? this.#describe(header.type, block)
      : otherBlockProblem(block, header, this.memory.fileOffset);
    if (damage !== undefined) return this.#stop(damage);
    if (this.#wanted !== "pcap") this.memory.append(block);
    this.memory.advance(header.totalLength);
    return undefined;
  }

  #describe(type: number, block: Uint8Array): CaptureError | undefined {
    return type === BLOCK_SECTION ? this.#section(block) : this.#interface(block);
  }

  #section(block: Uint8Array): CaptureError | undefined {
    const section = parseSectionBlock(block, this.memory.fileOffset);
    if (section instanceof CaptureError) return section;
    if (this.#wanted === "pcap" && this.inputFormat === undefined) this.memory.append(plainPcapHeader());
    this.inputFormat = "pcapng";
    this.#bigEndian = section.bigEndian;
    this.#interfaces.clear();
    const flags = FORMAT_PCAPNG | (section.bigEndian ? FORMAT_BIG_ENDIAN : 0);
    this.#setFormats(flags, this.#wanted === "pcap" ? FORMAT_NANOSECONDS : flags);
    // The section's length will be another: all ones say that it is not known (pcapng §4.1).
    block.fill(0xff, SECTION_LENGTH, SECTION_LENGTH + 8);
    return undefined;
  }

  #interface(block: Uint8Array): CaptureError | undefined {
    const { fileOffset } = this.memory;
    if (this.#interfaces.count === INTERFACE_COUNT_MAXIMUM)
      return new CaptureError(fileOffset, `more than ${INTERFACE_COUNT_MAXIMUM} interfaces in one section`);
    const description = parseInterfaceBlock(block, this.#bigEndian, fileOffset);
    if (description instanceof CaptureError) return description;
    this.#interfaces.add(description);
    this.memory.set(CURSOR_INTERFACES, this.#interfaces.address);
    this.memory.set(CURSOR_INTERFACE_COUNT, this.#interfaces.count);
    const view = new DataView(block.buffer);
    view.setUint32(INTERFACE_SNAP_LENGTH, this.#grown(description.snapLength), !this.#bigEndian);
    return undefined;
  }

  /** Takes a long block in piece by piece and, once it is whole, copies it out. */
  #pass(block: LongBlock): CaptureNeed | undefined {
    const { memory } = this;
    if (!block.isWhole) {
      memory.advance(block.take(memory.rest));
      if (!block.isWhole) return "input";
      if (block.problem !== undefined) return this.#stop(block.problem);
    }
    for (;;) {
      if (memory.room === 0) return "output";
      const bytes = block.give(memory.room);
      if (bytes === undefined) break;
      memory.append(bytes);
    }
    this.#passing = undefined;
    return undefined;
  }

  /** How many bytes there must be for more to be known of what begins with these. */
  #wantedOf(bytes: Uint8Array): number {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const word = (at: number): number => view.getUint32(at, !this.#bigEndian);
    if (this.inputFormat === "pcap") {
      const whole = bytes.length >= PCAP_RECORD_LENGTH;
      return PCAP_RECORD_LENGTH + (whole ? word(PCAP_RECORD_CAPTURED) : 0);
    }
    if (this.inputFormat === undefined) {
      if (bytes.length < MAGIC_LENGTH) return MAGIC_LENGTH;
      if (recogniseCapture(bytes) === "pcap") return PCAP_FILE_LENGTH;
    }
    if (bytes.length < BLOCK_MINIMUM) return BLOCK_MINIMUM;
    const header = parseBlockHeader(view, 0, this.#bigEndian, this.memory.fileOffset);
    return header instanceof CaptureError ? BLOCK_MINIMUM : header.totalLength;
  }

  /** No frame may be longer than the snap length says; 0 says nothing. */
  #grown(snapLength: number): number {
    return snapLength === 0 ? 0 : Math.min(snapLength + this.#growth, 0xffffffff);
  }

  #setFormats(input: number, output: number): void {
    this.memory.set(CURSOR_IN_FORMAT, input);
    this.memory.set(CURSOR_OUT_FORMAT, output);
    this.memory.set(CURSOR_INTERFACES, this.#interfaces.address);
    this.memory.set(CURSOR_INTERFACE_COUNT, this.#interfaces.count);
  }

  #stop(damage: CaptureError): "nothing" {
    this.damage = damage;
    return "nothing";
  }
}

/** For a pcap made of a pcapng: nanoseconds, and Ethernet, because nothing else goes through. */
function plainPcapHeader(): Uint8Array {
  return emitPcapHeader({
    bigEndian: false,
    nanoseconds: true,
    reserved: [0, 0, 0],
    snapLength: CAPTURED_MAXIMUM,
    linkType: LINK_TYPE_ETHERNET,
    fcsLength: undefined,
  });
}
