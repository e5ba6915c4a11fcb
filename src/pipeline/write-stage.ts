// Checks one stage and writes its record, as the table of kinds says.

import { ArgumentRangeError } from "../core/argument-error.ts";
import { alternatives, wrongType } from "../core/arguments.ts";
import { OPERATION_DECAPSULATE, OPERATION_ENCAPSULATE, STAGE_OPERATION } from "../layout/stage.layout.ts";
import type { EncapsulateStage } from "../tunnel/encapsulations.ts";
import { COUNT_STAGE } from "./count-stage.ts";
import { FILTER_STAGE } from "./filter-stage.ts";
import { MODULE_STAGE } from "./module-stage.ts";
import { SAMPLE_STAGE } from "./sample-stage.ts";
import type { StageKind, StageNeeds } from "./stage-kind.ts";
import type { DecapsulateStage, Stage } from "./stages.ts";
import { FILTER_VNI_STAGE, VLAN_POP_STAGE, VLAN_PUSH_STAGE, VLAN_REWRITE_STAGE } from "./vlan-stages.ts";
import { writeDecapsulate } from "./write-decapsulate.ts";
import { writeEncapsulation } from "./write-encapsulation.ts";

/** All kinds of stages, one a row. */
export const STAGE_KINDS: readonly StageKind[] = [
  {
    name: "decapsulate",
    operation: OPERATION_DECAPSULATE,
    fields: undefined,
    write: (stage, record) => {
      const decapsulate = stage as DecapsulateStage;
      const raw = "link" in decapsulate && decapsulate.link === "raw";
      return {
        ...writeDecapsulate(decapsulate, record),
        changes: {
          of: "any",
          to: raw ? ["ethernet", "raw"] : ["ethernet"],
          keeps: decapsulate.others === "keep",
          keepsOthers: decapsulate.others === "keep",
        },
      };
    },
  },
  {
    name: "encapsulate",
    operation: OPERATION_ENCAPSULATE,
    fields: undefined,
    write: (stage, record) => writeEncapsulation(stage as EncapsulateStage, record),
  },
  VLAN_PUSH_STAGE,
  VLAN_POP_STAGE,
  VLAN_REWRITE_STAGE,
  FILTER_VNI_STAGE,
  SAMPLE_STAGE,
  COUNT_STAGE,
  FILTER_STAGE,
  MODULE_STAGE,
];

/**
 * Writes `stage` as the record at the start of `record` (STAGE_LENGTH bytes, zeroed), and says what it needs.
 * @throws ArgumentError that names the option.
 */
export function writeStage(stage: Stage, record: DataView): StageNeeds {
  if (typeof stage !== "object" || stage === null) throw wrongType("stage", "an object", stage);
  const kind = STAGE_KINDS.find(({ name }) => name === stage.stage);
  if (kind === undefined) {
    const names = alternatives(STAGE_KINDS.map(({ name }) => name));
    throw new ArgumentRangeError(
      "not-one-of",
      "stage",
      `expected ${names}, got ${JSON.stringify(stage.stage)}`,
    );
  }
  record.setUint32(STAGE_OPERATION, kind.operation, true);
  return kind.write(stage, record);
}
