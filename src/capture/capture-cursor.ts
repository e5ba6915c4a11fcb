// A cursor with what the kernels need beside input and output: descriptors, stamps, a staging area.

import type { Kernels } from "../kernel/kernels.ts";
import { STAMP_LENGTH } from "../layout/capture.layout.ts";
import {
  CURSOR_BURST,
  CURSOR_COUNTERS,
  CURSOR_DESCRIPTORS,
  CURSOR_GROWTH,
  CURSOR_HEADROOM,
  CURSOR_LABELS,
  CURSOR_LENGTH,
  CURSOR_STAGE_COUNT,
  CURSOR_STAGES,
  CURSOR_STAGING,
  CURSOR_STAGING_END,
  CURSOR_STAMPS,
} from "../layout/cursor.layout.ts";
import { DESCRIPTOR_LENGTH } from "../layout/descriptor.layout.ts";
import { LABEL_BLOCK_LENGTH, LABELS_MAXIMUM } from "../layout/label.layout.ts";
import { CAPTURED_MAXIMUM } from "../layout/pcap.layout.ts";
import { RECORD_ALIGNMENT } from "../layout/ring.layout.ts";
import type { ProgramState } from "../pipeline/program.ts";

/** A burst of frames with headroom; never less than the largest frame needs. */
const STAGING = 2 * CAPTURED_MAXIMUM;
/** Frames at a time: for so many there are labels. */
const BURST = LABELS_MAXIMUM;
/** What a record may gain beside its headers when it changes formats: a longer record header and padding. */
const FORMAT_GROWTH = 64;

export abstract class CaptureCursor {
  readonly kernels: Kernels;
  /** Address of the cursor, for kernels. */
  readonly cursor: number;
  readonly #regions: number[] = [];

  /** Also reserves a region for each of `lengths`, and hands their addresses to `place`. */
  constructor(
    state: ProgramState,
    lengths: readonly number[],
    place: (addresses: readonly number[]) => void,
  ) {
    const { program } = state;
    this.kernels = program.kernels;
    const growth = program.headroom;
    const labelled = program.compiled.states.find(({ labels }) => labels !== undefined);
    try {
      this.cursor = this.#reserve("a capture's cursor", CURSOR_LENGTH);
      place(lengths.map((length) => this.#reserve("a capture's region", length, "any")));
      this.set(CURSOR_DESCRIPTORS, this.#reserve("a capture's descriptors", BURST * DESCRIPTOR_LENGTH));
      this.set(CURSOR_STAMPS, this.#reserve("a capture's stamps", BURST * STAMP_LENGTH));
      if (growth > 0) {
        // Frames that get longer need headroom, and between the records of a file there is none.
        const staging = this.#reserve("a capture's staging area", STAGING, "any");
        this.set(CURSOR_STAGING, staging);
        this.set(CURSOR_STAGING_END, staging + STAGING);
      }
    } catch (error) {
      this.close();
      throw error;
    }
    // Records of a byte ring keep their headroom aligned; elsewhere a few bytes more do no harm.
    this.set(CURSOR_HEADROOM, alignedHeadroom(growth));
    this.set(CURSOR_GROWTH, growth + FORMAT_GROWTH + (labelled === undefined ? 0 : LABEL_BLOCK_LENGTH));
    if (labelled?.labels !== undefined)
      this.set(CURSOR_LABELS, state.address + labelled.offset + labelled.labels);
    this.set(CURSOR_BURST, BURST);
    this.set(CURSOR_STAGES, program.address);
    this.set(CURSOR_STAGE_COUNT, program.length);
    this.set(CURSOR_COUNTERS, state.address);
  }

  get(field: number): number {
    return this.kernels.words[(this.cursor + field) >>> 2] as number;
  }

  set(field: number, value: number): void {
    this.kernels.words[(this.cursor + field) >>> 2] = value;
  }

  /** A 64-bit field. */
  counter(field: number): number {
    return this.kernels.counter(this.cursor + field);
  }

  close(): void {
    for (const region of this.#regions) this.kernels.plan.release(region);
  }

  /** Gives the region at `address` back for one of another length, of which nothing is said. Returns where that is. */
  protected exchange(address: number, length: number): number {
    const other = this.#reserve("a capture's region", length, "any");
    this.#regions.splice(this.#regions.indexOf(address), 1);
    this.kernels.plan.release(address);
    return other;
  }

  #reserve(purpose: string, length: number, content: "zeros" | "any" = "zeros"): number {
    const address = this.kernels.plan.reserve(purpose, length, content);
    this.#regions.push(address);
    return address;
  }
}

/** Bytes of headroom that records have for a pipeline that takes `headroom` bytes. */
export function alignedHeadroom(headroom: number): number {
  return Math.ceil(headroom / RECORD_ALIGNMENT) * RECORD_ALIGNMENT;
}
