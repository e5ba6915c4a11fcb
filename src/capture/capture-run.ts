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
  CURSOR_TRAILERS_LEFT_OUT,
  FORMAT_BIG_ENDIAN,
  FORMAT_NANOSECONDS,
  FORMAT_PCAPNG,
  FORMAT_TRAILERS,
  STATUS_DAMAGE,
  STATUS_FRAGMENT,
  STATUS_NEED_INPUT,
  STATUS_OUTPUT_FULL,
} from "../layout/cursor.layout.ts";
import { IP_LENGTH_MAXIMUM } from "../layout/ipv4.layout.ts";
import { CAPTURED_MAXIMUM, PCAP_FILE_LENGTH, PCAP_RECORD_LENGTH } from "../layout/pcap.layout.ts";
import {
  BLOCK_INTERFACE,
  BLOCK_INTERFACE_STATISTICS,
  BLOCK_MINIMUM,
  BLOCK_SECTION,
  INTERFACE_COUNT_MAXIMUM,
  INTERFACE_SNAP_LENGTH,
  RECORD_BLOCK_MAXIMUM,
  SECTION_LENGTH,
  STATISTICS_INTERFACE,
} from "../layout/pcapng.layout.ts";
import { CaptureError } from "../pcap/capture-error.ts";
import { capturedLength, type LengthOrder, parsePcapHeader, recogniseCapture } from "../pcap/pcap-format.ts";
import {
  type BlockHeader,
  emitInterfaceBlock,
  type InterfaceBlock,
  parseBlockHeader,
  parseInterfaceBlock,
  parseSectionBlock,
  trailerProblem,
} from "../pcap/pcapng-format.ts";
import { endsInside, otherBlockProblem, problemAt } from "../pcap/problems.ts";
import type { Program, ProgramState } from "../pipeline/program.ts";
import type { Tally } from "../pipeline/tally.ts";
import { CaptureMemory } from "./capture-memory.ts";
import { type FragmentCounts, FragmentTable } from "./fragment-table.ts";
import { InterfaceTable } from "./interface-table.ts";
import { LongBlock } from "./long-block.ts";
import { numbersInPcap, OutputInterfaces, type PcapKind } from "./output-interfaces.ts";
import { openPcap, PLAIN_INTERFACE, plainPcapHeader } from "./pcap-opening.ts";

export type CaptureOutputFormat = "same" | "pcap" | "pcapng";

/** What the run waits for: more input, an emptied output, or nothing any more. */
export type CaptureNeed = "input" | "output" | "nothing";

