// The stages that know VLAN tags and VNIs: rows, and what they write.

import { ArgumentRangeError } from "../core/argument-error.ts";
import { wrongType } from "../core/arguments.ts";
import { flag, type Kind, whole } from "../core/fields.ts";
import {
  FILTER_VNI,
  OPERATION_FILTER_VNI,
  OPERATION_VLAN_POP,
  OPERATION_VLAN_PUSH,
  OPERATION_VLAN_REWRITE,
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
import type { FrameChange } from "./frame-change.ts";
import { type StageKind, stageKind } from "./stage-kind.ts";

const TPIDS = [TPID_CUSTOMER, TPID_SERVICE, TPID_LEGACY];
const VID: Kind<number> = whole(0, VLAN_VID_RESERVED - 1);
const PCP: Kind<number> = whole(0, VLAN_PCP_MAXIMUM);
/** Frames of other links have no tags. */
const ALL_TAGGED: FrameChange = { of: "ethernet", to: ["ethernet"], keeps: false, keepsOthers: true };
const SOME_TAGGED: FrameChange = { ...ALL_TAGGED, keeps: true };
const TPID: Kind<number> = { expected: "0x8100, 0x88a8 or 0x9100", check: wholeTpid };

export const VLAN_PUSH_STAGE: StageKind = stageKind<"vlan-push", "vid" | "pcp" | "dei" | "tpid">(
  "vlan-push",
  OPERATION_VLAN_PUSH,
  {
    vid: { ...VID, required: true },
    pcp: { ...PCP, fallback: 0 },
    dei: { ...flag(), fallback: false },
    tpid: { ...TPID, fallback: TPID_CUSTOMER },
  },
  (options, record) => {
    record.setUint16(VLAN_TAG, options.tpid);
    record.setUint16(VLAN_TAG + 2, tciBits(options).bits);
    return { headroom: VLAN_LENGTH, changes: ALL_TAGGED };
  },
);

export const VLAN_POP_STAGE: StageKind = stageKind<"vlan-pop">(
  "vlan-pop",
  OPERATION_VLAN_POP,
  { tpid: TPID, vid: VID, pcp: PCP },
  (options, record) => {
    const { mask, bits } = tciBits(options);
    record.setUint16(VLAN_MATCH_TPID, options.tpid ?? 0);
    record.setUint32(VLAN_MATCH_MASK, mask, true);
    record.setUint32(VLAN_MATCH_BITS, bits, true);
    return { changes: SOME_TAGGED };
  },
);

export const VLAN_REWRITE_STAGE: StageKind = stageKind<"vlan-rewrite">(
  "vlan-rewrite",
  OPERATION_VLAN_REWRITE,
  { vid: VID, pcp: PCP, dei: flag(), tpid: TPID, match: TPID },
  (options, record) => {
    const { mask, bits } = tciBits(options);
    record.setUint32(VLAN_KEEP_MASK, ~mask & 0xffff, true);
    record.setUint32(VLAN_SET_BITS, bits, true);
    record.setUint16(VLAN_NEW_TPID, options.tpid ?? 0);
    record.setUint16(VLAN_MATCH_TPID, options.match ?? 0);
    return { changes: SOME_TAGGED };
  },
);

export const FILTER_VNI_STAGE: StageKind = stageKind<"filter-vni", "vni">(
  "filter-vni",
  OPERATION_FILTER_VNI,
  { vni: { ...whole(0, VNI_MAXIMUM), required: true } },
  ({ vni }, record) => {
    record.setUint32(FILTER_VNI, vni, true);
    return {};
  },
);

interface Tci {
  readonly vid?: number | undefined;
  readonly pcp?: number | undefined;
  readonly dei?: boolean | undefined;
}

/** Those fields of a tag that are given, in their places, and which bits they take. */
function tciBits({ vid, pcp, dei }: Tci): { readonly mask: number; readonly bits: number } {
  let mask = 0;
  let bits = 0;
  if (vid !== undefined) {
    mask |= VLAN_VID_MASK;
    bits |= vid;
  }
  if (pcp !== undefined) {
    mask |= VLAN_PCP_MAXIMUM << VLAN_PCP_SHIFT;
    bits |= pcp << VLAN_PCP_SHIFT;
  }
  if (dei !== undefined) {
    mask |= VLAN_DEI_BIT;
    bits |= dei ? VLAN_DEI_BIT : 0;
  }
  return { mask, bits };
}

function wholeTpid(path: string, tpid: unknown): number {
  if (typeof tpid !== "number") throw wrongType(path, TPID.expected, tpid, "a number");
  if (TPIDS.includes(tpid)) return tpid;
  throw new ArgumentRangeError("out-of-range", path, `expected ${TPID.expected}, got ${tpid}`);
}
