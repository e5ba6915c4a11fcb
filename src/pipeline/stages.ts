// A pipeline described as data: stages that can be written as JSON (all but the data of Geneve options, which are bytes)
// and posted to a worker.

import type { DecapsulateStage, EncapsulateStage } from "../tunnel/kinds.ts";

/** Puts a VLAN tag in front of the frame's type, outside of those that are there. */
export interface VlanPushStage {
  readonly stage: "vlan-push";
  /** 0 (priority tag) to 4,094. */
  readonly vid: number;
  /** Priority code point, 0 to 7. Default 0. */
  readonly pcp?: number | undefined;
  /** Drop eligible indicator. Default false. */
  readonly dei?: boolean | undefined;
  /** 0x8100 (default), 0x88a8 or 0x9100. */
  readonly tpid?: number | undefined;
}

/** Takes the outermost VLAN tag off. Frames without one, or with another than asked for, go on unchanged. */
export interface VlanPopStage {
  readonly stage: "vlan-pop";
  /** Only a tag of this TPID. Default: any. */
  readonly tpid?: number | undefined;
  /** Only a tag of this VLAN. Default: any. */
  readonly vid?: number | undefined;
  /** Only a tag of this priority. Default: any. */
  readonly pcp?: number | undefined;
}

/** Changes the outermost VLAN tag; what is not given stays. Frames without one go on unchanged. */
export interface VlanRewriteStage {
  readonly stage: "vlan-rewrite";
  readonly vid?: number | undefined;
  readonly pcp?: number | undefined;
  readonly dei?: boolean | undefined;
  readonly tpid?: number | undefined;
  /** Only a tag of this TPID. Default: any. */
  readonly match?: number | undefined;
}

/**
 * Lets through what came out of a tunnel with this VNI, and drops the rest. A VSID counts as a VNI, and so does a GRE key
 * that is as small; frames that came out of a GRE tunnel without a key have none.
 */
export interface FilterVniStage {
  readonly stage: "filter-vni";
  readonly vni: number;
}

export type Stage =
  | DecapsulateStage
  | EncapsulateStage
  | VlanPushStage
  | VlanPopStage
  | VlanRewriteStage
  | FilterVniStage;
