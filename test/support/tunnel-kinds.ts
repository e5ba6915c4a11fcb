// The kinds of tunnels, and stages with the options of all kinds, as models and generators handle them.
import type { DecapsulateStage, EncapsulateStageOf, TunnelKind } from "frameferry";
import type { GeneveOption } from "frameferry/wire";

export const KINDS: readonly TunnelKind[] = ["vxlan", "geneve", "gre", "nvgre", "vxlan-gpe"];

export interface AnyDecapsulate {
  readonly kind: TunnelKind;
  readonly port?: number | undefined;
  readonly vni?: number | undefined;
  readonly key?: number | undefined;
  readonly depth?: number | "all" | undefined;
  readonly rule?: "rfc" | "strict" | undefined;
  readonly others?: "drop" | "keep" | undefined;
  readonly udpChecksum?: "ignore" | "verify" | undefined;
  readonly ipChecksum?: "ignore" | "verify" | undefined;
  readonly checksum?: "ignore" | "verify" | undefined;
  readonly criticalOptions?: "drop" | "take" | undefined;
  readonly innerTag?: "keep" | "drop" | undefined;
  readonly lengths?: "strict" | "tolerant" | undefined;
  readonly header?: "full" | "bare" | undefined;
  /** Of a switch: it drops passengers with tags of all kinds in one place, later. */
  readonly keepsTags?: true | undefined;
}

export interface AnyEncapsulate {
  readonly kind: TunnelKind;
  readonly vni?: number | undefined;
  readonly key?: number | undefined;
  readonly checksum?: boolean | undefined;
  readonly options?: readonly GeneveOption[] | undefined;
  readonly local?: string | Uint8Array | undefined;
  readonly remote?: string | Uint8Array | undefined;
  readonly localMac?: string | Uint8Array | undefined;
  readonly remoteMac?: string | Uint8Array | undefined;
  readonly port?: number | undefined;
  /** Models take numbers; what passengers say is tested where that is all there is to it. */
  readonly ttl?: number | "uniform" | undefined;
  readonly dscp?: number | "uniform" | undefined;
  readonly udpChecksum?: boolean | undefined;
  readonly outerVid?: number | undefined;
  readonly innerTag?: "keep" | "strip" | undefined;
  readonly header?: "full" | "bare" | undefined;
  readonly seed?: number | undefined;
}

const FOREIGN_OUT: Record<TunnelKind, readonly string[]> = {
  vxlan: ["key", "checksum", "criticalOptions"],
  geneve: ["key", "checksum", "rule"],
  gre: ["vni", "port", "udpChecksum", "criticalOptions"],
  nvgre: ["key", "port", "checksum", "udpChecksum", "criticalOptions", "innerTag"],
  "vxlan-gpe": ["key", "checksum", "criticalOptions"],
};
const FOREIGN_IN: Record<TunnelKind, readonly string[]> = {
  vxlan: ["key", "checksum", "options"],
  geneve: ["key", "checksum"],
  gre: ["vni", "port", "udpChecksum", "options"],
  nvgre: ["key", "port", "checksum", "udpChecksum", "options", "innerTag"],
  "vxlan-gpe": ["key", "checksum", "options"],
};

/** A stage without the options that its kind has not. */
export function decapsulateStage(options: AnyDecapsulate): DecapsulateStage {
  return { stage: "decapsulate", ...without(options, FOREIGN_OUT[options.kind]) } as DecapsulateStage;
}

export function encapsulateStage(options: AnyEncapsulate): EncapsulateStageOf<TunnelKind> {
  const own = without(options, FOREIGN_IN[options.kind]);
  // Lower VSIDs and the last one are reserved.
  if (options.kind === "nvgre" && options.vni !== undefined)
    own.vni = Math.min(Math.max(options.vni, 0x1000), 0xfffffe);
  return { stage: "encapsulate", ...own } as unknown as EncapsulateStageOf<TunnelKind>;
}

const PORTS: Partial<Record<TunnelKind, number>> = { vxlan: 4789, geneve: 6081, "vxlan-gpe": 4790 };

export const overUdp = (kind: TunnelKind): boolean => kind in PORTS;
export const defaultPort = (kind: TunnelKind): number => PORTS[kind]!;

function without(options: object, foreign: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(options).filter(([name]) => !foreign.includes(name)));
}
