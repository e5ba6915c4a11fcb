// What a lane hands to the worker at its other end: rings in shared memory, or bytes that are transferred.

import type { CompiledStages } from "../pipeline/compiled-stages.ts";
import type { Tally } from "../pipeline/tally.ts";

/** Addresses of a pair of byte rings and of the cursor between them. */
export interface LaneAddresses {
  readonly cursor: number;
  readonly receive: number;
  readonly transmit: number;
}

/** Bytes to be worked on where memory is not shared. */
export interface TransferJob {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly inFormat: number;
  readonly outFormat: number;
  /** The interface table, as the kernels read it. */
  readonly interfaces: Uint8Array<ArrayBuffer>;
  readonly stages: CompiledStages;
  /** Of records: whether frames that are dropped leave a notice. */
  readonly notices?: boolean;
}

/** What a job came to. */
export interface TransferResult {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Bytes of input used. */
  readonly consumed: number;
  readonly tally: Tally;
  /** Bytes of the frames read and written. */
  readonly frameBytesIn: number;
  readonly frameBytesOut: number;
  /** Frames written without the check sequence that they came with. */
  readonly trailersLeftOut: number;
}
