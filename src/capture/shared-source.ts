// A capture in shared memory, as the workers that read it know it.

/** A capture that lies in memory which workers see, too: they read it themselves. */
export interface SharedSource {
  readonly bytes: Uint8Array;
  /** Address of a worker's own piece of memory, to which it copies what it works on. */
  readonly window: number;
  /** Address of the board where its pieces are, and the worker's number there, from 1. */
  readonly board: number;
  readonly worker: number;
}
