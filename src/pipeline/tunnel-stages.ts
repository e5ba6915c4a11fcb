// The stages that put frames into tunnels and take them out, kind by kind.

import type { IpAddress, MacAddress } from "../core/addresses.ts";
import type { GeneveOption } from "../wire/geneve.ts";

/** Kinds of tunnels that kernels know. */
export type TunnelKind = "vxlan" | "geneve" | "gre" | "nvgre";

/** What every kind of tunnel has on the way out of it. */
interface Decapsulate {
  readonly stage: "decapsulate";
  /** How many tunnels of this kind to take off, one in the other, 1 to 64, or all of them. Default 1. */
  readonly depth?: number | "all" | undefined;
  /**
   * What becomes of frames that are no packets of this tunnel. Default `"drop"`. `"keep"` keeps what goes to another UDP
   * port; for GRE and NVGRE other versions of GRE (PPTP) and what carries no Ethernet frames.
   */
  readonly others?: "drop" | "keep" | undefined;
  /** Whether the outer IPv4 header checksum must be right. Default `"verify"`. */
  readonly ipChecksum?: "ignore" | "verify" | undefined;
  /** `"bare"`: the frame starts with the tunnel header, as a socket delivers it. Default `"full"`. */
  readonly header?: "full" | "bare" | undefined;
}

interface DecapsulateUdp extends Decapsulate {
  /** UDP destination port of the tunnel. Default 4789 for VXLAN, 6081 for Geneve. */
  readonly port?: number | undefined;
  /** Only this VNI, 0 to 16,777,215; the outermost one counts where tunnels are nested. Default: any. */
  readonly vni?: number | undefined;
  /**
   * Whether a UDP checksum that is there must be right. Default `"ignore"`: captures on the sending host
   * hold checksums that the network card had yet to fill in. For VXLAN verifying is optional (RFC 7348 §5); an end of a
   * Geneve tunnel verifies (RFC 8926 §3.3).
   */
  readonly udpChecksum?: "ignore" | "verify" | undefined;
  /**
   * What becomes of a passenger with a VLAN tag. Default `"keep"`, as Linux and Open vSwitch do it;
   * RFC 7348 §6.1 recommends `"drop"`.
   */
  readonly innerTag?: "keep" | "drop" | undefined;
}

/** Takes VXLAN headers off (RFC 7348). */
export interface DecapsulateVxlanStage extends DecapsulateUdp {
  readonly kind: "vxlan";
  /**
   * What reserved bits mean: `"rfc"` ignores them (RFC 7348 §5), the default; `"strict"` drops the packet,
   * as Linux and Open vSwitch do.
   */
  readonly rule?: "rfc" | "strict" | undefined;
}

/** Takes Geneve headers and their options off (RFC 8926). Control packets (O flag) are dropped: they carry no passengers. */
export interface DecapsulateGeneveStage extends DecapsulateUdp {
  readonly kind: "geneve";
  /**
   * What becomes of packets with a critical option. No option is understood here, so that the default is `"drop"`
   * (RFC 8926 §3.5). `"take"` passes over them, for captures of networks whose options one knows: OVN's are critical.
   */
  readonly criticalOptions?: "drop" | "take" | undefined;
}

/**
 * Takes GRE headers off that carry Ethernet frames (RFC 2784, RFC 2890: protocol type 0x6558, with or without checksum,
 * key and sequence number, which is not looked at, as in Open vSwitch).
 */
export interface DecapsulateGreStage extends Decapsulate {
  readonly kind: "gre";
  /** Only packets with this key, 0 to 2^32 - 1; the outermost one counts where tunnels are nested. Default: any, or none. */
  readonly key?: number | undefined;
  /**
   * What flags mean: `"rfc"` drops packets with those that a receiver must not take and ignores the rest
   * (RFC 2784 §2.3), the default; `"strict"` drops packets with any but those of checksum, key and sequence number, as
   * Open vSwitch does.
   */
  readonly rule?: "rfc" | "strict" | undefined;
  /** Whether a GRE checksum that is there must be right (RFC 2784 §2.5). Default `"verify"`, as Linux and Open vSwitch do. */
  readonly checksum?: "ignore" | "verify" | undefined;
  /** What becomes of a passenger with a VLAN tag. Default `"keep"`. */
  readonly innerTag?: "keep" | "drop" | undefined;
}

/**
 * Takes NVGRE headers off (RFC 7637): GRE with a key, whose upper 24 bits are the VSID, and without checksum and
 * sequence number. A passenger with a VLAN tag is dropped (§3.2).
 */
