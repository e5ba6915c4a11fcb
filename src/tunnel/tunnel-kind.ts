// What a kind of tunnel is made of: one row, from which pipelines, switches, the command line and the kernels have what
// they know of it. A kind is a file that makes such a row, and a line in the table of kinds.

import type { IpAddress, MacAddress } from "../core/addresses.ts";
import type { Field } from "../core/fields.ts";
import type { VxlanOptions } from "../wire/vxlan.ts";

/** What every kind of tunnel has on the way out of it. */
export interface Decapsulate {
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
  /**
   * What an outer IP length means that cannot be. `"tolerant"`, the default: zero is all that is there, as hosts have it that
   * leave segmentation to their cards; and what is longer than the frame was cut by a mirror that did not say so, so that
   * the passenger's length on the wire is what the outer length says. `"strict"` drops such packets.
   */
  readonly lengths?: "strict" | "tolerant" | undefined;
  /**
   * What the outer ECN field means for the passenger. `"ignore"`, the default: nothing, so that no byte of it changes.
   * `"rfc6040"`: congestion that routers have marked on the way is marked in the passenger's IP header (RFC 6040 §4.2), and a
   * passenger that cannot say so is dropped (`ecn-not-capable`); what carries no IP goes on.
   */
  readonly ecn?: "ignore" | "rfc6040" | undefined;
  /** Default `"pipe"`: the passenger keeps its own DSCP. `"uniform"`: it gets that of the outer packet (RFC 2983 §3.1). */
  readonly dscp?: "pipe" | "uniform" | undefined;
  /**
   * Default `"pipe"`: the passenger keeps its own TTL. `"uniform"`: it gets that of the outer packet (RFC 3443 §3.1) if that is
   * less; a TTL is never raised.
   */
  readonly ttl?: "pipe" | "uniform" | undefined;
  /** `"bare"`: the frame starts with the tunnel header, as a socket delivers it. Default `"full"`. */
  readonly header?: "full" | "bare" | undefined;
}

