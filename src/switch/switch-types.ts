// What a switch is made of, as its user says it.

import type { IpAddress, MacAddress } from "../core/addresses.ts";
import type { GeneveOption } from "../wire/geneve.ts";

/** One isolated layer-2 network of a switch. Made by `addBridgeDomain`; good until it is removed. */
export interface BridgeDomain {
  /** 1 to 65,535; the same number may be given again after the domain was removed. */
  readonly id: number;
  readonly name: string;
  /** By which tunnels know it; undefined if it is in none. */
  readonly vni: number | undefined;
}

/** A port or a tunnel of a switch. Made by `addPort` and `addTunnel`; good until it is removed. */
export interface SwitchPort {
  /** The mark of frames that come in here, and of frames that leave here. 0 is the uplink. */
  readonly number: number;
  readonly name: string;
  readonly kind: "access" | "trunk" | "tunnel" | "uplink";
}

export interface SwitchOptions {
  /** Most ports, tunnels included: 1 to 65,534, default 64. */
  readonly ports?: number;
  /** Most bridge domains: 1 to 65,535, default 64. */
  readonly bridgeDomains?: number;
  /** Most neighbours, addresses of routers included: 1 to 16,777,216, default 256. */
  readonly neighbours?: number;
  /**
   * Seed of the flow hash by which routers choose among next hops, 0 to 2^32 - 1, default 0. Routers behind each other
   * need different ones, or all flows that reach the second choose there what they chose at the first.
   */
  readonly flowSeed?: number;
  readonly fdb?: SwitchFdbOptions;
  /** Its end of tunnels. Without it there are none. */
  readonly vtep?: VtepOptions;
  /** Room for the copies that flooding makes; many switches of one thread may share it. By default its own. */
  readonly workspace?: Workspace;
}

/** Room for frames that a switch makes; see `SwitchWorkspace`. */
export interface Workspace {
  readonly frameBytes: number;
}

export interface SwitchWorkspaceOptions {
  /** How many copies of frames there is room for at a time: 1 to 65,536, default 256. */
  readonly copies?: number;
  /** Longest frame that is copied, in bytes. Default 1,984. */
  readonly frameBytes?: number;
  /** Bytes in front of each copy, for tags and tunnels. Default 128. */
  readonly headroom?: number;
}

export interface SwitchFdbOptions {
  /** Most entries: 1 to 16,777,216, default 8,192. */
  readonly capacity?: number;
  /** Seconds after which `sweep` removes what was learned and not seen again: 0 (never) to 1,000,000, default 300. */
  readonly ageSeconds?: number;
  /**
   * What a full table does with a new address: `"evict"` (default) takes out the least recently used entry of the port
   * that has most; `"forward"` forwards without learning.
   */
  readonly whenFull?: "evict" | "forward";
  /** Seed of the hash, 64 bits. Default: random, so that nobody can aim addresses at one bucket. */
  readonly seed?: bigint;
  /** Most events that wait to be taken: 0 to 1,048,576, default 1,024. */
  readonly events?: number;
}

/** An entry of the FDB that somebody makes: to a port, or to nowhere. */
export type FdbEntryOptions = { readonly bridgeDomain: BridgeDomain; readonly mac: MacAddress } & (
  | { readonly port: SwitchPort; readonly blackhole?: undefined }
  | { readonly port?: undefined; readonly blackhole: true }
);

/** What is to be forgotten of an FDB. */
export interface FlushOptions {
  readonly bridgeDomain?: BridgeDomain | undefined;
  readonly port?: SwitchPort | undefined;
  /** `"all"` takes static and blackhole entries, too. Default `"learned"`. */
  readonly kinds?: "learned" | "all" | undefined;
}

export interface SweepOptions {
  /** Over how many buckets to go, and on from there the next time. Default: all. */
  readonly buckets?: number | undefined;
}

/** A tunnel end point (RFC 7348 §4), of all kinds of tunnels. */
export interface VtepOptions {
  readonly address: IpAddress;
  /** Default: locally administered, made of the last four bytes of the address. */
  readonly mac?: MacAddress;
  /** UDP port on which VXLAN packets are accepted. Default 4789. */
  readonly port?: number;
  /** UDP port on which Geneve packets are accepted, another one. Default 6081. */
  readonly genevePort?: number;
  /** What reserved bits of VXLAN and GRE mean; see the pipeline's decapsulation. Default `"rfc"`. */
  readonly rule?: "rfc" | "strict";
  /** Of VXLAN and Geneve. Default `"ignore"`. */
  readonly udpChecksum?: "ignore" | "verify";
  /** Of outer IPv4 headers. Default `"verify"`. */
  readonly ipChecksum?: "ignore" | "verify";
}