const MAGIC_LENGTH = 4;

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
  readonly #fragments: FragmentTable;
  readonly #interfaces: InterfaceTable;
  readonly #outputs: OutputInterfaces;
  /** Link types of the interfaces described so far, in their order. */
  readonly #linkTypes: Set<number> = new Set();
  /** Of a pcap that is written: undefined until its header is. */
  #pcap: PcapKind | undefined;
  #lengths: LengthOrder = "straight";
  /** A long block that is being taken in, or copied out. */
  #passing: LongBlock | undefined;
  #bigEndian = false;

  /** With `reassembly`, fragments of carriers are put together if the program opens what they carry. */
  constructor(program: Program, format: CaptureOutputFormat, reassembly: boolean) {
    this.#program = program;
    this.#wanted = format;
    this.#growth = program.headroom;
    this.#outputs = new OutputInterfaces(program.compiled.changes);
    const undo = new Undo();
    try {
      this.#state = undo.with(program.open(), (state) => state.close());
      this.memory = undo.with(new CaptureMemory(this.#state), (memory) => memory.close());
      this.#interfaces = undo.with(new InterfaceTable(program.kernels), (interfaces) => interfaces.close());
      this.#fragments = new FragmentTable(this.memory, this.#state.program, reassembly);
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

  /** Says that there is no more input: what is left over is damage. `"output"`: it is to be said again when that is empty. */
  finish(): "output" | "nothing" {
    if (!this.#fragments.end()) return "output";
    this.#end();
    return "nothing";
  }

  #end(): void {
    // A capture without interfaces has no records, and makes a pcap without any.
    if (this.inputFormat === "pcapng" && this.#wanted === "pcap") this.#beginPcap(PLAIN_INTERFACE);
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
      problemAt(bytes, this.#bigEndian, known, offset, this.#lengths) ??
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

  /** Frames written without the check sequence that they came with. */
  get trailersLeftOut(): number {
    return this.memory.counter(CURSOR_TRAILERS_LEFT_OUT);
  }

  /** Whether fragments are put together here: then nobody else may work on them. */
  get takesFragments(): boolean {
    return this.#fragments.isWanted;
  }

  /** What came of them so far. */
  get fragments(): FragmentCounts {
    return this.#fragments.counts;
  }

  get linkTypes(): readonly number[] {
    return [...this.#linkTypes];
  }

  /** What became of the frames that went through here. */
  get tally(): Tally {
    return this.#state.tally();
  }

  close(): void {
    this.#fragments.close();
    this.memory.close();
    this.#interfaces.close();
    this.#state.close();
  }

  #readRecords(): CaptureNeed | undefined {
    const { kernels, cursor } = this.memory;
    const status = kernels.functions.runCapture(cursor);
    kernels.checkStages();
    switch (status) {
      case STATUS_NEED_INPUT:
        return "input";
      case STATUS_OUTPUT_FULL:
        return "output";
      case STATUS_FRAGMENT:
        this.#fragments.open();
        return undefined;
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

    this.#bigEndian = header.bigEndian;
    this.#lengths = header.lengths;
    this.#linkTypes.add(header.linkType);
    const opening = openPcap(
      { ...header, snapLength: this.#grown(header.snapLength) },
      this.#outputs,
      this.#wanted === "pcapng" ? "pcapng" : "pcap",
    );
    this.memory.append(opening.bytes);
    this.#interfaces.add(opening.description, opening.numbers, opening.description.snapLength);
    this.#setFormats(opening.input, opening.output);
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
    // Fragments of one section belong to no other, and their interfaces neither.
    if (header.type === BLOCK_SECTION && !this.#fragments.end()) return "output";
    // An interface may have two twins, which are no longer than it.
    if (this.memory.room < (described ? 3 : 1) * header.totalLength) return "output";
    const problem = trailerProblem(view, 0, header, this.memory.fileOffset);
    if (problem !== undefined) return this.#stop(problem);
    const block = bytes.slice(0, header.totalLength);
    const damage = described ? this.#describe(header.type, block) : this.#passOn(header, block);
    if (damage !== undefined) return this.#stop(damage);
    this.memory.advance(header.totalLength);
    return undefined;
  }

  #describe(type: number, block: Uint8Array): CaptureError | undefined {
    return type === BLOCK_SECTION ? this.#section(block) : this.#interface(block);
  }

  /** Copies a block that is neither section nor interface; statistics get the number that their interface has now. */
  #passOn(header: BlockHeader, block: Uint8Array): CaptureError | undefined {
    const problem = otherBlockProblem(block, header, this.memory.fileOffset);
    if (problem !== undefined || this.#wanted === "pcap") return problem;
    if (header.type === BLOCK_INTERFACE_STATISTICS) {
      const view = new DataView(block.buffer);
      const number = this.#interfaces.numberOf(view.getUint32(STATISTICS_INTERFACE, !this.#bigEndian));
      if (number !== undefined) view.setUint32(STATISTICS_INTERFACE, number, !this.#bigEndian);
    }
    this.memory.append(block);
    return undefined;
  }

  #section(block: Uint8Array): CaptureError | undefined {
    const section = parseSectionBlock(block, this.memory.fileOffset);
    if (section instanceof CaptureError) return section;
    this.inputFormat = "pcapng";
    this.#bigEndian = section.bigEndian;
    this.#interfaces.clear();
    this.#outputs.clear();
    const flags = FORMAT_PCAPNG | (section.bigEndian ? FORMAT_BIG_ENDIAN : 0);
    this.#setFormats(flags, this.#wanted === "pcap" ? FORMAT_NANOSECONDS : flags | FORMAT_TRAILERS);
    if (this.#wanted === "pcap") return undefined;
    // The section's length will be another: all ones say that it is not known (pcapng §4.1).
    block.fill(0xff, SECTION_LENGTH, SECTION_LENGTH + 8);
    this.memory.append(block);
    return undefined;
  }

  #interface(block: Uint8Array): CaptureError | undefined {
    const { fileOffset } = this.memory;
    if (this.#interfaces.count === INTERFACE_COUNT_MAXIMUM)
      return new CaptureError(fileOffset, `more than ${INTERFACE_COUNT_MAXIMUM} interfaces in one section`);
    const description = parseInterfaceBlock(block, this.#bigEndian, fileOffset);
    if (description instanceof CaptureError) return description;
    this.#linkTypes.add(description.linkType);
    if (this.#wanted === "pcap") {
      const { linkType } = this.#beginPcap(description);
      this.#interfaces.add(description, numbersInPcap(linkType, description), CAPTURED_MAXIMUM);
    } else {
      const snapLength = this.#grown(description.snapLength);
      const { numbers, written } = this.#outputs.place({ ...description, snapLength });
      new DataView(block.buffer).setUint32(INTERFACE_SNAP_LENGTH, snapLength, !this.#bigEndian);
      for (const one of written)
        this.memory.append(one === "itself" ? block : emitInterfaceBlock(one, this.#bigEndian));
      this.#interfaces.add(description, numbers, snapLength);
    }
    this.memory.set(CURSOR_INTERFACES, this.#interfaces.address);
    this.memory.set(CURSOR_INTERFACE_COUNT, this.#interfaces.count);
    return undefined;
  }

  /** Writes the header of a pcap made of a pcapng, unless it is there: nanoseconds, and what the first interface says. */
  #beginPcap(first: InterfaceBlock): PcapKind {
    if (this.#pcap !== undefined) return this.#pcap;
    const { linkType } = this.#outputs.pcapKind(first);
    this.memory.append(plainPcapHeader(linkType));
    // Interfaces to come may declare other check sequences than this one.
    this.#pcap = { linkType, trailers: false };
    return this.#pcap;
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
    if (this.inputFormat === "pcap") {
      const whole = bytes.length >= PCAP_RECORD_LENGTH;
      return PCAP_RECORD_LENGTH + (whole ? capturedLength(view, 0, !this.#bigEndian, this.#lengths) : 0);
    }
    if (this.inputFormat === undefined) {
      if (bytes.length < MAGIC_LENGTH) return MAGIC_LENGTH;
      if (recogniseCapture(bytes) === "pcap") return PCAP_FILE_LENGTH;
    }
    if (bytes.length < BLOCK_MINIMUM) return BLOCK_MINIMUM;
    const header = parseBlockHeader(view, 0, this.#bigEndian, this.memory.fileOffset);
    return header instanceof CaptureError ? BLOCK_MINIMUM : header.totalLength;
  }

  /** No frame may be longer than the snap length says, not even one out of many fragments; 0 says nothing. */
  #grown(snapLength: number): number {
    if (snapLength === 0) return 0;
    const longest = this.#fragments.isWanted ? Math.max(snapLength, IP_LENGTH_MAXIMUM) : snapLength;
    return Math.min(longest + this.#growth, 0xffffffff);
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
