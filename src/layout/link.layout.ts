// Links: with what the bytes of a frame begin, and what kernels have to know to find what comes behind it.
//
// A descriptor has one of these numbers (descriptor.layout). They are not the numbers that captures have for link types:
// several of those begin alike. Which is which says the table in src/pcap/link-types.ts.

export const LINK_ETHERNET = 0;
/** An IPv4 or IPv6 packet and nothing in front of it, told apart by its version. */
export const LINK_IP = 1;
/** Linux cooked, version 1: packet type(16) ARPHRD type(16) address length(16) address(64) protocol(16). */
export const LINK_SLL = 2;
/** Linux cooked, version 2: protocol(16) reserved(16) interface(32) ARPHRD type(16) packet type(8) length(8) address(64). */
export const LINK_SLL2 = 3;
/** BSD loopback: an address family of four bytes, in either byte order. */
export const LINK_NULL = 4;
/** PPP, with address and control in front of it or without (RFC 1661, RFC 1662); or Cisco HDLC (RFC 1547 §4.3.1). */
export const LINK_PPP = 5;
/** Linux's netfilter log: family(8) version(8) resource(16), then fields of length(16) type(16) value, padded to four. */
export const LINK_NFLOG = 6;
/** IEEE 802.11. */
export const LINK_WLAN = 7;
/** The same behind a radiotap header, which says its own length. */
export const LINK_RADIOTAP = 8;
/** An IPv4 packet and nothing else, or IPv6: as LINK_IP, but nothing may become one of these on its way. */
export const LINK_IPV4 = 9;
export const LINK_IPV6 = 10;
/** One that nothing is known of: its frames can be kept, dropped and counted. */
export const LINK_OTHER = 255;

export const SLL_ARPHRD = 2;
export const SLL_PROTOCOL = 14;
export const SLL_LENGTH = 16;

export const SLL2_PROTOCOL = 0;
export const SLL2_ARPHRD = 8;
export const SLL2_LENGTH = 20;

// Types of interface (Linux if_arp.h) whose protocol field is no EtherType.
export const ARPHRD_FRAME_RELAY = 770;
export const ARPHRD_WLAN_FIRST = 801; // IEEE 802.11, then behind a Prism or a radiotap header
export const ARPHRD_WLAN_LAST = 803;
export const ARPHRD_NETLINK = 824;
/** Protocol of a cooked frame that begins with an LLC header. */
export const SLL_PROTOCOL_LLC = 4;

export const NULL_LENGTH = 4;
export const FAMILY_IPV4 = 2; // the one number on which all systems agree
export const FAMILY_IPV6_LINUX = 10;
export const FAMILY_IPV6_WINDOWS = 23;
export const FAMILY_IPV6_NETBSD = 24; // and OpenBSD
export const FAMILY_IPV6_SOLARIS = 26;
export const FAMILY_IPV6_FREEBSD = 28;
export const FAMILY_IPV6_DARWIN = 30;

export const PPP_ADDRESS = 0xff;
export const PPP_CONTROL = 0x03;
export const PPP_ADDRESS_CONTROL_LENGTH = 2;
export const PPP_PROTOCOL_LENGTH = 2; // one byte where both sides have agreed on it: then it is odd
export const PPP_PROTOCOL_IPV4 = 0x0021;
export const PPP_PROTOCOL_IPV6 = 0x0057;
export const PPP_PROTOCOL_MPLS = 0x0281;
export const PPP_PROTOCOL_MPLS_MULTICAST = 0x0283;

export const HDLC_UNICAST = 0x0f;
export const HDLC_MULTICAST = 0x8f;
export const HDLC_TYPE = 2;
export const HDLC_LENGTH = 4;

export const NFLOG_FAMILY = 0;
export const NFLOG_VERSION = 1;
export const NFLOG_LENGTH = 4;
export const NFLOG_FIELD_TYPE = 2;
export const NFLOG_FIELD_LENGTH = 4; // counted by the length in it
export const NFLOG_FIELD_PAYLOAD = 9;

export const WLAN_CONTROL_TYPE_MASK = 0x0f; // version and type
export const WLAN_CONTROL_DATA = 0x08;
export const WLAN_CONTROL_QOS = 0x80; // subtypes with this bit have a QoS field
export const WLAN_CONTROL_EMPTY = 0x40; // subtypes with this bit carry nothing
export const WLAN_FLAGS = 1;
export const WLAN_FLAGS_BOTH_WAYS = 0x03; // to and from a distribution system: there is a fourth address
export const WLAN_FLAGS_PROTECTED = 0x40;
export const WLAN_FLAGS_ORDER = 0x80; // with QoS: there is an HT control field
export const WLAN_SEQUENCE = 22; // its low four bits count fragments
export const WLAN_LENGTH = 24;
export const WLAN_ADDRESS_LENGTH = 6;
export const WLAN_QOS_LENGTH = 2;
export const WLAN_QOS_AGGREGATE = 0x80; // several frames in one (A-MSDU)
export const WLAN_HT_LENGTH = 4;

export const RADIOTAP_TOTAL_LENGTH = 2; // little-endian, as all of it
export const RADIOTAP_PRESENT = 4;
export const RADIOTAP_LENGTH = 8;
export const RADIOTAP_PRESENT_CLOCK = 0x01;
export const RADIOTAP_PRESENT_FLAGS = 0x02;
export const RADIOTAP_CLOCK_LENGTH = 8; // and its alignment
export const RADIOTAP_FLAG_PADDED = 0x20; // the 802.11 header is padded to a multiple of four
