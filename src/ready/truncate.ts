import { checkFields, type Fields, whole } from "../core/fields.ts";
import { FRAME_BYTES_MAXIMUM } from "../layout/batch.layout.ts";
import { READY_TRUNCATE, TRUNCATE_BYTES } from "../layout/ready.layout.ts";
import type { ModuleStage } from "../pipeline/stages.ts";
import { readyStage } from "./ready-stage.ts";

export interface TruncateOptions {
  /** How many bytes of a frame are kept, 1 to 65,535. */
  readonly bytes: number;
}

export const TRUNCATE_FIELDS: Fields<TruncateOptions, "bytes"> = {
  bytes: {
    ...whole(1, FRAME_BYTES_MAXIMUM),
    required: true,
    flag: "--bytes <N>",
    help: "how many bytes of each frame are kept",
  },
};

/**
 * A stage that keeps the first bytes of a frame, as a capture's snap length does: the length that the frame had on the wire
 * stays as it was.
 * @throws ArgumentError that names the option.
 */
export function truncate(options: TruncateOptions): ModuleStage {
  const { bytes } = checkFields<TruncateOptions, "bytes">("truncate", TRUNCATE_FIELDS, options);
  return readyStage("truncate", READY_TRUNCATE, (parameters) =>
    parameters.setUint32(TRUNCATE_BYTES, bytes, true),
  );
}
