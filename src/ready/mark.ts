import { ArgumentRangeError } from "../core/argument-error.ts";
import { checkFields, type Fields, whole } from "../core/fields.ts";
import { MARK_KEEP, MARK_VALUE, READY_MARK } from "../layout/ready.layout.ts";
import type { ModuleStage } from "../pipeline/stages.ts";
import { readyStage } from "./ready-stage.ts";

export interface MarkOptions {
  /** 0 to 2^32 - 1. */
  readonly mark: number;
  /** Which bits of the mark are set, 0 to 2^32 - 1; the others stay. Default all. */
  readonly mask?: number | undefined;
}

const WORD_MAXIMUM = 0xffffffff;

const MARK_FIELDS: Fields<MarkOptions, "mark" | "mask"> = {
  mark: { ...whole(0, WORD_MAXIMUM), required: true },
  mask: { ...whole(0, WORD_MAXIMUM), fallback: WORD_MAXIMUM },
};

/**
 * A stage that sets the number which goes with a frame: that of `batch.add(frame, { mark })` and of a channel's frames.
 * @throws ArgumentError that names the option.
 */
export function mark(options: MarkOptions): ModuleStage {
  const { mark, mask } = checkFields<MarkOptions, "mark" | "mask">("mark", MARK_FIELDS, options);
  if ((mark & ~mask) !== 0)
    throw new ArgumentRangeError(
      "contradiction",
      "mark",
      `it has bits that the mask leaves out: 0x${mark.toString(16)} and 0x${mask.toString(16)}`,
    );
  return readyStage("mark", READY_MARK, (parameters) => {
    parameters.setUint32(MARK_VALUE, mark, true);
    parameters.setUint32(MARK_KEEP, ~mask, true);
  });
}
