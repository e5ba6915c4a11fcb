// A pipeline described as data: stages that can be written as JSON and posted to a worker.

import type { IpAddress, MacAddress } from "../core/addresses.ts";

/** Takes tunnel headers off. The frame becomes its passenger. */
export interface DecapsulateStage {
  readonly stage: "decapsulate";
  readonly kind: "vxlan";
  /** UDP destination port of the tunnel. Default 4789. */
  readonly port?: number;
  /** Only this VNI, 0 to 16,777,215; the outermost one counts where tunnels are nested. Default: any. */
  readonly vni?: number;
  /** How many tunnels to take off, one in the other, 1 to 64, or all of them. Default 1. */
  readonly depth?: number | "all";
  /**
   * What reserved bits mean: `"rfc"` ignores them (RFC 7348 §5), the default; `"strict"` drops the packet,
   * as Linux and Open vSwitch do.
   */
  readonly rule?: "rfc" | "strict";
  /** What becomes of frames that are no packets of this tunnel. Default `"drop"`. */
  readonly others?: "drop" | "keep";
  /**
   * Whether a UDP checksum that is there must be right. Default `"ignore"`: captures on the sending host
   * hold checksums that the network card had yet to fill in. Verifying is optional (RFC 7348 §5).
   */
  readonly udpChecksum?: "ignore" | "verify";
  /** Whether the outer IPv4 header checksum must be right. Default `"verify"`. */
  readonly ipChecksum?: "ignore" | "verify";
  /**
   * What becomes of a passenger with a VLAN tag. Default `"keep"`, as Linux and Open vSwitch do it;
   * RFC 7348 §6.1 recommends `"drop"`.
   */
  readonly innerTag?: "keep" | "drop";
  /** `"bare"`: the frame starts with the VXLAN header, as a UDP socket delivers it. Default `"full"`. */
  readonly header?: "full" | "bare";
}

/** Puts the frame into a tunnel: outer Ethernet, IP, UDP and tunnel header. */
export interface EncapsulateStage {
  readonly stage: "encapsulate";
  readonly kind: "vxlan";
  /** 0 to 16,777,215. */
  readonly vni: number;
  /** Outer source and destination address, both IPv4 or both IPv6. Not with `header: "bare"`. */
  readonly local?: IpAddress;
  readonly remote?: IpAddress;
  /** Outer MACs. Default: locally administered, made of the last four bytes of the IP address: 02:00:0a:01:05:07. */
  readonly localMac?: MacAddress;
  readonly remoteMac?: MacAddress;
  /** UDP destination port. Default 4789. */
  readonly port?: number;
  /** Time to live or hop limit, 1 to 255. Default 64. */
  readonly ttl?: number;
  /** Differentiated services code point, 0 to 63. Default 0. */
  readonly dscp?: number;
  /** Whether to compute the outer UDP checksum. Default: over IPv4 no (RFC 7348 §5), over IPv6 yes (RFC 8200 §8.1). */
  readonly udpChecksum?: boolean;
  /** VLAN of the outer frame, 1 to 4,094. Default: none. */
  readonly outerVid?: number;
  /** Whether the passenger's outermost VLAN tag stays. Default `"keep"`; RFC 7348 §6.1 recommends `"strip"`. */
  readonly innerTag?: "keep" | "strip";
  /** `"bare"`: the tunnel header alone, for those who send through a UDP socket. Default `"full"`. */
  readonly header?: "full" | "bare";
  /** Seed of the flow hash that gives the outer source port, 0 to 2^32 - 1. Default 0. */
  readonly seed?: number;
}

/** Puts a VLAN tag in front of the frame's type, outside of those that are there. */
export interface VlanPushStage {
  readonly stage: "vlan-push";
  /** 0 (priority tag) to 4,094. */
  readonly vid: number;
  /** Priority code point, 0 to 7. Default 0. */
  readonly pcp?: number;
  /** Drop eligible indicator. Default false. */
  readonly dei?: boolean;
  /** 0x8100 (default), 0x88a8 or 0x9100. */
  readonly tpid?: number;
}

/** Takes the outermost VLAN tag off. Frames without one, or with another than asked for, go on unchanged. */
export interface VlanPopStage {
  readonly stage: "vlan-pop";
  /** Only a tag of this TPID. Default: any. */
  readonly tpid?: number;
  /** Only a tag of this VLAN. Default: any. */
  readonly vid?: number;
  /** Only a tag of this priority. Default: any. */
  readonly pcp?: number;
}

/** Changes the outermost VLAN tag; what is not given stays. Frames without one go on unchanged. */
export interface VlanRewriteStage {
  readonly stage: "vlan-rewrite";
  readonly vid?: number;
  readonly pcp?: number;
  readonly dei?: boolean;
  readonly tpid?: number;
  /** Only a tag of this TPID. Default: any. */
  readonly match?: number;
}

/** Lets through what came out of a tunnel with this VNI, and drops the rest. */
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
