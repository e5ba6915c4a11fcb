// Writes the record of a decapsulation.

import { VNI_NONE } from "../layout/descriptor.layout.ts";
import {
  DECAPSULATE_BARE,
  DECAPSULATE_DEPTH,
  DECAPSULATE_FORM,
  DECAPSULATE_KEEP_OTHERS,
  DECAPSULATE_KEYED,
  DECAPSULATE_REFUSE_TAGGED,
  DECAPSULATE_STRICT,
  DECAPSULATE_TAKE_CRITICAL,
  DECAPSULATE_TRUST_GRE,
  DECAPSULATE_TRUST_IP,
  DECAPSULATE_VERIFY_UDP,
  DECAPSULATE_VNI,
  STAGE_FLAGS,
} from "../layout/stage.layout.ts";
import { DEPTH_MAXIMUM } from "../tunnel/fields.ts";
import { writeForm } from "../tunnel/form.ts";
import { checkedStage, type DecapsulateStage, rowOf } from "../tunnel/kinds.ts";
import type { OfAnyKind } from "../tunnel/tunnel-kind.ts";

/** For each option that is a choice of two, the one that sets a flag. */
const FLAGS: readonly (readonly [option: string, value: string, flag: number])[] = [
  ["rule", "strict", DECAPSULATE_STRICT],
  ["others", "keep", DECAPSULATE_KEEP_OTHERS],
  ["udpChecksum", "verify", DECAPSULATE_VERIFY_UDP],
  ["ipChecksum", "ignore", DECAPSULATE_TRUST_IP],
  ["checksum", "ignore", DECAPSULATE_TRUST_GRE],
  ["criticalOptions", "take", DECAPSULATE_TAKE_CRITICAL],
  ["innerTag", "drop", DECAPSULATE_REFUSE_TAGGED],
  ["header", "bare", DECAPSULATE_BARE],
];

/** Writes the record; a decapsulation makes no frame longer. */
export function writeDecapsulate(stage: DecapsulateStage, record: DataView): number {
  const row = rowOf("decapsulate", stage);
  const checked = checkedStage(row, "decapsulate", stage);
  const { port = 0, vni, key, depth }: OfAnyKind<DecapsulateStage> = checked;
  let flags = row.decapsulateFlags | (key === undefined ? 0 : DECAPSULATE_KEYED);
  for (const [option, value, flag] of FLAGS) if (checked[option] === value) flags |= flag;
  record.setUint32(STAGE_FLAGS, flags, true);
  record.setUint32(DECAPSULATE_VNI, vni ?? key ?? VNI_NONE, true);
  record.setUint32(DECAPSULATE_DEPTH, depth === "all" ? DEPTH_MAXIMUM : (depth as number), true);
  writeForm(row, port, record, DECAPSULATE_FORM);
  return 0;
}
