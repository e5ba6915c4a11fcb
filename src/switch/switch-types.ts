// What a switch is made of, as its user says it.

import type { IpAddress, MacAddress } from "../core/addresses.ts";
import type { TunnelKind, TunnelToOf, UdpTunnelKind } from "../tunnel/kinds.ts";

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
  readonly ports?: number | undefined;
  /** Most bridge domains: 1 to 65,535, default 64. */
  readonly bridgeDomains?: number | undefined;
  /** Most neighbours, addresses of routers included: 1 to 16,777,216, default 256. */
  readonly neighbours?: number | undefined;
  /**
   * Seed of the flow hash by which routers choose among next hops, 0 to 2^32 - 1, default 0. Routers behind each other
   * need different ones, or all flows that reach the second choose there what they chose at the first.
   */
  readonly flowSeed?: number | undefined;
  readonly fdb?: SwitchFdbOptions | undefined;
  /** Its end of tunnels. Without it there are none. */
  readonly vtep?: VtepOptions | undefined;
  /** Room for the copies that flooding makes; many switches of one thread may share it. By default its own. */
  readonly workspace?: Workspace | undefined;
}

/** Room for frames that a switch makes; see `SwitchWorkspace`. */
export interface Workspace {
  readonly frameBytes: number;
}

export interface SwitchWorkspaceOptions {
  /** How many copies of frames there is room for at a time: 1 to 65,536, default 256. */
  readonly copies?: number | undefined;
  /** Longest frame that is copied, in bytes. Default 1,984. */
  readonly frameBytes?: number | undefined;
  /** Bytes in front of each copy, for tags and tunnels. Default 128. */
  readonly headroom?: number | undefined;
}

export interface SwitchFdbOptions {
  /** Most entries: 1 to 16,777,216, default 8,192. */
  readonly capacity?: number | undefined;
  /** Seconds after which `sweep` removes what was learned and not seen again: 0 (never) to 1,000,000, default 300. */
  readonly ageSeconds?: number | undefined;
  /**
   * What a full table does with a new address: `"evict"` (default) takes out the least recently used entry of the port
   * that has most; `"forward"` forwards without learning.
   */
  readonly whenFull?: "evict" | "forward" | undefined;
  /** Seed of the hash, 64 bits. Default: random, so that nobody can aim addresses at one bucket. */
  readonly seed?: bigint | undefined;
  /** Most events that wait to be taken: 0 to 1,048,576, default 1,024. */
  readonly events?: number | undefined;
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
  readonly mac?: MacAddress | undefined;
  /**
   * UDP ports on which packets of each kind are accepted, and to which those of its tunnels go; each another one. Default:
   * the kind's own; see `tunnelKinds`.
   */
  readonly ports?: { readonly [K in UdpTunnelKind]?: number | undefined } | undefined;
  /** What reserved bits of tunnel headers mean; see the pipeline's decapsulation. Default `"rfc"`. */
  readonly rule?: "rfc" | "strict" | undefined;
  /** Of outer UDP packets. Default `"ignore"`. */
  readonly udpChecksum?: "ignore" | "verify" | undefined;
  /** Of outer IPv4 headers. Default `"verify"`. */
  readonly ipChecksum?: "ignore" | "verify" | undefined;
}

export interface BridgeDomainOptions {
  /** Default: `domain-` and its number. */
  readonly name?: string | undefined;
  /** 0 to 16,777,215. Without one the domain cannot be in a tunnel. */
  readonly vni?: number | undefined;
  /** Whether source addresses are learned. Default true. */
  readonly learning?: boolean | undefined;
  /** What becomes of frames to addresses that are not known. Default `"flood"`. */
  readonly unknownUnicast?: "flood" | "drop" | undefined;
  /** Whether ARP requests for known neighbours are answered instead of flooded. Default false. */
  readonly arpSuppression?: boolean | undefined;
  /** Most learned addresses. Default: no limit. */
  readonly fdbLimit?: number | undefined;
}

/** Which MAC an IP address has in a bridge domain. */
export interface NeighbourOptions {
  readonly bridgeDomain: BridgeDomain;
  readonly ip: IpAddress;
  readonly mac: MacAddress;
}

export interface AnyPortOptions {
  /** Default: `port-` and its number. */
  readonly name?: string | undefined;
  /** Whether source addresses are learned here. Default true. */
  readonly learning?: boolean | undefined;
  /** Whether flooded frames leave here. Default true. */
  readonly flood?: boolean | undefined;
  /** Frames do not go from one port of a split-horizon group to another: 1 to 255; 0 = none. Default 0, tunnels 1. */
  readonly group?: number | undefined;
  /** Most learned addresses. Default: no limit. */
  readonly fdbLimit?: number | undefined;
  /** Most bytes behind Ethernet header and tag: 46 to 65,535. Longer frames do not leave here. Default: any. */
  readonly mtu?: number | undefined;
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
  readonly native?: number | undefined;
}

interface AnyTunnelOptions extends AnyPortOptions {
  /** Those that reach the remote; each needs a VNI. */
  readonly bridgeDomains: readonly BridgeDomain[];
}

/** A tunnel of one kind to one remote VTEP, for any number of bridge domains. */
export type TunnelOptionsOf<K extends TunnelKind> = AnyTunnelOptions & TunnelToOf<K>;

/** A tunnel to one remote VTEP, for any number of bridge domains. A remote may have tunnels of several kinds. */
export type TunnelOptions = { [K in TunnelKind]: TunnelOptionsOf<K> }[TunnelKind];
