// The kinds of tunnels, and stages with the options of all kinds, as models and generators handle them.
import type { DecapsulateStage, EncapsulateStage, TunnelKind } from "frameferry";
import type { GeneveOption } from "frameferry/wire";

export const KINDS: readonly TunnelKind[] = ["vxlan", "geneve", "gre", "nvgre"];

export interface AnyDecapsulate {
  readonly kind: TunnelKind;
  readonly port?: number;
  readonly vni?: number;
  readonly key?: number;
  readonly depth?: number | "all";
  readonly rule?: "rfc" | "strict";
  readonly others?: "drop" | "keep";
  readonly udpChecksum?: "ignore" | "verify";
  readonly ipChecksum?: "ignore" | "verify";
  readonly checksum?: "ignore" | "verify";
  readonly criticalOptions?: "drop" | "take";
  readonly innerTag?: "keep" | "drop";
  readonly header?: "full" | "bare";
  /** Of a switch: it drops passengers with tags of all kinds in one place, later. */
  readonly keepsTags?: true;
}

export interface AnyEncapsulate {
  readonly kind: TunnelKind;
  readonly vni?: number;
  readonly key?: number;
  readonly checksum?: boolean;
  readonly options?: readonly GeneveOption[];
  readonly local?: string | Uint8Array;
  readonly remote?: string | Uint8Array;
  readonly localMac?: string | Uint8Array;
  readonly remoteMac?: string | Uint8Array;
  readonly port?: number;
  readonly ttl?: number;
  readonly dscp?: number;
  readonly udpChecksum?: boolean;
  readonly outerVid?: number;
  readonly innerTag?: "keep" | "strip";
  readonly header?: "full" | "bare";
  readonly seed?: number;
}

const FOREIGN_OUT: Record<TunnelKind, readonly string[]> = {
  vxlan: ["key", "checksum", "criticalOptions"],
  geneve: ["key", "checksum", "rule"],
  gre: ["vni", "port", "udpChecksum", "criticalOptions"],
  nvgre: ["key", "port", "checksum", "udpChecksum", "criticalOptions", "innerTag"],
};
const FOREIGN_IN: Record<TunnelKind, readonly string[]> = {
  vxlan: ["key", "checksum", "options"],
  geneve: ["key", "checksum"],
  gre: ["vni", "port", "udpChecksum", "options"],
  nvgre: ["key", "port", "checksum", "udpChecksum", "options", "innerTag"],
};

/** A stage without the options that its kind has not. */
export function decapsulateStage(options: AnyDecapsulate): DecapsulateStage {
  return { stage: "decapsulate", ...without(options, FOREIGN_OUT[options.kind]) } as DecapsulateStage;
}

export function encapsulateStage(options: AnyEncapsulate): EncapsulateStage {
  const own = without(options, FOREIGN_IN[options.kind]);
  // Lower VSIDs and the last one are reserved.
  if (options.kind === "nvgre" && options.vni !== undefined)
    own.vni = Math.min(Math.max(options.vni, 0x1000), 0xfffffe);
  return { stage: "encapsulate", ...own } as unknown as EncapsulateStage;
}

export const overUdp = (kind: TunnelKind): boolean => kind === "vxlan" || kind === "geneve";
export const defaultPort = (kind: TunnelKind): number => (kind === "geneve" ? 6081 : 4789);

function without(options: object, foreign: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(options).filter(([name]) => !foreign.includes(name)));
}
