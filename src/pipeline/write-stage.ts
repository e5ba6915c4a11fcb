// Checks one stage and writes its record into the kernels' memory.

import { ArgumentRangeError } from "../core/argument-error.ts";
import { knownKeys, trueOrFalse, wholeNumber, wrongType } from "../core/arguments.ts";
import {
  FILTER_VNI,
  OPERATION_FILTER_VNI,
  OPERATION_VLAN_POP,
  OPERATION_VLAN_PUSH,
  OPERATION_VLAN_REWRITE,
  STAGE_OPERATION,
  VLAN_KEEP_MASK,
  VLAN_MATCH_BITS,
  VLAN_MATCH_MASK,
  VLAN_MATCH_TPID,
  VLAN_NEW_TPID,
  VLAN_SET_BITS,
  VLAN_TAG,
} from "../layout/stage.layout.ts";
import {
  TPID_CUSTOMER,
  TPID_LEGACY,
  TPID_SERVICE,
  VLAN_DEI_BIT,
  VLAN_LENGTH,
  VLAN_PCP_MAXIMUM,
  VLAN_PCP_SHIFT,
  VLAN_VID_MASK,
  VLAN_VID_RESERVED,
} from "../layout/vlan.layout.ts";
import { VNI_MAXIMUM } from "../layout/vxlan.layout.ts";
import type { FilterVniStage, Stage, VlanPopStage, VlanPushStage, VlanRewriteStage } from "./stages.ts";
import { writeDecapsulate } from "./write-decapsulate.ts";
import { writeEncapsulate } from "./write-encapsulate.ts";

const TPIDS = [TPID_CUSTOMER, TPID_SERVICE, TPID_LEGACY];

/**
 * Writes `stage` as the record at the start of `record` (STAGE_LENGTH bytes, zeroed).
 * Returns by how many bytes the stage makes a frame longer at most.
 */
export function writeStage(stage: Stage, record: DataView): number {
  if (typeof stage !== "object" || stage === null) throw wrongType("stage", "an object", stage);
  const { stage: name } = stage;
  switch (name) {
    case "decapsulate":
      return writeDecapsulate(stage, record);
    case "encapsulate":
      return writeEncapsulate(stage, record);
    case "vlan-push":
      return writePush(stage, record);
    case "vlan-pop":
      return writePop(stage, record);
    case "vlan-rewrite":
      return writeRewrite(stage, record);
    case "filter-vni":
      return writeFilter(stage, record);
    default:
      throw new ArgumentRangeError(
        "not-one-of",
        "stage",
        `expected decapsulate, encapsulate, vlan-push, vlan-pop, vlan-rewrite or filter-vni, got ${JSON.stringify(name)}`,
      );
  }
}

function writePush(stage: VlanPushStage, record: DataView): number {
  knownKeys("vlan-push", stage, ["stage", "vid", "pcp", "dei", "tpid"]);
  const tpid = wholeTpid("tpid", stage.tpid ?? TPID_CUSTOMER);
  const tci = wholeVid(stage.vid) | pcpBits(stage.pcp ?? 0) | deiBit(stage.dei ?? false);
  record.setUint32(STAGE_OPERATION, OPERATION_VLAN_PUSH, true);
  record.setUint16(VLAN_TAG, tpid);
  record.setUint16(VLAN_TAG + 2, tci);
  return VLAN_LENGTH;
}

function writePop(stage: VlanPopStage, record: DataView): number {
  knownKeys("vlan-pop", stage, ["stage", "tpid", "vid", "pcp"]);
  record.setUint32(STAGE_OPERATION, OPERATION_VLAN_POP, true);
  if (stage.tpid !== undefined) record.setUint16(VLAN_MATCH_TPID, wholeTpid("tpid", stage.tpid));
  const { mask, bits } = tciBits(stage);
  record.setUint32(VLAN_MATCH_MASK, mask, true);
  record.setUint32(VLAN_MATCH_BITS, bits, true);
  return 0;
}

function writeRewrite(stage: VlanRewriteStage, record: DataView): number {
  knownKeys("vlan-rewrite", stage, ["stage", "vid", "pcp", "dei", "tpid", "match"]);
  const { mask, bits } = tciBits(stage);
  record.setUint32(STAGE_OPERATION, OPERATION_VLAN_REWRITE, true);
  record.setUint32(VLAN_KEEP_MASK, ~mask & 0xffff, true);
  record.setUint32(VLAN_SET_BITS, bits, true);
  if (stage.tpid !== undefined) record.setUint16(VLAN_NEW_TPID, wholeTpid("tpid", stage.tpid));
  if (stage.match !== undefined) record.setUint16(VLAN_MATCH_TPID, wholeTpid("match", stage.match));
  return 0;
}

function writeFilter(stage: FilterVniStage, record: DataView): number {
  knownKeys("filter-vni", stage, ["stage", "vni"]);
  record.setUint32(STAGE_OPERATION, OPERATION_FILTER_VNI, true);
  record.setUint32(FILTER_VNI, wholeNumber("vni", stage.vni, 0, VNI_MAXIMUM), true);
  return 0;
}

/** Those fields of a tag that are given, in their places, and which bits they take. */
function tciBits({ vid, pcp, dei }: { vid?: number; pcp?: number; dei?: boolean }): {
  mask: number;
  bits: number;
} {
  let mask = 0;
  let bits = 0;
  if (vid !== undefined) {
    mask |= VLAN_VID_MASK;
    bits |= wholeVid(vid);
  }
  if (pcp !== undefined) {
    mask |= VLAN_PCP_MAXIMUM << VLAN_PCP_SHIFT;
    bits |= pcpBits(pcp);
  }
  if (dei !== undefined) {
    mask |= VLAN_DEI_BIT;
    bits |= deiBit(dei);
  }
  return { mask, bits };
}

function wholeVid(vid: number): number {
  return wholeNumber("vid", vid, 0, VLAN_VID_RESERVED - 1);
}

function pcpBits(pcp: number): number {
  return wholeNumber("pcp", pcp, 0, VLAN_PCP_MAXIMUM) << VLAN_PCP_SHIFT;
}

function deiBit(dei: boolean): number {
  return trueOrFalse("dei", dei) ? VLAN_DEI_BIT : 0;
}

function wholeTpid(name: string, tpid: number): number {
  if (typeof tpid !== "number") throw wrongType(name, "a number", tpid);
  if (!TPIDS.includes(tpid))
    throw new ArgumentRangeError("not-one-of", name, `expected 0x8100, 0x88a8 or 0x9100, got ${tpid}`);
  return tpid;
}
