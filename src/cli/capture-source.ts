// What a command reads: a capture as it is. A choice of frames, and several captures, are another file's, which is loaded
// when it is asked for.

import type { CaptureInput } from "../capture/capture-io.ts";
import { openCaptureFile } from "../files/capture-files.ts";
import type { CaptureFormat } from "../pcap/capture-types.ts";
import type { DamagedInput } from "./failures.ts";

/** Which frames are read, and in which order. */
export interface Selection {
  /** Of several captures. */
  readonly order: "time" | "given";
  /** Nanoseconds since 1970: from this time on. */
  readonly from: bigint | undefined;
  /** Before this time. */
  readonly to: bigint | undefined;
  /** So many at most. */
  readonly first: number | undefined;
}

export interface Source {
  readonly input: CaptureInput | AsyncIterable<Uint8Array>;
  /** Lets go of what is open, if nobody has come to read it. */
  close(): Promise<void>;
  /** What is known of several captures, once all have been read; of one the summary tells. */
  readonly joined: Joined | undefined;
  /** Frames left out because they have no time, where it takes one to choose them or to put them in order. */
  readonly timeless: number;
}

export interface Joined {
  /** The first that was damaged. */
  readonly damage: DamagedInput | undefined;
  /** Of each in the order in which they were named; undefined for what is no capture. */
  readonly formats: readonly (CaptureFormat | undefined)[];
}

/** What is said behind what is wrong with a capture. */
export const CONSEQUENCE = "; everything before has been worked on and written";

export async function openSource(paths: readonly string[], selection: Selection): Promise<Source> {
  const { from, to, first } = selection;
  if (paths.length > 1 || (from ?? to ?? first) !== undefined) {
    const { openChosen } = await import("./chosen-source.ts");
    return await openChosen(paths, selection);
  }
  const input = await openCaptureFile(paths[0] as string);
  return { input, close: () => input.close(), joined: undefined, timeless: 0 };
}
