// Writes the record of a decapsulation.

import { VNI_NONE } from "../layout/descriptor.layout.ts";
import {
  DECAPSULATE_DEPTH,
  DECAPSULATE_FORM,
  DECAPSULATE_KEYED,
  DECAPSULATE_VNI,
  STAGE_FLAGS,
} from "../layout/stage.layout.ts";
import type { DecapsulateAny } from "../tunnel/any.ts";
import { DEPTH_MAXIMUM } from "../tunnel/fields.ts";
import { writeForm } from "../tunnel/form.ts";
import { checkedStage, type DecapsulateTunnelStage, rowOf, TUNNEL_KINDS } from "../tunnel/kinds.ts";
import type { OfAnyKind } from "../tunnel/tunnel-kind.ts";
import { decapsulateFlags } from "./decapsulate-flags.ts";
import type { StageNeeds } from "./stage-kind.ts";
import type { DecapsulateStage } from "./stages.ts";
import { writeAny } from "./write-any.ts";

/** Writes the record; a decapsulation makes no frame longer. */
export function writeDecapsulate(stage: DecapsulateStage, record: DataView): StageNeeds {
  if (!(TUNNEL_KINDS as readonly string[]).includes(stage.kind))
    return writeAny(stage as DecapsulateAny, record);
  const row = rowOf("decapsulate", stage as DecapsulateTunnelStage);
  const checked = checkedStage(row, "decapsulate", stage);
  const { port = 0, vni, key, depth }: OfAnyKind<DecapsulateTunnelStage> = checked;
  const flags =
    row.decapsulateFlags | (key === undefined ? 0 : DECAPSULATE_KEYED) | decapsulateFlags(checked);
  record.setUint32(STAGE_FLAGS, flags, true);
  record.setUint32(DECAPSULATE_VNI, vni ?? key ?? VNI_NONE, true);
  record.setUint32(DECAPSULATE_DEPTH, depth === "all" ? DEPTH_MAXIMUM : (depth as number), true);
  writeForm(row, port, record, DECAPSULATE_FORM);
  return {};
}
