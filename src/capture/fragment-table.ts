// The fragments of carriers in the run of a capture: whether they are put together, and the memory in which they wait, which
// is taken when the first one is met.

import type { Kernels } from "../kernel/kernels.ts";
import {
  CURSOR_CARRIER_STAGE,
  CURSOR_HEADROOM,
  CURSOR_REASSEMBLY,
  CURSOR_SCAN_FRAGMENTS,
} from "../layout/cursor.layout.ts";
import {
  DATAGRAM_LENGTH,
  DATAGRAMS_MAXIMUM,
  FRAGMENT_ALIGNMENT,
  FRAGMENT_RING,
  REASSEMBLY_WANTED,
  SCRATCH_LENGTH,
  TABLE_DATAGRAMS,
  TABLE_JOINED,
  TABLE_REASSEMBLED,
} from "../layout/fragment.layout.ts";
import {
  DECAPSULATE_BARE,
  OPERATION_DECAPSULATE,
  OPERATION_DECAPSULATE_ANY,
  OPERATION_ENCAPSULATE,
  STAGE_FLAGS,
  STAGE_LENGTH,
  STAGE_OPERATION,
} from "../layout/stage.layout.ts";
import type { CompiledStages } from "../pipeline/compiled-stages.ts";
import type { Program } from "../pipeline/program.ts";
import type { CaptureCursor } from "./capture-cursor.ts";

/** What came of the fragments of a capture. */
export interface FragmentCounts {
  /** Datagrams that have become whole. */
  readonly reassembled: number;
  /** Records that have become part of another's: fragments less datagrams. */
  readonly joined: number;
}

export const NO_FRAGMENTS: FragmentCounts = { reassembled: 0, joined: 0 };

/** Bytes of a table beside the headroom of the pipeline. */
const TABLE = TABLE_DATAGRAMS + DATAGRAMS_MAXIMUM * DATAGRAM_LENGTH + SCRATCH_LENGTH + FRAGMENT_RING;

/**
 * The stage for which fragments are put together: a decapsulation of frames as they were captured, since what an
 * encapsulation makes is whole, and in front of it fragments are passengers. Undefined where there is none.
 */
function carrierStage({ records, states }: CompiledStages): number | undefined {
  const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
  for (let stage = 0; stage < states.length; stage++) {
    const operation = view.getUint32(stage * STAGE_LENGTH + STAGE_OPERATION, true);
    if (operation === OPERATION_ENCAPSULATE) return undefined;
    if (operation === OPERATION_DECAPSULATE_ANY) return stage;
    if (operation !== OPERATION_DECAPSULATE) continue;
    const flags = view.getUint32(stage * STAGE_LENGTH + STAGE_FLAGS, true);
    return (flags & DECAPSULATE_BARE) === 0 ? stage : undefined;
  }
  return undefined;
}

export class FragmentTable {
  readonly #cursor: CaptureCursor;
  readonly #kernels: Kernels;
  /** Address of the table; undefined as long as there was no fragment. */
  #table: number | undefined;
  /** Whether fragments are put together at all. */
  readonly isWanted: boolean;

  /** Lets the runs of `cursor` stop at the first fragment, if `program` opens tunnels and fragments are to be put together. */
  constructor(cursor: CaptureCursor, program: Program, wanted: boolean) {
    this.#cursor = cursor;
    this.#kernels = cursor.kernels;
    const stage = wanted ? carrierStage(program.compiled) : undefined;
    this.isWanted = stage !== undefined;
    if (stage === undefined) return;
    cursor.set(CURSOR_REASSEMBLY, REASSEMBLY_WANTED);
    cursor.set(CURSOR_CARRIER_STAGE, program.address + stage * STAGE_LENGTH);
  }

  /** For a run that has stopped at the first fragment. */
  open(): void {
    const headroom = this.#cursor.get(CURSOR_HEADROOM);
    const length = TABLE + headroom + 2 * FRAGMENT_ALIGNMENT;
    const table = this.#kernels.plan.reserve("fragments that wait for each other", length, "any");
    this.#table = table;
    this.#kernels.functions.openFragments(table, headroom, length);
    this.#cursor.set(CURSOR_REASSEMBLY, table);
  }

  /** Nothing comes that belongs to what waits. False: the output has to be emptied, and this to be called again. */
  end(): boolean {
    if (this.#table === undefined) return true;
    const { functions } = this.#kernels;
    const { cursor } = this.#cursor;
    const release = (): boolean => {
      const ended = functions.runReleased(cursor) === 0;
      this.#kernels.checkStages();
      return ended;
    };
    if (!release()) return false;
    functions.endFragments(cursor);
    return release();
  }

  get counts(): FragmentCounts {
    if (this.#table === undefined) return NO_FRAGMENTS;
    return {
      reassembled: this.#kernels.counter(this.#table + TABLE_REASSEMBLED),
      joined: this.#kernels.counter(this.#table + TABLE_JOINED),
    };
  }

  close(): void {
    if (this.#table !== undefined) this.#kernels.plan.release(this.#table);
    this.#table = undefined;
  }
}

/** Lets scans for workers stop in front of fragments. */
export function scanFragments(cursor: CaptureCursor, wanted: boolean): void {
  cursor.set(CURSOR_SCAN_FRAGMENTS, wanted ? 1 : 0);
}