export interface BridgeDomainOptions {
  /** Default: `domain-` and its number. */
  readonly name?: string;
  /** 0 to 16,777,215. Without one the domain cannot be in a tunnel. */
  readonly vni?: number;
  /** Whether source addresses are learned. Default true. */
  readonly learning?: boolean;
  /** What becomes of frames to addresses that are not known. Default `"flood"`. */
  readonly unknownUnicast?: "flood" | "drop";
  /** Whether ARP requests for known neighbours are answered instead of flooded. Default false. */
  readonly arpSuppression?: boolean;
  /** Most learned addresses. Default: no limit. */
  readonly fdbLimit?: number;
}

/** Which MAC an IP address has in a bridge domain. */
export interface NeighbourOptions {
  readonly bridgeDomain: BridgeDomain;
  readonly ip: IpAddress;
  readonly mac: MacAddress;
}

export interface AnyPortOptions {
  /** Default: `port-` and its number. */
  readonly name?: string;
  /** Whether source addresses are learned here. Default true. */
  readonly learning?: boolean;
  /** Whether flooded frames leave here. Default true. */
  readonly flood?: boolean;
  /** Frames do not go from one port of a split-horizon group to another: 1 to 255; 0 = none. Default 0, tunnels 1. */
  readonly group?: number;
  /** Most learned addresses. Default: no limit. */
  readonly fdbLimit?: number;
  /** Most bytes behind Ethernet header and tag: 46 to 65,535. Longer frames do not leave here. Default: any. */
  readonly mtu?: number;
}

/** A port for machines that know of no VLANs. */
export interface AccessPortOptions extends AnyPortOptions {
  readonly bridgeDomain: BridgeDomain;
}

/** A port for tagged frames. */
export interface TrunkPortOptions extends AnyPortOptions {
  /** Which VLANs it takes, 1 to 4,094, and which bridge domain each belongs to: as an object or as pairs. */
  readonly vlans: Readonly<Record<number, BridgeDomain>> | Iterable<readonly [number, BridgeDomain]>;
  /** The VLAN whose frames have no tag here; one of `vlans`. Default: frames without a tag are dropped. */
  readonly native?: number;
}

interface AnyTunnelOptions extends AnyPortOptions {
  readonly remote: IpAddress;
  /** Those that reach the remote; each needs a VNI. */
  readonly bridgeDomains: readonly BridgeDomain[];
  /** MAC of the remote, or of the next hop to it. Default: made of the remote's address. */
  readonly remoteMac?: MacAddress;
  /** Default 64. */
  readonly ttl?: number;
  /** Default 0. */
  readonly dscp?: number;
}

interface UdpTunnelOptions extends AnyTunnelOptions {
  /** UDP destination port. Default: the VTEP's own for tunnels of this kind. */
  readonly port?: number;
  /** Default: over IPv4 no, over IPv6 yes. */
  readonly udpChecksum?: boolean;
}

/** RFC 7348. */
export interface VxlanTunnelOptions extends UdpTunnelOptions {
  readonly kind: "vxlan";
}

/** RFC 8926. Packets with critical options are not accepted: no option is understood here. */
export interface GeneveTunnelOptions extends UdpTunnelOptions {
  readonly kind: "geneve";
  /**
   * Options that every packet gets, 252 bytes at most; frames and the switch's copies need headroom for them. A critical
   * one sets the C flag. Default: none.
   */
  readonly options?: readonly GeneveOption[];
}

/**
 * GRE with a key (RFC 2784, RFC 2890), which is the VNI of the frame's bridge domain. Packets without a key, or with one
 * of more than 24 bits, are not accepted; checksums that are there must be right.
 */
export interface GreTunnelOptions extends AnyTunnelOptions {
  readonly kind: "gre";
  /** Whether the GRE checksum is computed over header and frame. Default false. */
  readonly checksum?: boolean;
}

/**
 * RFC 7637: the VSID is the VNI of the frame's bridge domain, 4,096 to 16,777,214, and the FlowID comes from the flow hash.
 * GRE with a key and NVGRE look alike, so that no remote can have a tunnel of each.
 */
export interface NvgreTunnelOptions extends AnyTunnelOptions {
  readonly kind: "nvgre";
}

/** A tunnel to one remote VTEP, for any number of bridge domains. A remote may have tunnels of several kinds. */
export type TunnelOptions = VxlanTunnelOptions | GeneveTunnelOptions | GreTunnelOptions | NvgreTunnelOptions;