export interface DecapsulateUdp extends Decapsulate {
  /** UDP destination port of the tunnel. Default: that of the kind; see `tunnelKinds`. */
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

/** What every kind of tunnel has on the way into it. */
export interface Encapsulate {
  readonly stage: "encapsulate";
  /** Outer source and destination address, both IPv4 or both IPv6. Not with `header: "bare"`. */
  readonly local?: IpAddress | undefined;
  readonly remote?: IpAddress | undefined;
  /** Outer MACs. Default: locally administered, made of the last four bytes of the IP address: 02:00:0a:01:05:07. */
  readonly localMac?: MacAddress | undefined;
  readonly remoteMac?: MacAddress | undefined;
  /** Time to live or hop limit, 1 to 255; `"uniform"`: the passenger's, or 64 where that is no IP. Default 64. */
  readonly ttl?: number | "uniform" | undefined;
  /** Differentiated services code point, 0 to 63; `"uniform"`: the passenger's, or 0 where that is no IP. Default 0. */
  readonly dscp?: number | "uniform" | undefined;
  /** Outer ECN field: `"zero"`, the default, or `"rfc6040"`: the passenger's (RFC 6040 §4.1, normal mode). */
  readonly ecn?: "zero" | "rfc6040" | undefined;
  /** VLAN of the outer frame, 1 to 4,094. Default: none. */
  readonly outerVid?: number | undefined;
  /** `"bare"`: the tunnel header alone, for those who send through a socket. Default `"full"`. */
  readonly header?: "full" | "bare" | undefined;
  /** Seed of the flow hash, which gives the outer source port or the FlowID of NVGRE, 0 to 2^32 - 1. Default 0. */
  readonly seed?: number | undefined;
}

/** What every kind over UDP has on the way into it. */
export interface EncapsulateOverUdp extends Encapsulate {
  /** UDP destination port. Default: that of the kind; see `tunnelKinds`. */
  readonly port?: number | undefined;
  /**
   * Whether to compute the outer UDP checksum. Default: over IPv6 yes (RFC 8200 §8.1), over IPv4 no: so says RFC 7348 §5,
   * and for Geneve, where RFC 8926 §3.3 recommends it, Linux and Open vSwitch do it so.
   */
  readonly udpChecksum?: boolean | undefined;
}

/** What every kind has that carries Ethernet frames, tagged ones too. */
export interface CarriesEthernet {
  /** Whether the passenger's outermost VLAN tag stays. Default `"keep"`; RFC 7348 §6.1 recommends `"strip"`. */
  readonly innerTag?: "keep" | "strip" | undefined;
}

/** What every kind has that carries either. */
export interface CarriesEither extends CarriesEthernet {
  /**
   * `"ethernet"`, the default: the whole frame. `"ip"`: the IP packet in it, without link header, VLAN tags and padding;
   * frames of any link then, and what is no IP is dropped (`not-ip`).
   */
  readonly carries?: "ethernet" | "ip" | undefined;
}

export interface EncapsulateUdp extends EncapsulateOverUdp, CarriesEthernet {
  /** 0 to 16,777,215. */
  readonly vni: number;
}

/** Where a switch's tunnel leads, and what its outer packets say. */
export interface TunnelTo {
  readonly remote: IpAddress;
  /** MAC of the remote, or of the next hop to it. Default: made of the remote's address. */
  readonly remoteMac?: MacAddress | undefined;
  /** Default 64. `"uniform"`: tunnel and passenger have one TTL, both ways (RFC 3443 §3.1). */
  readonly ttl?: number | "uniform" | undefined;
  /** Default 0. `"uniform"`: tunnel and passenger have one DSCP, both ways (RFC 2983 §3.1). */
  readonly dscp?: number | "uniform" | undefined;
  /** `"rfc6040"`: congestion is told of, both ways (RFC 6040). Default `"zero"`: outer packets are not ECN-capable. */
  readonly ecn?: "zero" | "rfc6040" | undefined;
}

export interface UdpTunnelTo extends TunnelTo {
  /** UDP destination port. Default: the VTEP's own for tunnels of this kind. */
  readonly port?: number | undefined;
  /** Default: over IPv4 no, over IPv6 yes. */
  readonly udpChecksum?: boolean | undefined;
}

/** The options of one kind: of its two stages, and of a switch's tunnel. */
export interface KindOptions {
  readonly decapsulate: Decapsulate & { readonly kind: string };
  readonly encapsulate: Encapsulate & { readonly kind: string };
  readonly tunnel: TunnelTo & { readonly kind: string };
}

/** Rows of options by their names. */
export type FieldRows = Readonly<Record<string, Field<unknown>>>;

type KeysOf<T> = T extends unknown ? keyof T : never;
type ValueOf<T, K> = T extends unknown ? (K extends keyof T ? T[K] : never) : never;
/** A stage of any kind, of whose options it is known that they belong together. */
export type OfAnyKind<T> = { readonly [K in KeysOf<T>]?: ValueOf<T, K> | undefined };

/** The name of a layer that is a tunnel's header. */
export type TunnelLayer = "vxlan" | "geneve" | "gre";

/** A meaning of a header's bits that others of the same layer do not have. */
export type Reading = NonNullable<VxlanOptions["extension"]>;

/** 16 bits of a header that say of which version an IP packet is: where they lie in it, and what they say. */
export interface IpTypes {
  readonly at: number;
  readonly ipv4: number;
  readonly ipv6: number;
}

/** A kind of tunnel; `K` are the options it has. */
export interface TunnelRow<K extends KindOptions = KindOptions> {
  readonly name: K["tunnel"]["kind"];
  /** For people: `Geneve`. */
  readonly title: string;
  /** By which kernels know it; its place in the table. */
  readonly number: number;
  /** What carries it. The type is that of a whole Ethernet frame. */
  readonly over:
    | {
        readonly protocol: "udp";
        readonly port: number;
        /** Other ports that are in use for it: a dissected frame is read by them, too. */
        readonly formerly?: readonly number[];
      }
    | { readonly protocol: "gre"; readonly type: number };
  /** What the option is called that says which network of the tunnel's a frame is of; some need none. */
  readonly numberName: "vni" | "key";
  readonly numberRange: readonly [least: number, most: number];
  /** A legal number whose bits a template gives up again for those of the frame's own. */
  readonly placeholder: number;
  /** Where the four bytes of the header begin that the number lies in; negative: from the header's end. */
  readonly numberAt: number;
  /** Bits that come before a VNI there. */
  readonly numberShift: number;
  readonly decapsulate: FieldRows;
  readonly encapsulate: FieldRows;
  readonly tunnel: FieldRows;
  /** The header that checked options of an encapsulation make, with zeroes for a checksum and for what a flow gives. */
  header(options: OfAnyKind<K["encapsulate"]>): Uint8Array;
  /** Where the header says of which version an IP packet is that it carries, if it can carry one. */
  readonly ipTypes?: IpTypes;
  /** Flags of stage records that come with the kind. */
  readonly decapsulateFlags: number;
  readonly encapsulateFlags: number;
  /** Which packets the kernels' fast loops take, and with which flags of a decapsulation. */
  readonly plain: {
    /** Which bits of the header's first word are looked at, and what they are, as numbers of four bytes. */
    readonly mask: number;
    readonly bits: number;
    readonly usual: number;
  };
  /** The drop reason for a packet that ends inside of the header's first eight bytes. */
  readonly truncated: number;
  /** The number of the kind whose packets look as this one's do: no remote has tunnels of both. */
  readonly alike: number;
  /** What a dissected frame calls its header, and how that is read if there are several ways. */
  readonly layer: TunnelLayer;
  readonly reading?: Reading;
}
