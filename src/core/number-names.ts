// Names of numbers that packets have and nobody here reads: for those who tell people what was there.

import { linkTypeName } from "./link-type-names.ts";

const ETHERTYPES: Readonly<Record<number, string>> = {
  512: "PUP",
  2048: "IPv4",
  2054: "ARP",
  2114: "Wake-on-LAN",
  8192: "CDP",
  8939: "ERSPAN III",
  8944: "AVTP",
  8947: "TRILL",
  24579: "DECnet",
  25944: "Ethernet",
  32821: "RARP",
  32923: "AppleTalk",
  33011: "AARP",
  33024: "VLAN",
  33079: "IPX",
  34525: "IPv6",
  34824: "Ethernet flow control",
  34825: "LACP and other slow protocols",
  34827: "PPP",
  34878: "WCCP",
  34887: "MPLS",
  34888: "MPLS multicast",
  34915: "PPPoE discovery",
  34916: "PPPoE",
  34958: "EAPOL",
  34962: "PROFINET",
  34978: "ATA over Ethernet",
  34980: "EtherCAT",
  34984: "service VLAN",
  34997: "experiment",
  34998: "experiment",
  35000: "GOOSE",
  35006: "ERSPAN",
  35018: "TIPC",
  35020: "LLDP",
  35041: "HomePlug",
  35045: "MACsec",
  35047: "802.1ah I-tag",
  35063: "PTP",
  35074: "CFM",
  35078: "FCoE",
  35081: "Cisco MetaData",
  35092: "FCoE initialization",
  35093: "RoCE",
  35110: "VN-tag",
  35135: "802.1BR E-tag",
  35151: "NSH",
  36864: "loopback",
  37120: "VLAN",
};

const IP_PROTOCOLS: Readonly<Record<number, string>> = {
  0: "hop-by-hop options",
  1: "ICMP",
  2: "IGMP",
  4: "IPv4",
  6: "TCP",
  8: "EGP",
  17: "UDP",
  27: "RDP",
  33: "DCCP",
  41: "IPv6",
  43: "IPv6 routing",
  44: "IPv6 fragment",
  46: "RSVP",
  47: "GRE",
  50: "ESP: encrypted",
  51: "AH",
  55: "minimal encapsulation",
  58: "ICMPv6",
  59: "nothing",
  60: "IPv6 destination options",
  88: "EIGRP",
  89: "OSPF",
  94: "IPIP",
  97: "EtherIP",
  98: "encapsulation header",
  103: "PIM",
  108: "IPComp",
  112: "VRRP",
  115: "L2TPv3",
  132: "SCTP",
  135: "mobility",
  136: "UDP-Lite",
  137: "MPLS",
  139: "HIP",
  140: "Shim6",
  143: "SRv6 Ethernet",
  253: "experiment",
  254: "experiment",
};

const PPP_PROTOCOLS: Readonly<Record<number, string>> = {
  33: "IPv4",
  49: "bridged frame",
  87: "IPv6",
  253: "compressed",
  641: "MPLS",
  32801: "IPCP",
  32855: "IPV6CP",
  33021: "CCP",
  49185: "LCP",
  49187: "PAP",
  49189: "LQR",
  49699: "CHAP",
};

/** `0x88cc (LLDP)`. */
export function etherTypeText(etherType: number): string {
  return text(`0x${etherType.toString(16).padStart(4, "0")}`, ETHERTYPES[etherType]);
}

/** `50 (ESP: encrypted)`. */
export function ipProtocolText(protocol: number): string {
  return text(String(protocol), IP_PROTOCOLS[protocol]);
}

/** `0xc021 (LCP)`. */
export function pppProtocolText(protocol: number): string {
  return text(`0x${protocol.toString(16).padStart(4, "0")}`, PPP_PROTOCOLS[protocol]);
}

/** `189 (USB_LINUX)`. */
export function linkTypeText(linkType: number): string {
  return text(String(linkType), linkTypeName(linkType));
}

function text(number: string, name: string | undefined): string {
  return name === undefined ? number : `${number} (${name})`;
}
