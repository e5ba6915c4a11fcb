// The layers of a dissected frame, and small readers of them.

import type { AhHeader } from "../wire/ah.ts";
import type { ArpHeader } from "../wire/arp.ts";
import type { CapwapHeader } from "../wire/capwap.ts";
import type { ChecksumStatus } from "../wire/checksum.ts";
import type { ETagHeader } from "../wire/e-tag.ts";
import type { ErspanHeader } from "../wire/erspan.ts";
import type { EtherIpHeader } from "../wire/etherip.ts";
import type { EthernetHeader } from "../wire/ethernet.ts";
import type { GeneveHeader } from "../wire/geneve.ts";
import { type GreHeader, nvgreOf } from "../wire/gre.ts";
import type { GtpUHeader } from "../wire/gtp-u.ts";
import type { ITagHeader } from "../wire/i-tag.ts";
import type { IcmpHeader } from "../wire/icmp.ts";
import type { Ipv4Header } from "../wire/ipv4.ts";
import type { Ipv6Header } from "../wire/ipv6.ts";
import type { L2tpHeader } from "../wire/l2tp.ts";
import type { L2tpv3Header } from "../wire/l2tpv3.ts";
import type { LlcHeader } from "../wire/llc.ts";
import type { HdlcHeader, NullHeader } from "../wire/loopback.ts";
import type { ControlWordHeader, MplsHeader } from "../wire/mpls.ts";
import type { NflogHeader } from "../wire/nflog.ts";
import type { NshHeader } from "../wire/nsh.ts";
import type { PppHeader } from "../wire/ppp.ts";
import type { PppoeHeader } from "../wire/pppoe.ts";
import type { PptpHeader } from "../wire/pptp.ts";
import type { RadiotapHeader } from "../wire/radiotap.ts";
import type { Sll2Header, SllHeader } from "../wire/sll.ts";
import type { TcpHeader } from "../wire/tcp.ts";
import type { TzspHeader } from "../wire/tzsp.ts";
import type { UdpHeader } from "../wire/udp.ts";
import type { VlanHeader } from "../wire/vlan.ts";
import type { VnTagHeader } from "../wire/vn-tag.ts";
import type { VxlanHeader } from "../wire/vxlan.ts";
import type { WlanHeader } from "../wire/wlan.ts";

/** What is known of bytes that are read no further. */
export interface PayloadHeader {
  /** The Ethernet type that announced them, if one did. */
  readonly etherType?: number | undefined;
  /** The IP protocol number that announced them, if one did. */
  readonly protocol?: number | undefined;
  /** The PPP protocol number that announced them, if one did. */
  readonly pppProtocol?: number | undefined;
  /** The next protocol of VXLAN-GPE or NSH that announced them, if one did. */
  readonly nextProtocol?: number | undefined;
}

/** The header of each kind of layer, by its name. */
export interface LayerHeaders {
  ethernet: EthernetHeader;
  /** Linux cooked, version 1. */
  sll: SllHeader;
  /** Linux cooked, version 2. */
  sll2: Sll2Header;
  /** BSD loopback. */
  null: NullHeader;
  /** Cisco's HDLC. */
  hdlc: HdlcHeader;
  nflog: NflogHeader;
  radiotap: RadiotapHeader;
  "802.11": WlanHeader;
  vlan: VlanHeader;
  llc: LlcHeader;
  arp: ArpHeader;
  ipv4: Ipv4Header;
  ipv6: Ipv6Header;
  udp: UdpHeader;
  tcp: TcpHeader;
  icmp: IcmpHeader;
  icmpv6: IcmpHeader;
  /** An authentication header between IPv4 and what it covers; in IPv6 it is one of the extensions. */
  ah: AhHeader;
  "vn-tag": VnTagHeader;
  /** An E-tag. */
  "802.1br": ETagHeader;
  /** An I-tag. */
  "802.1ah": ITagHeader;
  pppoe: PppoeHeader;
  ppp: PppHeader;
  /** One label of a stack. */
  mpls: MplsHeader;
  /** That of a pseudowire. */
  "control-word": ControlWordHeader;
  vxlan: VxlanHeader;
  geneve: GeneveHeader;
  gre: GreHeader;
  /** GRE of version 1. */
  pptp: PptpHeader;
  erspan: ErspanHeader;
  etherip: EtherIpHeader;
  /** L2TP of version 2. */
  l2tp: L2tpHeader;
  l2tpv3: L2tpv3Header;
  "gtp-u": GtpUHeader;
  nsh: NshHeader;
  tzsp: TzspHeader;
  capwap: CapwapHeader;
  /** The innermost bytes, which are read no further. */
  payload: PayloadHeader;
  /** A whole frame of a link type that is not read. */
  unknown: { readonly linkType: number };
}

/** The name of a kind of layer. */
export type LayerName = keyof LayerHeaders;

/** The name of a layer that is a header. */
export type StepName = Exclude<LayerName, "payload" | "unknown">;

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

/** Settings of {@link vnisOf}. */
export interface VniOptions {
  /**
   * Reads keys of GRE as NVGRE has them (RFC 7637): VSID and FlowID. Nothing in a packet tells the two apart, so that
   * somebody has to know which is meant. Default false: keys are keys, see {@link keysOf}.
   */
  readonly nvgre?: boolean | undefined;
}

/** The VNIs of a frame's tunnels, outermost first: of VXLAN and Geneve, and VSIDs where NVGRE is meant. */
export function vnisOf(layers: readonly Layer[], options: VniOptions = {}): number[] {
  const vnis: number[] = [];
  for (const layer of layers) {
    if (layer.name === "vxlan" || layer.name === "geneve") vnis.push(layer.header.vni);
    if (layer.name !== "gre" || options.nvgre !== true) continue;
    const nvgre = nvgreOf(layer.header);
    if (nvgre) vnis.push(nvgre.vsid);
  }
  return vnis;
}

/** The keys of a frame's GRE headers, outermost first; without those that {@link vnisOf} reads as VSIDs. */
export function keysOf(layers: readonly Layer[], options: VniOptions = {}): number[] {
  const keys: number[] = [];
  for (const layer of layers) {
    if (layer.name !== "gre" || layer.header.key === undefined) continue;
    if (options.nvgre !== true || nvgreOf(layer.header) === undefined) keys.push(layer.header.key);
  }
  return keys;
}

/** The VIDs of a frame's VLAN tags, outermost first, priority tags (0) and those of passengers included. */
export function vlansOf(layers: readonly Layer[]): number[] {
  const vids: number[] = [];
  for (const layer of layers) if (layer.name === "vlan") vids.push(layer.header.vid);
  return vids;
}
