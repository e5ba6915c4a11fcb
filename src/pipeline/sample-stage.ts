// The stage that lets a part of the frames through.

import { choice, notFor, whole } from "../core/fields.ts";
import {
  OPERATION_SAMPLE,
  SAMPLE_FLOWS,
  SAMPLE_LIMIT,
  SAMPLE_ONE_IN,
  SAMPLE_SEED,
  STAGE_FLAGS,
  STATE_LENGTH,
} from "../layout/stage.layout.ts";
import { type StageKind, stageKind } from "./stage-kind.ts";

/** What is counted of every stage; how many frames are still to be passed over is no counter, and goes on. */
const COUNTED = 8;

export const SAMPLE_STAGE: StageKind = stageKind<"sample", "oneIn" | "by">(
  "sample",
  OPERATION_SAMPLE,
  {
    oneIn: {
      ...whole(1, 0xffffffff),
      required: true,
      flag: "--one-in <N>",
      help: "let one frame, or one flow, in N through",
    },
    by: {
      ...choice("frame", "flow"),
      fallback: "frame",
      flag: "--by <WHAT>",
      help: "frame: each Nth frame; flow: whole flows, by a hash of their addresses and ports",
    },
    seed: {
      ...whole(0, 0xffffffff),
      flag: "--seed <N>",
      help: "of the hash: another one chooses other flows (default: 0)",
    },
  },
  ({ oneIn, by, seed }, record) => {
    if (by === "frame" && seed !== undefined) throw notFor("seed", "a sample by frame");
    record.setUint32(STAGE_FLAGS, by === "flow" ? SAMPLE_FLOWS : 0, true);
    record.setUint32(SAMPLE_ONE_IN, oneIn, true);
    record.setUint32(SAMPLE_SEED, seed ?? 0, true);
    record.setUint32(SAMPLE_LIMIT, Math.floor(2 ** 32 / oneIn) - 1, true);
    return { state: { length: STATE_LENGTH, counted: COUNTED } };
  },
);
