// Where the parts of a capture go that is split: into files of a folder, or of a name in which each part has its place.

import { statSync } from "node:fs";
import { join } from "node:path";
import { createCaptureFile } from "../files/capture-files.ts";
import type { CaptureOutput } from "../index.ts";
import { type CaptureSplit, splitCapture } from "../index.ts";
import { identityOf } from "../platform/file-identity.ts";
import { UsageError } from "./failures.ts";

/** How a capture is split. */
export interface Split {
  readonly most?: number | undefined;
}

/** One capture that was written. */
export interface SplitFile {
  readonly part: string;
  readonly output: string;
  readonly frames: number;
}

/** Stands for the part in a name. */
export const PLACE = "{}";

export class SplitOutput {
  readonly sink: CaptureSplit;
  readonly #nameOf: (part: string) => string;

  /**
   * What is among `inputs` is not written over.
   * @throws UsageError if there is no place for parts in `output`.
   */
  constructor(output: string, inputs: readonly string[], { most }: Split) {
    this.#nameOf = namesIn(output);
    const read = new Set(inputs.map((path) => (path === "-" ? undefined : identityOf(path))));
    const open = async (part: string): Promise<CaptureOutput> => {
      const path = this.#nameOf(part);
      const identity = identityOf(path);
      if (identity !== undefined && read.has(identity))
        throw new UsageError(`--output: ${path} is what is read, and would be written over`);
      return await createCaptureFile(path);
    };
    this.sink = splitCapture({ open, most });
  }

  get files(): SplitFile[] {
    return this.sink.parts.map(({ part, frames }) => ({ part, output: this.#nameOf(part), frames }));
  }
}

function namesIn(output: string): (part: string) => string {
  if (output.includes(PLACE)) return (part) => output.replaceAll(PLACE, part);
  if (output !== "-" && statSync(output, { throwIfNoEntry: false })?.isDirectory())
    return (part) => join(output, `${part}.pcapng`);
  throw new UsageError(
    `--output: with --split-by it is a folder that is there, or a name with ${PLACE} for what captures are told apart by`,
  );
}