export interface DecapsulateNvgreStage extends Decapsulate {
  readonly kind: "nvgre";
  /** Only this VSID, 0 to 16,777,215; the outermost one counts where tunnels are nested. Default: any. */
  readonly vni?: number | undefined;
  /** As for GRE. */
  readonly rule?: "rfc" | "strict" | undefined;
}

/**
 * Takes tunnel headers off. The frame becomes its passenger, with the VNI, VSID or GRE key of its tunnel. Without a key it
 * has no number; nor has it with the key 0xffffffff, which stands for that, though `key` can ask for it.
 */
export type DecapsulateStage =
  | DecapsulateVxlanStage
  | DecapsulateGeneveStage
  | DecapsulateGreStage
  | DecapsulateNvgreStage;

/** What every kind of tunnel has on the way into it. */
interface Encapsulate {
  readonly stage: "encapsulate";
  /** Outer source and destination address, both IPv4 or both IPv6. Not with `header: "bare"`. */
  readonly local?: IpAddress | undefined;
  readonly remote?: IpAddress | undefined;
  /** Outer MACs. Default: locally administered, made of the last four bytes of the IP address: 02:00:0a:01:05:07. */
  readonly localMac?: MacAddress | undefined;
  readonly remoteMac?: MacAddress | undefined;
  /** Time to live or hop limit, 1 to 255. Default 64. */
  readonly ttl?: number | undefined;
  /** Differentiated services code point, 0 to 63. Default 0. */
  readonly dscp?: number | undefined;
  /** VLAN of the outer frame, 1 to 4,094. Default: none. */
  readonly outerVid?: number | undefined;
  /** `"bare"`: the tunnel header alone, for those who send through a socket. Default `"full"`. */
  readonly header?: "full" | "bare" | undefined;
  /** Seed of the flow hash, which gives the outer source port or the FlowID of NVGRE, 0 to 2^32 - 1. Default 0. */
  readonly seed?: number | undefined;
}

interface EncapsulateUdp extends Encapsulate {
  /** 0 to 16,777,215. */
  readonly vni: number;
  /** UDP destination port. Default 4789 for VXLAN, 6081 for Geneve. */
  readonly port?: number | undefined;
  /**
   * Whether to compute the outer UDP checksum. Default: over IPv6 yes (RFC 8200 §8.1), over IPv4 no: so says RFC 7348 §5,
   * and for Geneve, where RFC 8926 §3.3 recommends it, Linux and Open vSwitch do it so.
   */
  readonly udpChecksum?: boolean | undefined;
  /** Whether the passenger's outermost VLAN tag stays. Default `"keep"`; RFC 7348 §6.1 recommends `"strip"`. */
  readonly innerTag?: "keep" | "strip" | undefined;
}

/** Puts the frame into a VXLAN tunnel (RFC 7348). */
export interface EncapsulateVxlanStage extends EncapsulateUdp {
  readonly kind: "vxlan";
}

/** Puts the frame into a Geneve tunnel (RFC 8926). */
export interface EncapsulateGeneveStage extends EncapsulateUdp {
  readonly kind: "geneve";
  /** Options that every packet gets, 252 bytes at most. A critical one sets the C flag. Default: none. */
  readonly options?: readonly GeneveOption[] | undefined;
}

/**
 * Puts the frame into a GRE tunnel (RFC 2784, RFC 2890), protocol type 0x6558. There are no sequence numbers: they are a
 * state of the tunnel, and several workers have none in common.
 */
export interface EncapsulateGreStage extends Encapsulate {
  readonly kind: "gre";
  /** 0 to 2^32 - 1. Default: no key. */
  readonly key?: number | undefined;
  /** Whether to compute the GRE checksum over header and passenger (RFC 2784 §2.5). Default false. */
  readonly checksum?: boolean | undefined;
  /** Whether the passenger's outermost VLAN tag stays. Default `"keep"`. */
  readonly innerTag?: "keep" | "strip" | undefined;
}

/**
 * Puts the frame into an NVGRE tunnel (RFC 7637): the key is VSID and FlowID, which comes from the flow hash. VLAN tags of
 * the passenger are removed (§3.2).
 */
export interface EncapsulateNvgreStage extends Encapsulate {
  readonly kind: "nvgre";
  /** The VSID, 4,096 to 16,777,214: others are reserved (RFC 7637 §3.2). */
  readonly vni: number;
}

/** Puts the frame into a tunnel: outer Ethernet, IP, UDP where the kind has it, and tunnel header. */
export type EncapsulateStage =
  | EncapsulateVxlanStage
  | EncapsulateGeneveStage
  | EncapsulateGreStage
  | EncapsulateNvgreStage;
