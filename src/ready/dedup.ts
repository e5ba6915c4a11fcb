import { checkFields, type Fields, whole } from "../core/fields.ts";
import {
  DEDUP_KEY,
  DEDUP_KEY_LENGTH,
  DEDUP_MASK,
  DEDUP_PLACE_LENGTH,
  DEDUP_STATE_LAST,
  DEDUP_WINDOW,
  READY_DEDUP,
} from "../layout/ready.layout.ts";
import type { ModuleStage } from "../pipeline/stages.ts";
import { readyStage } from "./ready-stage.ts";

export interface DedupOptions {
  /** Among how many frames before it a frame is looked for, 1 to 65,536. Default 64. */
  readonly window?: number | undefined;
}

const WINDOW_MAXIMUM = 65536;

export const DEDUP_FIELDS: Fields<DedupOptions, "window"> = {
  window: {
    ...whole(1, WINDOW_MAXIMUM),
    fallback: 64,
    flag: "--window <N>",
    help: "among how many frames before it a frame is looked for",
  },
};

/**
 * A stage that drops frames which are the same as one of those that came before, as `duplicate`: each thread knows those that
 * came to it.
 * @throws ArgumentError that names the option.
 */
export function dedup(options: DedupOptions = {}): ModuleStage {
  const { window } = checkFields<DedupOptions, "window">("dedup", DEDUP_FIELDS, options);
  const places = 2 ** Math.ceil(Math.log2(window));
  // Whoever could tell which frames have one hash could have others' frames dropped.
  const key = crypto.getRandomValues(new Uint8Array(DEDUP_KEY_LENGTH));
  return readyStage(
    "dedup",
    READY_DEDUP,
    (parameters) => {
      parameters.setUint32(DEDUP_WINDOW, window, true);
      parameters.setUint32(DEDUP_MASK, places - 1, true);
      key.forEach((byte, i) => void parameters.setUint8(DEDUP_KEY + i, byte));
    },
    { stateBytes: DEDUP_STATE_LAST + places * DEDUP_PLACE_LENGTH },
  );
}
