// How link types are called that are not opened here, for those who have to say so: tcpdump.org's names without LINKTYPE_.

import { linkTypeRow } from "./link-types.ts";

const NAMES: Readonly<Record<number, string>> = {
  3: "AX25",
  6: "IEEE802_5",
  7: "ARCNET_BSD",
  8: "SLIP",
  10: "FDDI",
  51: "PPP_ETHER",
  99: "SYMANTEC_FIREWALL",
  100: "ATM_RFC1483",
  107: "FRELAY",
  114: "LTALK",
  117: "PFLOG",
  119: "IEEE802_11_PRISM",
  122: "IP_OVER_FC",
  123: "SUNATM",
  129: "ARCNET_LINUX",
  138: "APPLE_IP_OVER_IEEE1394",
  139: "MTP2_WITH_PHDR",
  140: "MTP2",
  141: "MTP3",
  142: "SCCP",
  143: "DOCSIS",
  144: "LINUX_IRDA",
  163: "IEEE802_11_AVS",
  166: "PPP_PPPD",
  169: "GPRS_LLC",
  182: "BACNET_MS_TP",
  187: "BLUETOOTH_HCI_H4",
  189: "USB_LINUX",
  192: "PPI",
  195: "IEEE802_15_4_WITHFCS",
  197: "ERF",
  201: "BLUETOOTH_HCI_H4_WITH_PHDR",
  203: "LAPD",
  204: "PPP_WITH_DIR",
  205: "C_HDLC_WITH_DIR",
  209: "IPMB_LINUX",
  212: "LAPB_WITH_DIR",
  215: "IEEE802_15_4_NONASK_PHY",
  220: "USB_LINUX_MMAPPED",
  224: "FC_2",
  226: "IPNET",
  227: "CAN_SOCKETCAN",
  230: "IEEE802_15_4_NOFCS",
  231: "DBUS",
  242: "INFINIBAND",
  243: "SCTP",
  244: "USBPCAP",
  247: "NETANALYZER",
  249: "USBPCAP",
  251: "BLUETOOTH_LE_LL",
  252: "WIRESHARK_UPPER_PDU",
  253: "NETLINK",
  256: "BLUETOOTH_LE_LL_WITH_PHDR",
  258: "PKTAP",
  259: "EPON",
  266: "USB_DARWIN",
  272: "VSOCK",
  274: "ETHERNET_MPACKET",
  278: "USB_2_0",
  283: "IEEE802_15_4_TAP",
};
/** Numbers that everybody may use as they like. */
const USER_FIRST = 147;
const USER_LAST = 162;

/** The name of a link type, opened here or not; undefined if it has none here. */
export function linkTypeName(number: number): string | undefined {
  if (number >= USER_FIRST && number <= USER_LAST) return `USER${number - USER_FIRST}`;
  return linkTypeRow(number)?.name ?? NAMES[number];
}
