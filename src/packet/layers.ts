// The layers of a dissected frame, and small readers of them.

import type { ArpHeader } from "../wire/arp.ts";
import type { ChecksumStatus } from "../wire/checksum.ts";
import type { EthernetHeader } from "../wire/ethernet.ts";
import type { GeneveHeader } from "../wire/geneve.ts";
import { type GreHeader, nvgreOf } from "../wire/gre.ts";
import type { IcmpHeader } from "../wire/icmp.ts";
import type { Ipv4Header } from "../wire/ipv4.ts";
import type { Ipv6Header } from "../wire/ipv6.ts";
import type { LlcHeader } from "../wire/llc.ts";
import type { TcpHeader } from "../wire/tcp.ts";
import type { UdpHeader } from "../wire/udp.ts";
import type { VlanHeader } from "../wire/vlan.ts";
import type { VxlanHeader } from "../wire/vxlan.ts";

/** What is known of bytes that are read no further. */
export interface PayloadHeader {
  /** The Ethernet type that announced them, if one did. */
  readonly etherType?: number | undefined;
  /** The IP protocol number that announced them, if one did. */
  readonly protocol?: number | undefined;
}

/** The header of each kind of layer, by its name. */
export interface LayerHeaders {
  ethernet: EthernetHeader;
  vlan: VlanHeader;
  llc: LlcHeader;
  arp: ArpHeader;
  ipv4: Ipv4Header;
  ipv6: Ipv6Header;
  udp: UdpHeader;
  tcp: TcpHeader;
  icmp: IcmpHeader;
  icmpv6: IcmpHeader;
  vxlan: VxlanHeader;
  geneve: GeneveHeader;
  gre: GreHeader;
  /** The innermost bytes, which are read no further. */
  payload: PayloadHeader;
  /** A whole frame of a link type that is not read. */
  unknown: { readonly linkType: number };
}

/** The name of a kind of layer. */
export type LayerName = keyof LayerHeaders;

/** One layer of a kind. */
export interface LayerOf<Name extends LayerName> {
  readonly name: Name;
  /** Offset of its first byte in the frame. */
  readonly offset: number;
  /** Bytes of its header; of a payload all bytes at hand. A VLAN layer begins behind its TPID. */
  readonly length: number;
  readonly header: LayerHeaders[Name];
  /** Of IPv4, UDP and GRE, if {@link dissect} was asked to verify checksums. */
  readonly checksum?: ChecksumStatus | undefined;
}

/** One layer of a frame: look at `name` first. */
export type Layer = { [Name in LayerName]: LayerOf<Name> }[LayerName];

/**
 * The VNIs of a frame's tunnels, outermost first, and the VSIDs of NVGRE (RFC 7637). The
 * keys of plain GRE are no VNIs.
 */
export function vnisOf(layers: readonly Layer[]): number[] {
  const vnis: number[] = [];
  for (const layer of layers) {
    if ("vni" in layer.header) vnis.push(layer.header.vni);
    if (layer.name !== "gre") continue;
    const nvgre = nvgreOf(layer.header);
    if (nvgre) vnis.push(nvgre.vsid);
  }
  return vnis;
}

/** The VIDs of a frame's VLAN tags, outermost first, priority tags (0) and those of passengers included. */
export function vlansOf(layers: readonly Layer[]): number[] {
  const vids: number[] = [];
  for (const layer of layers) if (layer.name === "vlan") vids.push(layer.header.vid);
  return vids;
}
