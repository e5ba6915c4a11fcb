// The fields of each kind of layer that compose takes.

import type { AhHeader } from "../wire/ah.ts";
import type { ArpFields } from "../wire/arp.ts";
import type { CapwapFields } from "../wire/capwap.ts";
import type { ETagFields } from "../wire/e-tag.ts";
import type { ErspanFields } from "../wire/erspan.ts";
import type { EtherIpHeader } from "../wire/etherip.ts";
import type { EthernetFields } from "../wire/ethernet.ts";
import type { GeneveFields } from "../wire/geneve.ts";
import type { GreFields } from "../wire/gre.ts";
import type { GtpUFields } from "../wire/gtp-u.ts";
import type { ITagFields } from "../wire/i-tag.ts";
import type { IcmpFields } from "../wire/icmp.ts";
import type { Ipv4Fields } from "../wire/ipv4.ts";
import type { Ipv6Fields } from "../wire/ipv6.ts";
import type { L2tpFields } from "../wire/l2tp.ts";
import type { L2tpv3Fields } from "../wire/l2tpv3.ts";
import type { LlcHeader } from "../wire/llc.ts";
import type { HdlcFields, NullFields } from "../wire/loopback.ts";
import type { ControlWordFields, MplsFields } from "../wire/mpls.ts";
import type { NflogFields } from "../wire/nflog.ts";
import type { NshFields } from "../wire/nsh.ts";
import type { Fields } from "../wire/parsed.ts";
import type { PppFields } from "../wire/ppp.ts";
import type { PppoeFields } from "../wire/pppoe.ts";
import type { PptpFields } from "../wire/pptp.ts";
import type { RadiotapHeader } from "../wire/radiotap.ts";
import type { Sll2Fields, SllFields } from "../wire/sll.ts";
import type { TcpFields } from "../wire/tcp.ts";
import type { TzspFields } from "../wire/tzsp.ts";
import type { UdpFields } from "../wire/udp.ts";
import type { VlanFields } from "../wire/vlan.ts";
import type { VnTagFields } from "../wire/vn-tag.ts";
import type { VxlanHeader } from "../wire/vxlan.ts";
import type { WlanFields } from "../wire/wlan.ts";

/** The header fields of each kind of layer that {@link compose} takes. What it fills in may be left out. */
export interface ComposeFields {
  ethernet: Fields<EthernetFields, "etherType">;
  sll: Fields<SllFields, "protocol">;
  sll2: Fields<Sll2Fields, "protocol">;
  null: Fields<NullFields, "family">;
  hdlc: Fields<HdlcFields, "etherType">;
  nflog: Fields<NflogFields, "family" | "payloadLength">;
  radiotap: RadiotapHeader;
  "802.11": WlanFields;
  vlan: Fields<VlanFields, "etherType">;
  "vn-tag": Fields<VnTagFields, "etherType">;
  "802.1br": Fields<ETagFields, "etherType">;
  "802.1ah": ITagFields;
  llc: LlcHeader;
  pppoe: Fields<PppoeFields, "length">;
  ppp: Fields<PppFields, "protocol">;
  arp: ArpFields;
  ipv4: Fields<Ipv4Fields, "totalLength" | "protocol">;
  ipv6: Fields<Ipv6Fields, "payloadLength" | "protocol">;
  ah: Fields<AhHeader, "protocol">;
  udp: Fields<UdpFields, "length" | "sourcePort" | "destinationPort">;
  tcp: TcpFields;
  icmp: IcmpFields;
  icmpv6: IcmpFields;
  mpls: Fields<MplsFields, "bottom">;
  "control-word": ControlWordFields;
  vxlan: VxlanHeader;
  geneve: GeneveFields;
  /** A checksum that is true is computed; GRE has none unless asked. */
  gre: Omit<GreFields, "checksum"> & { readonly checksum?: number | boolean | undefined };
  pptp: Fields<PptpFields, "payloadLength">;
  erspan: ErspanFields;
  etherip: Partial<EtherIpHeader>;
  l2tp: L2tpFields;
  l2tpv3: L2tpv3Fields;
  "gtp-u": Fields<GtpUFields, "length">;
  nsh: NshFields;
  tzsp: TzspFields;
  capwap: CapwapFields;
}

/** The name of a kind of layer that {@link compose} takes. */
export type ComposeName = keyof ComposeFields;

/** One header to compose: its name and its fields. */
export type ComposeLayer = {
  [Name in ComposeName]: { readonly name: Name } & ComposeFields[Name];
}[ComposeName];
