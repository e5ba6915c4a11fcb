// By which numbers headers say what follows them: a row for each kind of layer, read by dissect one way, by compose the
// other. Where several numbers stand, compose writes the first.

import { IP_PROTOCOL_AH } from "../layout/ah.layout.ts";
import { IP_PROTOCOL_ETHERIP } from "../layout/etherip.layout.ts";
import {
  ETHERTYPE_ARP,
  ETHERTYPE_E_TAG,
  ETHERTYPE_ERSPAN,
  ETHERTYPE_ERSPAN_III,
  ETHERTYPE_I_TAG,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  ETHERTYPE_MPLS,
  ETHERTYPE_MPLS_MULTICAST,
  ETHERTYPE_NSH,
  ETHERTYPE_PPP,
  ETHERTYPE_PPPOE,
  ETHERTYPE_PPPOE_DISCOVERY,
  ETHERTYPE_TEB,
  ETHERTYPE_VN_TAG,
} from "../layout/ethernet.layout.ts";
import {
  IP_PROTOCOL_GRE,
  IP_PROTOCOL_ICMP,
  IP_PROTOCOL_ICMPV6,
  IP_PROTOCOL_IPV4,
  IP_PROTOCOL_IPV6,
  IP_PROTOCOL_TCP,
  IP_PROTOCOL_UDP,
} from "../layout/ipv4.layout.ts";
import { IP_PROTOCOL_L2TP } from "../layout/l2tp.layout.ts";
import {
  PPP_PROTOCOL_IPV4,
  PPP_PROTOCOL_IPV6,
  PPP_PROTOCOL_MPLS,
  PPP_PROTOCOL_MPLS_MULTICAST,
} from "../layout/link.layout.ts";
import { IP_PROTOCOL_MPLS } from "../layout/mpls.layout.ts";
import {
  NSH_NEXT_ETHERNET,
  NSH_NEXT_IPV4,
  NSH_NEXT_IPV6,
  NSH_NEXT_MPLS,
  NSH_NEXT_NSH,
} from "../layout/nsh.layout.ts";
import { TPID_CUSTOMER, TPID_LEGACY, TPID_SERVICE } from "../layout/vlan.layout.ts";
import {
  VXLAN_NEXT_ETHERNET,
  VXLAN_NEXT_IPV4,
  VXLAN_NEXT_IPV6,
  VXLAN_NEXT_MPLS,
  VXLAN_NEXT_NSH,
} from "../layout/vxlan.layout.ts";
import type { StepName } from "./layers.ts";

/** The kinds of numbers that announce a header. */
interface Numbers {
  /** Ethernet types. */
  readonly etherType?: readonly number[];
  /** Protocol types of GRE that are no Ethernet types, or others than there. */
  readonly gre?: readonly number[];
  /** IP protocol numbers. */
  readonly protocol?: readonly number[];
  /** PPP protocol numbers. */
  readonly ppp?: readonly number[];
  /** Next protocols of VXLAN-GPE. */
  readonly gpe?: readonly number[];
  /** Next protocols of NSH. */
  readonly nsh?: readonly number[];
}

const ANNOUNCED: { readonly [Name in StepName]?: Numbers } = {
  ethernet: { etherType: [ETHERTYPE_TEB], gpe: [VXLAN_NEXT_ETHERNET], nsh: [NSH_NEXT_ETHERNET] },
  vlan: { etherType: [TPID_CUSTOMER, TPID_SERVICE, TPID_LEGACY] },
  "vn-tag": { etherType: [ETHERTYPE_VN_TAG] },
  "802.1br": { etherType: [ETHERTYPE_E_TAG] },
  "802.1ah": { etherType: [ETHERTYPE_I_TAG] },
  arp: { etherType: [ETHERTYPE_ARP] },
  ipv4: {
    etherType: [ETHERTYPE_IPV4],
    protocol: [IP_PROTOCOL_IPV4],
    ppp: [PPP_PROTOCOL_IPV4],
    gpe: [VXLAN_NEXT_IPV4],
    nsh: [NSH_NEXT_IPV4],
  },
  ipv6: {
    etherType: [ETHERTYPE_IPV6],
    protocol: [IP_PROTOCOL_IPV6],
    ppp: [PPP_PROTOCOL_IPV6],
    gpe: [VXLAN_NEXT_IPV6],
    nsh: [NSH_NEXT_IPV6],
  },
  ah: { protocol: [IP_PROTOCOL_AH] },
  udp: { protocol: [IP_PROTOCOL_UDP] },
  tcp: { protocol: [IP_PROTOCOL_TCP] },
  icmp: { protocol: [IP_PROTOCOL_ICMP] },
  icmpv6: { protocol: [IP_PROTOCOL_ICMPV6] },
  gre: { protocol: [IP_PROTOCOL_GRE] },
  pptp: { protocol: [IP_PROTOCOL_GRE] },
  erspan: { gre: [ETHERTYPE_ERSPAN, ETHERTYPE_ERSPAN_III] },
  etherip: { protocol: [IP_PROTOCOL_ETHERIP] },
  l2tpv3: { protocol: [IP_PROTOCOL_L2TP] },
  mpls: {
    etherType: [ETHERTYPE_MPLS, ETHERTYPE_MPLS_MULTICAST],
    protocol: [IP_PROTOCOL_MPLS],
    ppp: [PPP_PROTOCOL_MPLS, PPP_PROTOCOL_MPLS_MULTICAST],
    gpe: [VXLAN_NEXT_MPLS],
    nsh: [NSH_NEXT_MPLS],
  },
  nsh: { etherType: [ETHERTYPE_NSH], gpe: [VXLAN_NEXT_NSH], nsh: [NSH_NEXT_NSH] },
  pppoe: { etherType: [ETHERTYPE_PPPOE, ETHERTYPE_PPPOE_DISCOVERY] },
  ppp: { gre: [ETHERTYPE_PPP] },
};

/** Which layer a number announces. A GRE header of version 1 announces itself as one of version 0 does. */
export const BY_ETHERTYPE: ReadonlyMap<number, StepName> = announcedBy("etherType");
export const BY_GRE: ReadonlyMap<number, StepName> = announcedBy("gre");
export const BY_PROTOCOL: ReadonlyMap<number, StepName> = announcedBy("protocol");
export const BY_PPP: ReadonlyMap<number, StepName> = announcedBy("ppp");
export const BY_GPE: ReadonlyMap<number, StepName> = announcedBy("gpe");
export const BY_NSH: ReadonlyMap<number, StepName> = announcedBy("nsh");

function announcedBy(numbers: keyof Numbers): ReadonlyMap<number, StepName> {
  const layers = new Map<number, StepName>();
  for (const [name, row] of Object.entries(ANNOUNCED))
    for (const number of row?.[numbers] ?? []) if (!layers.has(number)) layers.set(number, name as StepName);
  return layers;
}

/** The number by which a layer is announced; undefined if none does. */
export function numberOf(name: string, numbers: keyof Numbers): number | undefined {
  return Object.hasOwn(ANNOUNCED, name) ? ANNOUNCED[name as StepName]?.[numbers]?.[0] : undefined;
}
